"""BELLE's evaluation set: ``{"question", "class", "std_answer"}``."""

from __future__ import annotations

from typing import Any

from labeling.conversations import check_text
from labeling.importing.parsed import Format, ParsedPrompt, text_field


def recognises(record: dict[str, Any]) -> bool:
    return "question" in record and "class" in record


def parse(record: dict[str, Any]) -> list[ParsedPrompt]:
    answer = record.get("std_answer")
    has_answer = answer is not None and not (isinstance(answer, str) and not answer.strip())
    # One class name of the published file holds a no-break space; as a category it is the same class.
    category = " ".join(text_field(record, "class", longest=80).split())
    return [
        ParsedPrompt(
            messages=[{"role": "user", "content": check_text(record.get("question"), "question")}],
            external_id=text_field(record, "id"),
            category=category,
            answer=check_text(answer, "std_answer") if has_answer else "",
        )
    ]


FORMAT = Format("belle-eval", recognises, parse)
