"""Simulated labelers: the same person twice, human mistakes, ties, and no eye for anything but the text."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.demo.judgement import TEMPERS, Judgement, Messages, judge, rank_with_ties
from bench.demo.stories import demonstrate, prompts, score
from training.rlhf import stories


def asked(number: int) -> Messages:
    return [{"role": "user", "content": prompts(number + 1, 1, 0)[number]["prompt"]}]


def answers(prompt: Messages, count: int = 4, seed: int = 0) -> list[str]:
    rng = random.Random(f"{seed}/{prompt[0]['content']}")
    return [stories.write_story(prompt, stories.BASE, rng) for _ in range(count)]


def decide(prompt: Messages, texts: list[str], seed: int = 0) -> Judgement:
    return judge(prompt, texts, oracle=score, top=4.0, seed=seed)


def test_the_order_shown_does_not_matter() -> None:
    prompt = asked(0)
    texts = answers(prompt)
    straight, turned = decide(prompt, texts), decide(prompt, texts[::-1])
    assert turned.ranks == straight.ranks[::-1]
    assert turned.qualities == straight.qualities[::-1]


def test_another_seed_is_another_person() -> None:
    verdicts = [[decide(asked(n), answers(asked(n)), seed).ranks for n in range(30)] for seed in (0, 1)]
    assert verdicts[0] != verdicts[1]


def test_labelers_mostly_agree_with_the_oracle_but_not_always() -> None:
    right = wrong = tied = 0
    for number in range(200):
        prompt = asked(number)
        texts = answers(prompt)
        points = [score(prompt, text, True) for text in texts]
        ranks = decide(prompt, texts).ranks
        for i, j in combinations(range(len(texts)), 2):
            if points[i] == points[j]:
                continue
            tied += ranks[i] == ranks[j]
            right += (points[i] > points[j]) == (ranks[i] < ranks[j]) and ranks[i] != ranks[j]
            wrong += (points[i] > points[j]) == (ranks[i] > ranks[j]) and ranks[i] != ranks[j]
    agreement = right / (right + wrong)
    assert 0.85 < agreement < 0.99
    assert wrong > 0
    assert tied > 0


def test_ratings_and_ranks_do_not_contradict_each_other() -> None:
    for number in range(50):
        verdict = decide(asked(number), answers(asked(number)))
        assert all(1 <= quality <= 7 for quality in verdict.qualities)
        for (rank, quality), (other, worse) in combinations(zip(verdict.ranks, verdict.qualities, strict=True), 2):
            if rank < other:
                assert quality >= worse


def test_nothing_acceptable_is_said_of_bad_answers_only() -> None:
    prompt = asked(0)
    good = stories.write_story(prompt, stories.Habits(1, 1, 1, 1), random.Random(0))
    assert not decide(prompt, [good, "no", "no no", ""]).none_acceptable
    assert decide(prompt, ["", " "]).none_acceptable


def test_an_empty_answer_gets_the_lowest_quality() -> None:
    prompt = asked(1)
    assert decide(prompt, ["", *answers(prompt, 3)]).qualities[0] == 1


@pytest.mark.parametrize(
    ("points", "ranks"),
    [
        ([3.0, 1.0, 2.0], [1, 3, 2]),
        ([2.0, 2.0, 0.0], [1, 1, 3]),
        ([3.0, 2.9, 1.0, 2.8], [1, 1, 4, 1]),
        ([3.0, 2.8, 2.6, 2.4], [1, 1, 3, 3]),
        ([0.0], [1]),
        ([-1.0, -2.0], [1, 2]),
    ],
)
def test_ranks_share_ties_and_skip_after_them(points: list[float], ranks: list[int]) -> None:
    assert rank_with_ties(points, 0.25) == ranks


@given(st.lists(st.floats(-1, 5), min_size=1, max_size=9))
def test_ranks_are_competition_ranks(points: list[float]) -> None:
    ranks = rank_with_ties(points, 0.25)
    assert all(rank == 1 + sum(other < rank for other in ranks) for rank in ranks)


def test_people_differ_in_care() -> None:
    assert len(TEMPERS) >= 3
    assert max(TEMPERS) > 2 * min(TEMPERS)


def test_demonstrations_are_good_but_human() -> None:
    points = [score(asked(n), demonstrate(asked(n), random.Random(n)), True) for n in range(200)]
    assert 3.1 < sum(points) / len(points) < 3.5
