"""What a labeler says of the outputs of one task, as a plain value: what services take, pages read and drafts keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labeling.judgement_forms import QUALITY


@dataclass(frozen=True)
class ComparisonJudgement:
    """A comparison as it was clicked and typed, before any check. What nobody answered is absent.

    `ranks` and `answers` go by completion pk; answers then by the key of the form's field. `strength` is for pairs:
    negative when the output shown first is better, positive when the second is, 0 for a tie. `prompt_flags` is what
    the labeler says of the prompt (`labeling.prompt_flags`); None when that was not asked or not answered.
    """

    ranks: Mapping[int, Any] = field(default_factory=dict)
    answers: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    strength: Any = None
    edited_text: str = ""
    none_acceptable: bool = False
    note: str = ""
    prompt_flags: list[str] | None = None

    def as_draft(self) -> dict[str, Any]:
        """Return the judgement in the shape of a draft, which is JSON: its keys are texts."""
        return {
            "ranks": {str(pk): rank for pk, rank in self.ranks.items()},
            "answers": {str(pk): dict(given) for pk, given in self.answers.items() if given},
            "strength": self.strength,
            "edited_text": self.edited_text,
            "none_acceptable": self.none_acceptable,
            "note": self.note,
            "prompt_flags": None if self.prompt_flags is None else list(self.prompt_flags),
        }

    @classmethod
    def from_draft(cls, draft: Mapping[str, Any]) -> ComparisonJudgement:
        """Read a draft of any age; what makes no sense in it is passed over, since a page only shows it.

        Drafts from before there were forms have ``{"qualities": {pk: n}}`` in place of answers.
        """
        answers = {pk: dict(given) for pk, given in _by_output(draft.get("answers")).items() if isinstance(given, dict)}
        return cls(
            ranks={pk: rank for pk, rank in _by_output(draft.get("ranks")).items() if _is_whole(rank)},
            answers=with_qualities(answers, _by_output(draft.get("qualities"))),
            strength=draft["strength"] if _is_whole(draft.get("strength")) else None,
            edited_text=_text(draft.get("edited_text")),
            none_acceptable=draft.get("none_acceptable") is True,
            note=_text(draft.get("note")),
            prompt_flags=_texts(draft.get("prompt_flags")),
        )


def with_qualities(answers: Mapping[int, Mapping[str, Any]], qualities: Mapping[int, Any]) -> dict[int, dict[str, Any]]:
    """Return the answers with qualities by completion pk, the shape from before there were forms, taken in."""
    merged = {pk: dict(given) for pk, given in answers.items()}
    for pk, quality in qualities.items():
        if quality is not None:
            merged.setdefault(pk, {}).setdefault(QUALITY, quality)
    return merged


def is_pk(text: Any) -> bool:
    """Whether a key of JSON or a form can be the pk of a completion."""
    return isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 19


def _by_output(given: Any) -> dict[int, Any]:
    return {int(pk): value for pk, value in given.items() if is_pk(pk)} if isinstance(given, dict) else {}


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> list[str] | None:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else None
