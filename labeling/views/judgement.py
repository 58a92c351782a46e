"""Between a form full of radios and what the services take; also between a draft and the cards on the page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from labeling.judgement_forms import Field, Fields, Value, overall_key
from labeling.judgements import ComparisonJudgement, is_pk
from labeling.models import Assignment, CompareMode, Comparison, Completion
from labeling.prompt_flags import read_flags
from labeling.services.judging import Asked
from labeling.services.rankings import LEVELS, signed_strength

_ANSWER = re.compile(r"answer_(\d{1,18})_([a-z][a-z0-9_]*)")
_WHOLE = re.compile(r"-?\d{1,9}")
_FLAG_WORDS: Mapping[str, bool] = {"on": True, "true": True, "false": False}
_STRENGTHS = {
    CompareMode.STRENGTH: (_("negligibly better"), _("slightly better"), _("better"), _("significantly better")),
    CompareMode.SEVEN_POINT: (_("slightly better"), _("better"), _("much better")),
}


@dataclass(frozen=True)
class Option:
    """A radio or checkbox of a question. `value` is what the form sends; `text` is in the reader's language."""

    value: str
    text: str
    checked: bool


@dataclass(frozen=True)
class Question:
    """A field of the form, asked about one output: the name that the form sends, and what the draft says."""

    field: Field
    name: str
    value: Value | None

    @property
    def answered(self) -> bool:
        return self.value is not None

    @property
    def options(self) -> list[Option]:
        """The radios of a scale or choice; of a flag true and false, of which a page may show the first alone."""
        labels = {choice.value: choice.label for choice in self.field.choices}
        return [
            Option(
                str(value).lower() if self.field.kind == "flag" else str(value),
                str(labels.get(str(value), value)),
                self.value == value,
            )
            for value in self.field.values
        ]


@dataclass(frozen=True)
class Output:
    """One card of the compare page. It knows nothing of the policy behind it."""

    completion: Completion
    position: int
    rank: int | None
    questions: tuple[Question, ...]

    @property
    def letter(self) -> str:
        return chr(ord("A") + self.position - 1)

    @property
    def flags(self) -> list[Question]:
        return [question for question in self.questions if question.field.kind == "flag"]

    @property
    def no_flag(self) -> bool:
        """Whether the labeler said "none (else)" of the flags: none is unanswered, and not all of them apply."""
        return bool(self.flags) and all(flag.answered for flag in self.flags) and not all(f.value for f in self.flags)

    @property
    def flags_set(self) -> int:
        return sum(flag.value is True for flag in self.flags)


@dataclass(frozen=True)
class Strength:
    """One point of the scale of a pair: -4 (or -3) is the strongest for the output shown first, 0 a tie."""

    value: int
    letter: str
    """A or B; empty for the tie."""
    text: str
    checked: bool


def read_demonstration(form: QueryDict) -> dict[str, Any]:
    """Read the form of the Write page in the shape of its draft."""
    return {"text": form.get("text", ""), "note": form.get("note", ""), "prompt_flags": prompt_flags_in(form)}


def prompt_flags_in(form: QueryDict) -> list[str] | None:
    """Read ``prompt_flag`` (repeated) and ``prompt_flags_none``; None when neither was touched."""
    return read_flags(form.getlist("prompt_flag"), none="prompt_flags_none" in form)


def read_comparison(form: QueryDict, asked: Fields) -> ComparisonJudgement:
    """Read the form of the Compare page. What nobody answered is absent; what is no answer is left to the service.

    ``rank_<pk>``, ``answer_<pk>_<key>``, ``strength``, ``edited_text``, ``none_acceptable``, ``note``, ``prompt_flag``
    and ``prompt_flags_none``. A flag that is ticked sends ``on``; ``no_flag_<pk>`` says that no other one applies.
    """
    kinds = {field.key: field.kind for field in asked}
    answers: dict[int, dict[str, Any]] = {}
    for name, value in form.items():
        if (found := _ANSWER.fullmatch(name)) and value != "":
            answers.setdefault(int(found[1]), {})[found[2]] = _typed(kinds.get(found[2], ""), str(value))
    for pk in _by_output(form, "no_flag_"):
        for key in (key for key, kind in kinds.items() if kind == "flag"):
            answers.setdefault(pk, {}).setdefault(key, False)
    return ComparisonJudgement(
        ranks={pk: _typed("scale", value) for pk, value in _by_output(form, "rank_").items() if value != ""},
        answers=answers,
        strength=_typed("scale", str(form["strength"])) if form.get("strength") else None,
        edited_text=form.get("edited_text", ""),
        none_acceptable=form.get("none_acceptable") == "on",
        note=form.get("note", ""),
        prompt_flags=prompt_flags_in(form),
    )


