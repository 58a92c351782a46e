"""How often labelers set each flag of a prompt: a reading over all kinds of answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from labeling.models import Comparison, Demonstration, Prompt
from labeling.models.answer import Answer
from labeling.prompt_flags import SETS


@dataclass(frozen=True)
class FlagCounts:
    """Current labels that say anything of a prompt, and how many set each flag, the most frequent first."""

    rows: list[tuple[Any, int]]
    none: int
    """Labels that said "none of these"."""
    asked: int


def flag_counts(prompt: Prompt) -> FlagCounts:
    """Count the flags of a prompt's current labels and of its author's own word; nobody is counted twice."""
    answers: list[Answer] = [
        *Demonstration.objects.current().filter(prompt=prompt).exclude(prompt_flags=None),
        *Comparison.objects.current().filter(prompt=prompt).exclude(prompt_flags=None),
    ]
    if prompt.written is not None and prompt.written.prompt_flags is not None:
        answers.append(prompt.written)
    said: list[list[str]] = [answer.prompt_flags or [] for answer in answers]
    found = Counter(key for flags in said for key in set(flags))
    labels = {flag.key: flag.label for flags in SETS.values() for flag in flags}
    rows = [(labels.get(key, key), number) for key, number in found.most_common()]
    return FlagCounts(rows, none=sum(not flags for flags in said), asked=len(said))
