"""Self-Instruct's and BELLE's seed tasks: ``{"id", "instruction", "instances": [{"input", "output"}]}``.

One prompt an instance: the instruction, and the input after an empty line. All instances of a seed share its key.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from labeling.conversations import check_text
from labeling.importing.parsed import Format, LineRefused, ParsedPrompt, text_field


def recognises(record: dict[str, Any]) -> bool:
    return "instruction" in record and "instances" in record


def parse(record: dict[str, Any]) -> list[ParsedPrompt]:
    instruction = check_text(record.get("instruction"), "instruction")
    instances = record.get("instances")
    if not isinstance(instances, list) or not instances:
        raise LineRefused(_("instances must be a list with at least one instance"))
    external_id = text_field(record, "id")
    category = text_field(record, "motivation_app", longest=80)
    if record.get("is_classification") is True:
        category = "classification"
    return [
        ParsedPrompt(
            messages=[{"role": "user", "content": _turn(instruction, instance)}],
            external_id=external_id,
            key=external_id,
            category=category,
            answer=_answer(instance),
        )
        for instance in instances
    ]


def _turn(instruction: str, instance: Any) -> str:
    if not isinstance(instance, dict):
        raise LineRefused(_("an instance must be an object with input and output"))
    given = instance.get("input") or ""
    if not given or (isinstance(given, str) and not given.strip()):
        return instruction
    return f"{instruction}\n\n{check_text(given, 'input')}"


def _answer(instance: dict[str, Any]) -> str:
    output = instance.get("output") or ""
    if not output or (isinstance(output, str) and not output.strip()):
        return ""
    return check_text(output, "output")


FORMAT = Format("self-instruct", recognises, parse)