def _typed(kind: str, value: str) -> Any:
    if kind == "scale" and _WHOLE.fullmatch(value):
        return int(value)
    return _FLAG_WORDS.get(value, value) if kind == "flag" else value


def _by_output(form: QueryDict, prefix: str) -> dict[int, str]:
    names = {name: name.removeprefix(prefix) for name in form if name.startswith(prefix)}
    return {int(pk): str(form[name]) for name, pk in names.items() if is_pk(pk)}


def compare_context(assignment: Assignment, draft: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    """Return what the Compare page (and the page that mends a comparison) shows.

    `outputs` in the order this labeler was shown, each with its rank and `questions`; `form_fields` translated; `mode`;
    `ranks` 1 to K; `strengths` of a pair, strongest for the first to strongest for the second; `edit_step` whether
    the best output may be edited; `overall` the key of the scale that a ranking may contradict, or None; `flags_open`
    whether the flags are shown unfolded.
    """
    said = ComparisonJudgement.from_draft(draft)
    shown = tuple(field.shown() for field in asked.form.fields)
    outputs = _outputs(assignment, said, shown)
    return {
        "outputs": outputs,
        "ranks": range(1, len(outputs) + 1),
        "form_fields": shown,
        "mode": asked.mode.value,
        "strengths": _strengths(asked.mode, said.strength),
        "edit_step": asked.edits,
        "overall": overall_key(shown),
        "flags_open": _flags_matter(shown),
    }


def _flags_matter(shown: Fields) -> bool:
    """Whether the flags are the judgement, or part of what has to be answered, so that they are not folded away."""
    return all(field.kind == "flag" for field in shown) or any(f.kind == "flag" and f.required for f in shown)


def _outputs(assignment: Assignment, said: ComparisonJudgement, shown: Fields) -> list[Output]:
    by_pk = {completion.pk: completion for completion in assignment.task.completions.all()}
    order = [by_pk[int(pk)] for pk in assignment.shown_order if int(pk) in by_pk] or list(by_pk.values())
    return [
        Output(one, position, said.ranks.get(one.pk), questions_about(one.pk, said.answers.get(one.pk, {}), shown))
        for position, one in enumerate(order, start=1)
    ]


def questions_about(pk: int, given: Mapping[str, Any], shown: Fields) -> tuple[Question, ...]:
    """Return the form's questions about one output, answered; what the form does not take (any more) is not shown."""
    answers = {field.key: given.get(field.key) for field in shown}
    return tuple(
        Question(field, f"answer_{pk}_{field.key}", answers[field.key] if field.accepts(answers[field.key]) else None)
        for field in shown
    )


def _strengths(mode: CompareMode, chosen: int | None) -> list[Strength]:
    if mode == CompareMode.RANKING:
        return []
    words = _STRENGTHS[mode]
    sides = range(-LEVELS[mode], LEVELS[mode] + 1)
    return [
        Strength(
            value,
            "" if value == 0 else "A" if value < 0 else "B",
            str(_("equally good") if value == 0 else words[abs(value) - 1]),
            value == chosen,
        )
        for value in sides
    ]


def draft_of(comparison: Comparison) -> dict[str, Any]:
    """Return a submitted comparison in the shape of a draft, so that it can be mended on the same page."""
    judged = list(comparison.judged.all())
    ranks = {output.completion_id: output.rank for output in judged}
    shown = [output.completion_id for output in sorted(judged, key=lambda output: output.shown_position)]
    return ComparisonJudgement(
        ranks=ranks,
        answers={output.completion_id: output.given for output in judged},
        strength=signed_strength(shown, ranks, comparison.strength),
        edited_text=comparison.edited_text,
        none_acceptable=comparison.none_acceptable,
        note=comparison.note,
        prompt_flags=comparison.prompt_flags,
    ).as_draft()
