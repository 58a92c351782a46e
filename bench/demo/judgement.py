"""How a simulated labeler judges: a documented oracle, a person's noise, ties. Pure functions, standard library only.

A judgement is a function of (seed, prompt, texts) and of nothing else: not of which account happened to claim the
task, nor of the order in which the outputs were shown, nor of the clock. The queue hands tasks out in random order on
purpose, so a noise that belonged to the account would give other labels in every run. Instead each task draws how
careful its labeler is from `TEMPERS`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Messages = list[dict[str, str]]
Oracle = Callable[[Messages, str, bool], float]
"""(prompt, answer, finished) → points."""

TEMPERS = (0.15, 0.35, 0.7)
"""Standard deviation of the noise, in oracle points, of a careful, an ordinary and a hasty labeler, equally often."""
TIE_WIDTH = 0.25
"""Outputs whose perceived points lie within this of the best of their group are tied."""
UNACCEPTABLE = 0.5
"""When every output is perceived below this, the labeler says that none is acceptable."""


@dataclass(frozen=True)
class Judgement:
    """A ranking with ratings, in the order of the texts that were judged."""

    ranks: list[int]
    """1 is best; ties share a rank and the next rank is skipped."""
    qualities: list[int]
    """1 to 7."""
    none_acceptable: bool


def draw(seed: int, *what: str) -> random.Random:
    """Return a generator that depends on the seed and the content only."""
    return random.Random("\x1f".join((str(seed), *what)))


def judge(prompt: Messages, texts: Sequence[str], *, oracle: Oracle, top: float, seed: int) -> Judgement:
    """Rate and rank the answers to a prompt as a labeler with the oracle's taste and a person's noise would.

    top: the oracle's highest score; it gets quality 7, and 0 gets quality 1. What the labeler sees is text, so every
    answer is judged as if it had ended by itself.
    """
    asked = prompt[-1]["content"]
    spread = draw(seed, "temper", asked).choice(TEMPERS)
    perceived = [
        oracle(prompt, text, True) + draw(seed, "noise", asked, text).gauss(0, spread) if text.strip() else 0.0
        for text in texts
    ]
    return Judgement(
        ranks=rank_with_ties(perceived, TIE_WIDTH),
        qualities=[min(7, max(1, round(1 + 6 * points / top))) for points in perceived],
        none_acceptable=max(perceived) < UNACCEPTABLE,
    )


def rank_with_ties(points: Sequence[float], width: float) -> list[int]:
    """Return competition ranks (1, 2, 2, 4): a value within `width` of the best of its group joins the group."""
    ranks = [0] * len(points)
    best_of_group, rank = 0.0, 0
    for place, index in enumerate(sorted(range(len(points)), key=lambda i: -points[i]), start=1):
        if not rank or best_of_group - points[index] > width:
            best_of_group, rank = points[index], place
        ranks[index] = rank
    return ranks
