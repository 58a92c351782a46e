"""The expander of few-shot prompts [P2]: k pairs make k examples, and no template ever stands in two splits."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.few_shot import Pair, expand
from labeling.models import Prompt
from labeling.services.written_prompts import NewPrompt, check_prompt
from tests.labeling.test_written_prompts import Desk

some_text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=30).filter(str.strip)
some_pairs = st.lists(
    st.builds(Pair, some_text, some_text), min_size=2, max_size=8, unique_by=lambda p: p.query.strip()
)


@given(some_text, some_pairs)
def test_k_pairs_make_k_examples_with_the_others_before(instruction: str, pairs: list[Pair]) -> None:
    examples = expand(instruction, pairs)
    assert [example.response for example in examples] == [pair.response for pair in pairs]
    for position, example in enumerate(examples):
        turns = example.messages
        assert [turn["role"] for turn in turns] == ["user", "assistant"] * (len(pairs) - 1) + ["user"]
        head, first = turns[0]["content"][: len(instruction) + 2], turns[0]["content"][len(instruction) + 2 :]
        assert head == f"{instruction}\n\n"
        contents = [first, *(turn["content"] for turn in turns[1:])]
        others = [part for pair in pairs[:position] + pairs[position + 1 :] for part in (pair.query, pair.response)]
        assert contents == [*others, pairs[position].query]
        # Its own response is nowhere in the context, unless another pair answers the same.
        assert example.response not in contents or any(example.response in (p.query, p.response) for p in pairs)


@given(some_text, some_pairs)
def test_examples_of_one_prompt_differ(instruction: str, pairs: list[Pair]) -> None:
    clean = check_prompt(NewPrompt(instruction, tuple(pairs)), kind="few_shot")
    examples = expand(clean.text, clean.pairs)
    assert len({str(example.messages) for example in examples}) == len(pairs)


@pytest.mark.django_db
@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(some_text, some_pairs), min_size=1, max_size=4, unique_by=lambda one: one[0].strip()))
def test_no_template_ever_stands_in_two_splits(templates: list[tuple[str, list[Pair]]]) -> None:
    desk = Desk()
    for instruction, pairs in templates:
        desk.write(NewPrompt(instruction, tuple(pairs)), "few_shot")
    rows = Prompt.objects.filter(project=desk.project).values_list("written", "key", "split")
    assert len(rows) == sum(len(pairs) for _instruction, pairs in templates)
    for written in {row[0] for row in rows}:
        assert len({row[1:] for row in rows if row[0] == written}) == 1
    assert len({row[1] for row in rows}) == len(templates)
