"""Forms of training: settings become fields by themselves, and are refused here, before anything is queued."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import Field, fields
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from labeling.models import Project, Round, Source
from training.exceptions import ConfigRefused, TrainingError
from training.models import Checkpoint, Dataset, DatasetKind, Run, Stage
from training.rlhf.config import STAGES, default_of, field_help
from training.services.datasets import freeze_dataset
from training.services.records import FreezeQuery
from training.services.run_inputs import default_inputs, input_choices
from training.services.runs import RunPlan, check_run, request_run
from training.services.samples import Published, publish_samples

_CHOICES: dict[str, list[tuple[str, Any]]] = {
    "device": [("auto", _("a GPU when there is one")), ("cpu", _("CPU")), ("cuda", _("GPU"))],
    "split": [("train", _("train")), ("valid", _("valid")), ("both", _("both"))],
    "dtype": [("bfloat16", "bfloat16"), ("float32", "float32")],
}
_ESSENTIAL = {
    Stage.PRETRAIN: ("epochs", "max_steps", "batch_size", "learning_rate"),
    Stage.SFT: ("epochs", "batch_size", "learning_rate", "max_length"),
    Stage.REWARD: ("epochs", "batch_size", "learning_rate", "max_length"),
    Stage.PPO: ("updates", "episodes_per_update", "kl_coefficient", "learning_rate", "max_new_tokens"),
    Stage.GENERATE: ("split", "max_prompts", "samples_per_prompt", "max_new_tokens", "temperature", "top_p"),
    Stage.SCORE: ("split",),
    Stage.CONVERT: ("source", "dtype"),
}
_INPUT_LABELS = {
    "model": _("start from"),
    "reward_model": _("reward model"),
    "reference": _("reference (KL)"),
    "policies": _("policies"),
}


class RunForm(forms.Form):
    """A stage's settings, its inputs and its dataset, with the defaults of the stage's dataclass.

    `essential_fields` are the ones that most runs change, `other_fields` the rest.
    """

    def __init__(self, *args: Any, project: Project, stage: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project, self.stage = project, Stage(stage)
        self.kind = STAGES[stage]
        self.plan: RunPlan | None = None
        self.help_texts = field_help(self.kind)  # type: ignore[arg-type]  # mypy takes the class for an instance
        self._add_inputs()
        self._add_dataset()
        self.setting_names = [f.name for f in fields(self.kind) if f.name not in self.kind.inputs]
        hints = typing.get_type_hints(self.kind)
        for setting in fields(self.kind):
            if setting.name in self.setting_names:
                self.fields[setting.name] = _form_field(setting, hints[setting.name], self.help_texts[setting.name])
        self.fields["note"] = forms.CharField(
            label=_("note"), required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text=_("Why this run.")
        )

    def _add_inputs(self) -> None:
        defaults = default_inputs(self.project, self.stage)
        for name in self.kind.inputs:
            choices = input_choices(self.project, self.stage, name)
            chosen = defaults.get(name, [])
            many = name == "policies"
            field_class = forms.ModelMultipleChoiceField if many else forms.ModelChoiceField
            self.fields[name] = field_class(
                queryset=choices,
                required=True,
                label=_INPUT_LABELS[name],
                help_text=self.help_texts[name],
                initial=[item.pk for item in chosen] if many else (chosen[0].pk if chosen else None),
            )

    def _add_dataset(self) -> None:
        if self.kind.data is None:
            return
        newest = Dataset.objects.newest(self.project, self.kind.data)
        self.fields["dataset"] = forms.ModelChoiceField(
            queryset=Dataset.objects.filter(project=self.project, kind=self.kind.data).order_by("-version"),
            label=_("dataset"),
            initial=newest.pk if newest else None,
            empty_label=None if newest else _("none yet: freeze one first"),
        )

    @property
    def input_fields(self) -> Iterator[forms.BoundField]:
        """Checkpoints and dataset."""
        return (self[name] for name in (*self.kind.inputs, "dataset") if name in self.fields)

    @property
    def essential_fields(self) -> Iterator[forms.BoundField]:
        """The settings that most runs change."""
        return (self[name] for name in _ESSENTIAL[self.stage])

    @property
    def other_fields(self) -> Iterator[forms.BoundField]:
        """All other settings."""
        return (self[name] for name in self.setting_names if name not in _ESSENTIAL[self.stage])

    def _inputs(self) -> dict[str, list[Checkpoint]]:
        found: dict[str, list[Checkpoint]] = {}
        for name in self.kind.inputs:
            value = self.cleaned_data.get(name)
            if value is not None:
                found[name] = list(value) if name == "policies" else [value]
        return found

    def clean(self) -> dict[str, Any]:
        """Have the service check everything together; what it refuses stands beside the field it is about."""
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        config = {name: cleaned[name] for name in self.setting_names if cleaned.get(name) not in (None, "")}
        try:
            self.plan = check_run(
                project=self.project, stage=self.stage, config=config,
                dataset=cleaned.get("dataset"), inputs=self._inputs(),
            )  # fmt: skip
        except ConfigRefused as error:
            for name, sentence in error.problems.items():
                self.add_error(name if name in self.fields else None, str(sentence))
        return cleaned

    def save(self, *, actor: User, round: Round | None = None) -> Run:
        """Queue the run. Only after `is_valid`."""
        assert self.plan is not None, "is_valid() comes first"
        return request_run(
            actor=actor, project=self.project, stage=self.stage, config=self.plan.config, dataset=self.plan.dataset,
            inputs=self.plan.inputs, round=round, note=self.cleaned_data["note"],
        )  # fmt: skip


def _form_field(setting: Field[Any], hint: Any, help_text: str) -> forms.Field:
    """Return a form field for a dataclass field. Empty means the default, except for flags."""
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    common: dict[str, Any] = {
        "label": setting.name.replace("_", " "), "help_text": help_text, "initial": default_of(setting),
        "required": False,
    }  # fmt: skip
    if setting.name in _CHOICES:
        return forms.ChoiceField(choices=_CHOICES[setting.name], **common)
    if hint is bool:
        return forms.BooleanField(**common)
    if hint is int:
        return forms.IntegerField(**common)
    if hint is float:
        return forms.FloatField(widget=forms.NumberInput(attrs={"step": "any"}), **common)
    return forms.CharField(**common)


class FreezeForm(forms.Form):
    """What a dataset is to hold."""

    kind = forms.ChoiceField(label=_("kind"), choices=[c for c in DatasetKind.choices if c[0] != DatasetKind.PRETRAIN])
    rounds = forms.ModelMultipleChoiceField(
        label=_("rounds"),
        queryset=Round.objects.none(),
        required=False,
        help_text=_("None chosen: all."),
        widget=forms.CheckboxSelectMultiple,
    )
    sources = forms.MultipleChoiceField(
        label=_("sources"),
        choices=Source.choices,
        required=False,
        help_text=_("None chosen: all."),
        widget=forms.CheckboxSelectMultiple,
    )
    include_simulated = forms.BooleanField(label=_("with simulated labels"), required=False, initial=True)
    include_surplus = forms.BooleanField(
        label=_("with surplus labels"), required=False, help_text=_("Submitted after somebody else filled the slot.")
    )
    fresh_only = forms.BooleanField(
        label=_("fresh prompts only"), required=False, help_text=_("Prompts that were never compared (kind PPO).")
    )
    limit = forms.IntegerField(
        label=_("limit"), required=False, min_value=0, initial=0, help_text=_("Records in each split; 0 takes all.")
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project
        rounds = typing.cast(forms.ModelMultipleChoiceField, self.fields["rounds"])
        rounds.queryset = Round.objects.filter(project=project).order_by("number")

    def query(self) -> FreezeQuery:
        """Return what was asked for."""
        data = self.cleaned_data
        return FreezeQuery(
            rounds=tuple(round.number for round in data["rounds"]) or None,
            sources=tuple(data["sources"]) or None,
            include_simulated=data["include_simulated"],
            include_surplus=data["include_surplus"],
            fresh_only=data["fresh_only"],
            limit=data["limit"] or 0,
        )

    def save(self, *, actor: User) -> Dataset | None:
        """Freeze, or put what the service refuses on the form and return None. Only after `is_valid`."""
        try:
            return freeze_dataset(actor=actor, project=self.project, kind=self.cleaned_data["kind"], query=self.query())
        except TrainingError as error:
            self.add_error(None, str(error))
            return None


class PublishForm(forms.Form):
    """Where a generate run's outputs are to be compared."""

    NEXT, CURRENT = "next", "current"

    where = forms.ChoiceField(label=_("round"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, run: Run, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert run.project is not None
        self.run = run
        self.current = Round.objects.current(run.project)
        newest = Round.objects.filter(project=run.project).order_by("-number").first()
        choices: list[tuple[str, Any]] = []
        if self.current is not None:
            choices.append((self.CURRENT, _("round %(number)s, which is open") % {"number": self.current.number}))
        number = newest.number + 1 if newest else 1
        choices.append((self.NEXT, _("round %(number)s, a new one") % {"number": number}))
        where = typing.cast(forms.ChoiceField, self.fields["where"])
        where.choices = choices
        compared = self.current is not None and self.current.tasks.filter(kind="compare").exists()
        where.initial = self.CURRENT if self.current is not None and not compared else self.NEXT

    def save(self, *, actor: User) -> Published | None:
        """Publish, or put what the service refuses on the form and return None. Only after `is_valid`."""
        round = self.current if self.cleaned_data["where"] == self.CURRENT else None
        try:
            return publish_samples(actor=actor, run=self.run, round=round)
        except TrainingError as error:
            self.add_error(None, str(error))
            return None
