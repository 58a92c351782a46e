"""Does the step that the Loop page proposes, with defaults: one button, one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from labeling.models import Project, Prompt, Round, TaskKind
from labeling.services.rounds import open_round, request_demonstrations
from training.exceptions import Refused, TrainingError, require_researcher
from training.loop import NextAction, Verb, loop_state
from training.models import Dataset, DatasetKind, Run, Stage
from training.services.base_models import register_tiny_story
from training.services.datasets import freeze_dataset
from training.services.records import FreezeQuery
from training.services.run_inputs import default_inputs, preset_settings
from training.services.runs import request_run
from training.services.samples import publish_samples

ASKED_AT_ONCE = 100
"""How many demonstrations one press asks for; a large import would otherwise fill the queue for weeks."""
ANSWERED_AT_ONCE = 60
"""How many fresh prompts one press answers: about an hour of ranking, and prompts are left for the next round."""


class LoopMovedOn(TrainingError):
    """Somebody else did this step in the meantime, or something ended; nothing was done."""

    code = "loop_moved_on"
    status = 409


@dataclass(frozen=True)
class Advanced:
    """What was done, in a sentence, and the run or dataset that it made."""

    said: str
    run_id: int | None = None
    dataset_id: int | None = None


def advance_loop(*, actor: User, project: Project, verb: str, target: str = "") -> Advanced:
    """Do the loop's next step, provided that it is still `verb` on `target`, as the page that asks was showing.

    Presses that come at the same time follow each other, so the second finds the loop moved on (freezing twice is
    harmless and waits for nobody). Raises LoopMovedOn, and whatever the step's own service refuses.
    """
    require_researcher(actor)
    if verb == Verb.START_RUN and target == Stage.GENERATE:
        _still_next(project, verb, target)
        fresh = _freeze_fresh_prompts(actor, project)
        with transaction.atomic():
            locked = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
            return _start_run(actor, locked, _still_next(locked, verb, target), fresh)
    if verb == Verb.FREEZE:  # outside a transaction, which would give up freeze_dataset's snapshot
        _still_next(project, verb, target)
        dataset = freeze_dataset(actor=actor, project=project, kind=target)
        return Advanced(_("%(dataset)s is frozen.") % {"dataset": dataset}, dataset_id=dataset.pk)
    with transaction.atomic():
        locked = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        action = _still_next(locked, verb, target)
        step = _STEPS.get(action.verb)
        if step is None:
            raise Refused(_("This step is done by hand: %(why)s") % {"why": action.why})
        return step(actor, locked, action)


def _still_next(project: Project, verb: str, target: str) -> NextAction:
    action = loop_state(project).next_action
    if (action.verb, action.target) != (verb, target):
        raise LoopMovedOn(
            _("The loop has moved on; nothing was done. The next step is: %(label)s.") % {"label": action.label}
        )
    return action


def _open_round(actor: User, project: Project, action: NextAction) -> Advanced:
    opened = open_round(actor=actor, project=project)
    return Advanced(_("Round %(number)d is open.") % {"number": opened.number})


def _add_base(actor: User, project: Project, action: NextAction) -> Advanced:
    base = register_tiny_story(actor=actor)
    return Advanced(_("The base model %(name)s can be trained from now.") % {"name": base.name})


def _ask_to_write(actor: User, project: Project, action: NextAction) -> Advanced:
    current = _current(project)
    # By hash: an even sample of train and valid, whatever the order of the import.
    untouched = Prompt.objects.in_project(project).never_tasked(TaskKind.WRITE).order_by("sha256", "pk")
    chosen = list(untouched.values_list("pk", flat=True)[:ASKED_AT_ONCE])
    asked = request_demonstrations(actor=actor, round=current, prompts=Prompt.objects.filter(pk__in=chosen))
    return Advanced(_("%(count)d prompts wait for an answer.") % {"count": asked})


def _freeze_fresh_prompts(actor: User, project: Project) -> Dataset | None:
    """Freeze prompts that were never compared, for a round's outputs; None when all were (then they come again)."""
    if not Prompt.objects.in_project(project).never_tasked(TaskKind.COMPARE).exists():
        return None
    query = FreezeQuery(fresh_only=True)
    return freeze_dataset(actor=actor, project=project, kind=DatasetKind.PPO, query=query)


def _start_run(actor: User, project: Project, action: NextAction, dataset: Dataset | None = None) -> Advanced:
    settings = default_settings(project, action.target)
    if action.target == Stage.GENERATE:
        chosen = dataset or Dataset.objects.newest(project, DatasetKind.PPO)
        if chosen is not None and chosen.records("train") and chosen.records("valid"):
            settings["split"] = "both"
    run = request_run(actor=actor, project=project, stage=action.target, config=settings, dataset=dataset)
    said = _("%(stage)s run %(number)d is queued.") % {"stage": run.get_stage_display(), "number": run.pk}
    if action.target == Stage.GENERATE and dataset is None:
        said += " " + _("Every prompt was compared before, so they are asked again; import more for fresh ones.")
    return Advanced(said, run_id=run.pk)


def default_settings(project: Project, stage: str) -> dict[str, Any]:
    """Return what a run started from the Loop page sets beyond its stage's defaults: what suits its model.

    ``generate``: as many prompts as people rank in a round, and enough samples that the policies together give the K
    outputs of a comparison, with one to spare for twins.
    """
    settings = preset_settings(project, stage)
    if stage != Stage.GENERATE:
        return settings
    policies = len(default_inputs(project, stage).get("policies", [])) or 1
    samples = -(-project.outputs_shown // policies) + 1
    return settings | {"samples_per_prompt": samples, "max_prompts": ANSWERED_AT_ONCE}


def _publish(actor: User, project: Project, action: NextAction) -> Advanced:
    run = Run.objects.get(pk=action.target, project=project)
    done = publish_samples(actor=actor, run=run, round=None if action.in_next_round else _current(project))
    said = _("%(tasks)d comparisons wait in round %(round)d.") % {"tasks": done.tasks, "round": done.round.number}
    if done.left_out:
        reasons = ", ".join(f"{reason}: {count}" for reason, count in done.left_out.items())
        said += " " + _("Left out: %(reasons)s.") % {"reasons": reasons}
    return Advanced(said)


def _current(project: Project) -> Round:
    current = Round.objects.current(project)
    if current is None:
        raise LoopMovedOn(NO_ROUND)
    return current


NO_ROUND = gettext_lazy("No round is open; open one first.")
_STEPS: dict[Verb, Callable[[User, Project, NextAction], Advanced]] = {
    Verb.OPEN_ROUND: _open_round,
    Verb.ADD_BASE: _add_base,
    Verb.ASK_TO_WRITE: _ask_to_write,
    Verb.START_RUN: _start_run,
    Verb.PUBLISH: _publish,
}
