"""Means with bootstrap intervals. Pure functions, standard library only.

The unit that is resampled is the prompt: several answers to one prompt are averaged first, because they are not
independent. The interval is the percentile bootstrap (Efron and Tibshirani 1993, section 13.3).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


def bootstrap_mean(values: Sequence[float], *, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """Return the mean of `values` with its 95 % percentile bootstrap interval.

    The same values in the same order and the same seed give the same interval. Raises ValueError for fewer than two
    values: a spread cannot be seen in one.
    """
    if len(values) < 2:
        raise ValueError(f"an interval needs at least two prompts, there are {len(values)}")
    rng = random.Random(f"bootstrap/{seed}")
    means = sorted(fmean(rng.choices(values, k=len(values))) for _ in range(resamples))
    return Interval(fmean(values), _percentile(means, 0.025), _percentile(means, 0.975))


def _percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the sorted values lie, between neighbours in proportion."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def mean_by_prompt(scores: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Return the mean score of each prompt from (prompt, score) pairs, sorted by prompt."""
    grouped: dict[str, list[float]] = {}
    for prompt, score in scores:
        grouped.setdefault(prompt, []).append(score)
    return {prompt: fmean(grouped[prompt]) for prompt in sorted(grouped)}


def paired_difference(after: Mapping[str, float], before: Mapping[str, float], *, seed: int = 0) -> Interval:
    """Return the mean of after − before over the prompts, with its interval.

    Both must answer the same prompts, else ValueError: a difference of unlike sets would not be paired.
    """
    if set(after) != set(before):
        raise ValueError(f"{len(set(after) ^ set(before))} prompts were answered by one policy only")
    return bootstrap_mean([after[prompt] - before[prompt] for prompt in sorted(after)], seed=seed)
