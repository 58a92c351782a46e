"""Between a form full of radios and what the services take; also between a draft and the cards on the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from labeling.models import Assignment, Comparison, Completion
from labeling.prompt_flags import read_flags


@dataclass(frozen=True)
class Judgement:
    """What stood in the form: `draft` as the draft keeps it, `ranks` and `qualities` by completion pk."""

    draft: dict[str, Any]
    ranks: dict[int, int] = field(default_factory=dict)
    qualities: dict[int, int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Output:
    """One card of the compare page. It knows nothing of the policy behind it."""

    completion: Completion
    position: int
    rank: int | None
    quality: int | None

    @property
    def letter(self) -> str:
        return chr(ord("A") + self.position - 1)


def read_demonstration(form: QueryDict) -> Judgement:
    flags = prompt_flags_in(form)
    return Judgement(draft={"text": form.get("text", ""), "note": form.get("note", ""), "prompt_flags": flags})


def prompt_flags_in(form: QueryDict) -> list[str] | None:
    """Read ``prompt_flag`` (repeated) and ``prompt_flags_none``; None when neither was touched."""
    return read_flags(form.getlist("prompt_flag"), none="prompt_flags_none" in form)


def read_comparison(form: QueryDict) -> Judgement:
    """Read ``rank_<id>`` and ``quality_<id>``. What nobody answered is absent; what is no number is absent too."""
    ranks = _numbered(form, "rank_")
    qualities = _numbered(form, "quality_")
    draft = {
        "ranks": {str(pk): rank for pk, rank in ranks.items()},
        "qualities": {str(pk): quality for pk, quality in qualities.items()},
        "none_acceptable": form.get("none_acceptable") == "on",
        "note": form.get("note", ""),
    }
    return Judgement(draft=draft, ranks=ranks, qualities=dict(qualities))


def _numbered(form: QueryDict, prefix: str) -> dict[int, int]:
    found = {}
    for name, value in form.items():
        pk = name.removeprefix(prefix)
        if name.startswith(prefix) and _is_number(pk) and _is_number(str(value)):
            found[int(pk)] = int(str(value))
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def outputs_of(assignment: Assignment, draft: Mapping[str, Any]) -> list[Output]:
    """Return the cards in the order this labeler was shown, with what the draft says about each."""
    by_pk = {completion.pk: completion for completion in assignment.task.completions.all()}
    order = [by_pk[int(pk)] for pk in assignment.shown_order if int(pk) in by_pk] or list(by_pk.values())
    ranks, qualities = _answers(draft, "ranks"), _answers(draft, "qualities")
    return [
        Output(completion, position, ranks.get(completion.pk), qualities.get(completion.pk))
        for position, completion in enumerate(order, start=1)
    ]


def _answers(draft: Mapping[str, Any], name: str) -> dict[int, int]:
    given = draft.get(name)
    if not isinstance(given, dict):
        return {}
    return {int(pk): int(n) for pk, n in given.items() if _is_number(str(pk)) and _is_number(str(n))}


def draft_of(comparison: Comparison) -> dict[str, Any]:
    """Return a submitted comparison in the shape of a draft, so that it can be mended on the same page."""
    judged = list(comparison.judged.all())
    return {
        "ranks": {str(output.completion_id): output.rank for output in judged},
        "qualities": {str(output.completion_id): output.quality for output in judged if output.quality is not None},
        "none_acceptable": comparison.none_acceptable,
        "note": comparison.note,
    }
