"""How far judgements of the same outputs lie apart. Pure functions; no ORM."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from typing import TypeVar

TIE_AGAINST_ORDER = 0.5
Item = TypeVar("Item", bound=Hashable)


def pairwise_disagreement(rankings: Sequence[Mapping[Item, int]]) -> float | None:
    """Return the mean disagreement over all pairs of judges and of outputs that both ranked, from 0 to 1.

    A pair of outputs counts 0 when both judges order it alike (or both tie it), 1 when they order it in opposite ways,
    and ½ when one ties what the other orders: Kendall's distance with the penalty ½ of Fagin et al. (2006), divided by
    the number of pairs. None when no two judges share two outputs: then nothing is known, which is not 0.
    """
    distance, pairs = 0.0, 0
    for one, other in combinations(rankings, 2):
        shared = [item for item in one if item in other]
        for first, second in combinations(shared, 2):
            here, there = _order(one[first], one[second]), _order(other[first], other[second])
            distance += 0.0 if here == there else 1.0 if here * there < 0 else TIE_AGAINST_ORDER
            pairs += 1
    return distance / pairs if pairs else None


def _order(first: int, second: int) -> int:
    return (first > second) - (first < second)
