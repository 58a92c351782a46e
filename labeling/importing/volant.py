"""Our own format: ``{"prompt" or "messages", "id", "source", "key", "category", "language", "licence"}``.

``prompt`` is a text (one user turn) or a list of turns; ``follow_ups`` are later user turns; ``completion`` is an
answer written by a person; ``reference`` a passage that the answer is to rest on; ``skill`` what a labeler must have to
be given it; ``sensitive`` true for what is to be blurred.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from labeling.conversations import check_messages, check_text
from labeling.importing.parsed import Format, LineRefused, ParsedPrompt, text_field
from labeling.models import Source

_KEYS = {
    "prompt", "messages", "follow_ups", "completion", "id", "source", "key", "category", "language", "licence",
    "license", "labeler", "weight", "simulated", "reference", "skill", "sensitive",
}  # fmt: skip


def recognises(record: dict[str, Any]) -> bool:
    return "prompt" in record or "messages" in record


def parse(record: dict[str, Any]) -> list[ParsedPrompt]:
    unknown = sorted(set(record) - _KEYS)
    if unknown:
        raise LineRefused(_("unknown key %(key)r") % {"key": unknown[0][:40]})
    if ("prompt" in record) == ("messages" in record):
        raise LineRefused(_("needs either prompt or messages"))
    turns = record["prompt"] if "prompt" in record else record["messages"]
    if isinstance(turns, str):
        turns = [{"role": "user", "content": turns}]
    follow_ups = record.get("follow_ups") or []
    if not isinstance(follow_ups, list):
        raise LineRefused(_("follow_ups must be a list of texts"))
    source = text_field(record, "source")
    if source and source not in Source.values:
        raise LineRefused(_("unknown source %(source)r; use labeler or customer") % {"source": source})
    answer, reference, sensitive = record.get("completion"), record.get("reference"), record.get("sensitive", False)
    if not isinstance(sensitive, bool):
        raise LineRefused(_("sensitive must be true or false"))
    return [
        ParsedPrompt(
            messages=check_messages(turns),
            follow_ups=tuple(check_text(turn, _("a follow-up")) for turn in follow_ups),
            external_id=text_field(record, "id"),
            source=source,
            key=text_field(record, "key"),
            category=text_field(record, "category", longest=80),
            language=text_field(record, "language", longest=16),
            licence=text_field(record, "licence", longest=80) or text_field(record, "license", longest=80),
            answer=check_text(answer, "completion") if answer else "",
            reference=check_text(reference, "reference") if reference else "",
            skill=text_field(record, "skill", longest=40),
            sensitive=sensitive,
        )
    ]


FORMAT = Format("volant", recognises, parse)
