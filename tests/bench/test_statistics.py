"""The demo's statistics: intervals that cover, pairing that helps, and nothing invented where nothing is defined."""

from __future__ import annotations

import random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.demo.statistics import bootstrap_mean, mean_by_prompt, paired_difference

numbers = st.lists(st.floats(-10, 10), min_size=2, max_size=30)


@given(numbers)
def test_the_interval_lies_within_the_values_and_holds_the_middle(values: list[float]) -> None:
    found = bootstrap_mean(values, resamples=200)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
    assert found.mean == pytest.approx(fmean(values))


def test_the_interval_is_as_wide_as_theory_says() -> None:
    rng = random.Random(1)
    values = [rng.gauss(2, 1) for _ in range(400)]
    found = bootstrap_mean(values)
    assert found.high - found.low == pytest.approx(2 * 1.96 / 20, rel=0.15)


def test_the_interval_covers_the_truth_about_19_times_in_20() -> None:
    rng = random.Random(2)
    covered = 0
    for number in range(200):
        found = bootstrap_mean([rng.gauss(0, 1) for _ in range(50)], seed=number, resamples=400)
        covered += found.low <= 0 <= found.high
    assert 178 <= covered <= 198


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    values = [float(i % 5) for i in range(60)]
    assert bootstrap_mean(values, seed=3) == bootstrap_mean(values, seed=3)
    assert bootstrap_mean(values, seed=3) != bootstrap_mean(values, seed=4)


def test_one_prompt_has_no_spread() -> None:
    with pytest.raises(ValueError, match="at least two prompts, there are 1"):
        bootstrap_mean([1.0])


def test_answers_to_one_prompt_are_averaged_first() -> None:
    assert mean_by_prompt([("b", 4.0), ("a", 1.0), ("b", 2.0)]) == {"a": 1.0, "b": 3.0}
    assert list(mean_by_prompt([("b", 4.0), ("a", 1.0)])) == ["a", "b"]


def test_pairing_sees_a_small_gain_that_the_single_intervals_do_not() -> None:
    rng = random.Random(3)
    before = {f"p{i}": rng.gauss(2, 1) for i in range(100)}
    after = {prompt: value + 0.1 for prompt, value in before.items()}
    apart = bootstrap_mean(list(before.values())), bootstrap_mean(list(after.values()))
    assert apart[0].high > apart[1].low
    found = paired_difference(after, before)
    assert found.excludes_zero
    assert found.mean == pytest.approx(0.1)
    assert found.high - found.low < 0.01


def test_unlike_sets_are_not_paired() -> None:
    with pytest.raises(ValueError, match="2 prompts were answered by one policy only"):
        paired_difference({"a": 1.0, "b": 2.0}, {"a": 1.0, "c": 2.0})


def test_a_difference_of_nothing_does_not_exclude_zero() -> None:
    same = {f"p{i}": float(i) for i in range(10)}
    assert not paired_difference(same, same).excludes_zero
