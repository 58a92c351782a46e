"""What changed between two texts: by line, and within a changed line by word. Plain Python, no ORM."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

# A word, one character of a script that puts no spaces between words, white space, or a mark.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|\s+|.", re.S
)
_LONGEST_LINE = 4_000
"""Comparing words takes time that grows with the square of a line; longer ones are shown as replaced."""

_CONTEXT = 2

Kind = Literal["same", "removed", "added", "gap"]


@dataclass(frozen=True)
class Part:
    """A stretch of a line; `changed` when the other text does not have it."""

    text: str
    changed: bool


@dataclass(frozen=True)
class Line:
    """One line of the comparison. A *gap* stands for unchanged lines that are left out."""

    kind: Kind
    parts: tuple[Part, ...] = ()


def compare_texts(old: str, new: str) -> list[Line]:
    """Return the changed lines with two unchanged ones around them; empty when the texts say the same."""
    before, after = old.splitlines(), new.splitlines()
    if before == after:
        return []
    lines: list[Line] = []
    groups = list(SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(_CONTEXT))
    for number, group in enumerate(groups):
        if number or group[0][1] > 0:
            lines.append(Line("gap"))
        for tag, start, end, new_start, new_end in group:
            if tag == "equal":
                lines += [_whole("same", line) for line in before[start:end]]
            else:
                lines += _replaced(before[start:end], after[new_start:new_end])
        if number == len(groups) - 1 and group[-1][2] < len(before):
            lines.append(Line("gap"))
    return lines


def _whole(kind: Kind, line: str) -> Line:
    return Line(kind, (Part(line, changed=False),))


def _replaced(removed: Sequence[str], added: Sequence[str]) -> Iterator[Line]:
    paired = min(len(removed), len(added))
    pairs = [_words(removed[number], added[number]) for number in range(paired)]
    yield from (Line("removed", old) for old, _new in pairs)
    yield from (_whole("removed", line) for line in removed[paired:])
    yield from (Line("added", new) for _old, new in pairs)
    yield from (_whole("added", line) for line in added[paired:])


def _words(old: str, new: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    if max(len(old), len(new)) > _LONGEST_LINE:
        return (Part(old, changed=True),), (Part(new, changed=True),)
    before, after = _WORD.findall(old), _WORD.findall(new)
    removed: list[Part] = []
    added: list[Part] = []
    for tag, start, end, new_start, new_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        for parts, text in ((removed, "".join(before[start:end])), (added, "".join(after[new_start:new_end]))):
            if text:
                parts.append(Part(text, changed=tag != "equal"))
    return tuple(removed), tuple(added)
