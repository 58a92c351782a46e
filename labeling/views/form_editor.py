"""A judgement form as a page edits it: rows of inputs, in and out, without a script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.text import slugify
from django.utils.translation import gettext

from labeling.judgement_forms import MAX_FIELDS, Field, Fields

_WHOLE = re.compile(r"-?\d{1,9}")
_ROW = re.compile(r"(\d{1,3})-(key|kind|label|help|low|high|low_label|high_label|choices|required)")
_FOR_KIND = {
    "scale": ("low", "high", "low_label", "high_label"),
    "choice": ("choices",),
}
_ACTION = re.compile(r"(up|down|remove)-(\d{1,3})")


@dataclass(frozen=True)
class Row:
    """One question as it stands in the page's inputs; everything is text, as it was typed."""

    key: str = ""
    kind: str = "scale"
    label: str = ""
    help: str = ""
    low: str = "1"
    high: str = "7"
    low_label: str = ""
    high_label: str = ""
    choices: str = ""
    required: bool = False

    @property
    def title(self) -> str:
        """What the question is called in the list: in the reader's language when it came with Volant."""
        return gettext(self.label) if self.label.strip() else self.key

    @property
    def empty(self) -> bool:
        return not any(text.strip() for text in (self.key, self.label, self.help, self.choices))

    def as_field(self, number: int) -> dict[str, Any]:
        """Return what the service checks. Inputs that belong to another kind are left out; a key is made if none is."""
        values: dict[str, Any] = {
            "key": self.key.strip() or key_of(self.label, number),
            "kind": self.kind,
            "label": self.label,
            "required": self.required,
        }
        if self.help.strip():
            values["help"] = self.help
        for name in _FOR_KIND.get(self.kind, ()):
            values[name] = _choices(self.choices) if name == "choices" else _typed(getattr(self, name), name)
        return values


def key_of(label: str, number: int) -> str:
    """Return a key that follows from the label where it has Latin letters, from the number where it has none."""
    made = slugify(label).replace("-", "_")[:40].strip("_")
    return made if made and made[0].isalpha() else f"question_{number}"


def _typed(text: str, name: str) -> Any:
    return int(text) if name in ("low", "high") and _WHOLE.fullmatch(text.strip()) else text


def _choices(text: str) -> list[dict[str, str]]:
    """Read ``value | what it is called`` a line; a line without the bar is both."""
    lines = [line.partition("|") for line in text.splitlines() if line.strip()]
    return [{"value": value.strip(), "label": (label or value).strip()} for value, _bar, label in lines]


def row_of(field: Field) -> Row:
    """Return a stored question as the page shows it; labels as stored, so that they stay translatable."""
    return Row(
        key=field.key,
        kind=field.kind,
        label=field.label,
        help=field.help,
        low="1" if field.low is None else str(field.low),
        high="7" if field.high is None else str(field.high),
        low_label=field.low_label,
        high_label=field.high_label,
        choices="\n".join(f"{choice.value} | {choice.label}" for choice in field.choices),
        required=field.required,
    )


def rows_of(fields: Fields) -> list[Row]:
    return [row_of(field) for field in fields]


def read_rows(form: QueryDict) -> list[Row]:
    """Read ``<n>-key``, ``<n>-label`` and so on, in the order of their numbers, one more at most than a form has."""
    found: dict[int, dict[str, Any]] = {}
    for name, value in form.items():
        if match := _ROW.fullmatch(name):
            text = str(value)
            found.setdefault(int(match[1]), {})[match[2]] = text == "on" if match[2] == "required" else text
    return [Row(**found[number]) for number in sorted(found)][: MAX_FIELDS + 1]


def read_rules(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def changed(rows: list[Row], action: str) -> list[Row] | None:
    """Return the rows after a button of theirs (add, up-2, down-2, remove-2); None when it was another button."""
    if action == "add":
        return [*rows, Row()]
    match = _ACTION.fullmatch(action)
    if match is None or int(match[2]) >= len(rows):
        return None
    there, after = int(match[2]), list(rows)
    row = after.pop(there)
    if match[1] != "remove":
        after.insert(max(0, there + (1 if match[1] == "down" else -1)), row)
    return after


def as_fields(rows: Iterable[Row]) -> list[Mapping[str, Any]]:
    """Return the questions that somebody began to write; a row that was added and left empty is none."""
    return [row.as_field(number) for number, row in enumerate(rows, start=1) if not row.empty]
