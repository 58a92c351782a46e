"""MT-Bench questions: ``{"question_id", "category", "turns": [first, later, ...]}``. Later turns are follow-ups."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from labeling.conversations import check_text
from labeling.importing.parsed import Format, LineRefused, ParsedPrompt, text_field


def recognises(record: dict[str, Any]) -> bool:
    return "turns" in record and "question_id" in record


def parse(record: dict[str, Any]) -> list[ParsedPrompt]:
    turns = record.get("turns")
    if not isinstance(turns, list) or not turns:
        raise LineRefused(_("turns must be a list with at least one text"))
    first, *later = (check_text(turn, _("turn %(n)d") % {"n": n}) for n, turn in enumerate(turns, start=1))
    external_id = text_field(record, "question_id")
    return [
        ParsedPrompt(
            messages=[{"role": "user", "content": first}],
            follow_ups=tuple(later),
            external_id=external_id,
            key=external_id,
            category=text_field(record, "category", longest=80),
        )
    ]


FORMAT = Format("mt-bench", recognises, parse)
