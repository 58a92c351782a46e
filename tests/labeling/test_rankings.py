"""What a labeler clicked becomes a weak order, or is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.exceptions import AnswerRefused
from labeling.services.rankings import HIGHEST_RANK, check_ranks, competition_ranks

rank_maps = st.dictionaries(st.integers(1, 10**9), st.integers(1, HIGHEST_RANK), min_size=1, max_size=12)


@given(rank_maps)
def test_normalising_keeps_the_weak_order(ranks: dict[int, int]) -> None:
    normal = competition_ranks(ranks)
    for one in ranks:
        for other in ranks:
            assert (normal[one] < normal[other]) == (ranks[one] < ranks[other])
            assert (normal[one] == normal[other]) == (ranks[one] == ranks[other])


@given(rank_maps)
def test_normal_ranks_are_competition_ranks(ranks: dict[int, int]) -> None:
    normal = competition_ranks(ranks)
    assert min(normal.values()) == 1
    assert all(rank == 1 + sum(other < rank for other in normal.values()) for rank in normal.values())
    assert competition_ranks(normal) == normal


@pytest.mark.parametrize(
    ("clicked", "stored"),
    [
        ([1, 2, 2, 3], [1, 2, 2, 4]),
        ([4, 4, 4, 4], [1, 1, 1, 1]),
        ([9, 3, 1, 3], [4, 2, 1, 2]),
        ([2, 1], [2, 1]),
    ],
)
def test_examples(clicked: list[int], stored: list[int]) -> None:
    outputs = list(range(10, 10 + len(clicked)))
    ranks = check_ranks(dict(zip(outputs, clicked, strict=True)), outputs)
    assert [ranks[output] for output in outputs] == stored


@given(rank_maps, st.data())
def test_a_missing_output_is_refused(ranks: dict[int, int], data: st.DataObject) -> None:
    missing = data.draw(st.sampled_from(sorted(ranks)))
    given_ranks = {output: rank for output, rank in ranks.items() if output != missing}
    with pytest.raises(AnswerRefused):
        check_ranks(given_ranks, list(ranks))
    with pytest.raises(AnswerRefused):
        check_ranks({**given_ranks, missing: None}, list(ranks))


@given(rank_maps, st.integers(1, 10**9))
def test_a_foreign_output_is_refused(ranks: dict[int, int], foreign: int) -> None:
    outputs = [output for output in ranks if output != foreign]
    with pytest.raises(AnswerRefused):
        check_ranks({**ranks, foreign: 1}, outputs)


bad_ranks = st.one_of(
    st.integers(max_value=0), st.integers(min_value=HIGHEST_RANK + 1), st.floats(), st.text(), st.booleans()
)


@given(rank_maps, bad_ranks, st.data())
def test_what_is_no_rank_is_refused(ranks: dict[int, Any], bad: Any, data: st.DataObject) -> None:
    with pytest.raises(AnswerRefused):
        check_ranks({**ranks, data.draw(st.sampled_from(sorted(ranks))): bad}, list(ranks))
