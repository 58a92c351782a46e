"""Pairwise disagreement, by hand and by what must hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.statistics.disagreement import pairwise_disagreement

RANKS = st.fixed_dictionaries({name: st.integers(1, 4) for name in "ABCD"})


def test_by_hand() -> None:
    same = {"A": 1, "B": 2, "C": 3}
    assert pairwise_disagreement([same, dict(same)]) == 0.0
    # All three pairs are turned round.
    assert pairwise_disagreement([same, {"A": 3, "B": 2, "C": 1}]) == 1.0
    # AB turned round; AC and BC alike: 1 of 3.
    assert pairwise_disagreement([same, {"A": 2, "B": 1, "C": 3}]) == pytest.approx(1 / 3)
    # A = B where the other says A > B: ½; AC and BC alike.
    assert pairwise_disagreement([same, {"A": 1, "B": 1, "C": 3}]) == pytest.approx(0.5 / 3)
    # Both tie A and B: nothing lies apart.
    assert pairwise_disagreement([{"A": 1, "B": 1}, {"A": 2, "B": 2}]) == 0.0


def test_three_judges_by_hand() -> None:
    first, second, third = {"A": 1, "B": 2, "C": 3}, {"A": 1, "B": 2, "C": 2}, {"A": 3, "B": 2, "C": 1}
    # first–second: BC is tied by one: ½ of 3. first–third: 3 of 3. second–third: AB and AC turned round, BC ½: 2½ of 3.
    assert pairwise_disagreement([first, second, third]) == pytest.approx((0.5 + 3 + 2.5) / 9)


def test_too_little_to_say_is_not_zero() -> None:
    assert pairwise_disagreement([]) is None
    assert pairwise_disagreement([{"A": 1, "B": 2}]) is None
    assert pairwise_disagreement([{"A": 1}, {"A": 2}]) is None
    assert pairwise_disagreement([{"A": 1, "B": 2}, {"C": 1, "D": 2}]) is None


@given(st.lists(RANKS, min_size=2, max_size=5))
def test_bounds_symmetry_and_only_the_order_counts(rankings: list[dict[str, int]]) -> None:
    found = pairwise_disagreement(rankings)
    assert found is not None and 0.0 <= found <= 1.0
    assert pairwise_disagreement(rankings[::-1]) == pytest.approx(found)
    stretched = [{name: rank * 3 for name, rank in ranks.items()} for ranks in rankings]
    assert pairwise_disagreement(stretched) == found
    assert pairwise_disagreement([rankings[0], rankings[0]]) == 0.0
