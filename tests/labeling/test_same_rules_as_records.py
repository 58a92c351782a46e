"""labeling may not import training, so two rules stand twice; these tests hold them together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.conversations import ConversationError, check_messages
from labeling.splits import split_of
from training.rlhf import records


@given(st.text(st.characters(exclude_categories=["Cs"])), st.floats(0, 0.9))
def test_the_split_of_a_key_is_the_same(key: str, share: float) -> None:
    assert split_of(key, share).value == records.split_of(key, share)


def test_about_the_share_is_held_out() -> None:
    held_out = sum(split_of(f"key {number}", 0.15) == "valid" for number in range(10_000))
    # Ten standard deviations of a binomial around 1500.
    assert abs(held_out - 1500) < 360


turns = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "user", "assistant", "robot"]),
            "content": st.sampled_from(["text", " ", "", "字", 5, None]),
        },
        optional={"name": st.just("x")},
    ),
    max_size=4,
)


@given(st.one_of(turns, st.none(), st.just("text"), st.just([1])))
def test_a_conversation_is_a_conversation_on_both_sides(value: Any) -> None:
    try:
        records.check_messages(value)
    except records.RecordError:
        with pytest.raises(ConversationError):
            check_messages(value)
    else:
        assert check_messages(value) == value
