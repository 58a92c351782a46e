"""Which checkpoints and which dataset a run may start from, and which ones make sense when nobody chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from labeling.models import Project
from training.models import POLICY_KINDS, Checkpoint, CheckpointKind, Dataset, Stage
from training.models.checkpoint import CheckpointQuerySet
from training.rlhf.config import PRESETS, STAGES
from training.services.vocabularies import context_length, vocabulary

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

Inputs = Mapping[str, Sequence[Checkpoint]]
Problems = dict[str, "_StrOrPromise"]

PLACEHOLDER = "a checkpoint"
"""Stands for a path while a config is checked; the worker fills in the real one."""

_LABELS = {
    "policies": _("policies"), "model": _("model"), "reward_model": _("reward model"), "reference": _("reference"),
}  # fmt: skip


def kinds_for(stage: str, field: str) -> tuple[str, ...]:
    """Return the kinds of checkpoint that may fill a config field."""
    if field == "reward_model" or (stage == Stage.SCORE and field == "model"):
        return (CheckpointKind.REWARD,)
    if stage == Stage.REWARD and field == "model":
        return (*POLICY_KINDS, CheckpointKind.REWARD)
    return tuple(POLICY_KINDS)


def input_choices(project: Project, stage: str, field: str) -> CheckpointQuerySet:
    """Return the checkpoints that may fill a field, newest first."""
    return Checkpoint.objects.usable_in(project).filter(kind__in=kinds_for(stage, field)).order_by("-created_at", "-pk")


def default_inputs(project: Project, stage: str) -> dict[str, list[Checkpoint]]:
    """Return what InstructGPT would start from; a field for which there is nothing is absent.

    SFT starts from a base. The reward model and PPO start from the newest SFT policy, which is also PPO's reference.
    ``generate`` takes the newest policy and the one before it, so that a round compares progress.
    """
    found: dict[str, list[Checkpoint]] = {}
    for field in STAGES[stage].inputs:
        if field == "policies":
            chosen = _newest_policies(project, 2)
        else:
            chosen = _newest(project, _preferred_kinds(stage, field))
        if chosen:
            found[field] = chosen
    return found


def preset_settings(project: Project, stage: str, preset: str | None = None) -> dict[str, Any]:
    """Return the settings of a preset for a stage; without a name, of the one that suits the default model."""
    if preset is None:
        chosen = default_inputs(project, stage)
        models = [*chosen.get("model", ()), *chosen.get("policies", ())]
        preset = models[0].preset if models else ""
    return dict(PRESETS.get(preset, {}).get(stage, {}))


def _preferred_kinds(stage: str, field: str) -> tuple[str, ...]:
    if field == "reward_model" or stage == Stage.SCORE:
        return (CheckpointKind.REWARD,)
    if stage == Stage.SFT:
        return (CheckpointKind.BASE,)
    return (CheckpointKind.SFT, CheckpointKind.BASE)


def _newest(project: Project, kinds: Sequence[str]) -> list[Checkpoint]:
    """Return the newest checkpoint of the first kind that has any; the project's own before shared ones."""
    for kind in kinds:
        usable = Checkpoint.objects.usable_in(project).filter(kind=kind)
        own = usable.filter(project=project).order_by("-created_at", "-pk").first()
        if chosen := own or usable.order_by("-created_at", "-pk").first():
            return [chosen]
    return []


def _newest_policies(project: Project, count: int) -> list[Checkpoint]:
    trained = Checkpoint.objects.filter(project=project, kind__in=(CheckpointKind.SFT, CheckpointKind.PPO))
    chosen = list(trained.order_by("-created_at", "-pk")[:count])
    return chosen or _newest(project, (CheckpointKind.BASE,))


def check_inputs(project: Project, stage: str, inputs: Inputs) -> Problems:
    """Return what is wrong with the chosen checkpoints, field by field."""
    known = STAGES[stage].inputs
    problems: Problems = {name: _("This stage takes no such checkpoint.") for name in inputs if name not in known}
    for field in known:
        chosen = inputs.get(field, ())
        if not chosen:
            problems[field] = _("Choose a checkpoint; the project has none of the right kind yet, or none was chosen.")
        elif field != "policies" and len(chosen) > 1:
            problems[field] = _("Choose one checkpoint only.")
        for checkpoint in chosen:
            if checkpoint.project_id not in (None, project.pk):
                problems[field] = _("“%(name)s” belongs to another project.") % {"name": checkpoint.name}
            elif checkpoint.kind not in kinds_for(stage, field):
                problems[field] = _("“%(name)s” is a %(kind)s, which cannot be the %(field)s here.") % {
                    "name": checkpoint.name, "kind": checkpoint.get_kind_display(), "field": _LABELS[field],
                }  # fmt: skip
    return problems or _check_vocabularies(inputs)


def _check_vocabularies(inputs: Inputs) -> Problems:
    """PPO hands token ids from the policy to the other models, so all must have the policy's vocabulary."""
    problems: Problems = {}
    if "reward_model" not in inputs:
        return problems
    policy = inputs["model"][0]
    for field in ("reward_model", "reference"):
        other = inputs[field][0]
        known = {vocabulary(policy), vocabulary(other)} - {None}
        if len(known) > 1:
            problems[field] = _("“%(name)s” has another vocabulary than “%(policy)s”; choose one of the same base.") % {
                "name": other.name, "policy": policy.name,
            }  # fmt: skip
    return problems


def check_room(inputs: Inputs, config: Mapping[str, object]) -> Problems:
    """An answer as long as a model's whole context leaves no room for any prompt."""
    longest = config.get("max_new_tokens")
    for checkpoint in (item for chosen in inputs.values() for item in chosen):
        context = context_length(checkpoint)
        if isinstance(longest, int) and context is not None and longest >= context:
            return {
                "max_new_tokens": _("“%(name)s” reads %(context)s tokens in all, prompt and answer; lower this.")
                % {"name": checkpoint.name, "context": context}
            }
    return {}


def placeholder_config(stage: str, inputs: Inputs) -> dict[str, object]:
    """Return values for the input fields with which a config can be checked before paths exist."""
    filled: dict[str, object] = {}
    for field in STAGES[stage].inputs:
        if inputs.get(field):
            names = {str(checkpoint.pk): PLACEHOLDER for checkpoint in inputs[field]}
            filled[field] = names if field == "policies" else PLACEHOLDER
    return filled


def check_dataset(project: Project, stage: str, dataset: Dataset | None, config: Mapping[str, object]) -> Problems:
    """Return what is wrong with the dataset: none, of another kind or project, or without records to learn from."""
    wanted = STAGES[stage].data
    if wanted is None:
        return {"dataset": _("This stage reads no dataset; leave it empty.")} if dataset is not None else {}
    if dataset is None:
        return {"dataset": _("Freeze a %(kind)s dataset first, then choose it here.") % {"kind": wanted}}
    if dataset.project_id != project.pk:
        return {"dataset": _("This dataset belongs to another project.")}
    if dataset.kind != wanted:
        return {
            "dataset": _("This stage reads a %(wanted)s dataset, not %(kind)s.")
            % {"wanted": wanted, "kind": dataset.kind}
        }
    chosen = str(config.get("split", "train"))
    for split in ("train", "valid") if chosen == "both" else (chosen,):
        if not dataset.records(split):
            return {"dataset": _("This dataset has no %(split)s records.") % {"split": split}}
    return {}
