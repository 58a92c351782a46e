"""The demos' prompts and oracles: no prompt twice, enough held out, and points for what the guidelines ask."""

from __future__ import annotations

import random

import pytest

from bench.demo.everyday import SMOLLM2, demonstrate, score, written
from bench.demo.judgement import Messages
from bench.demo.scenario import Scenario
from bench.demo.stories import TINY
from training.rlhf.config import STAGES, parse_config
from training.rlhf.records import split_of

SCENARIOS = [pytest.param(scenario, id=scenario.name) for scenario in (TINY, SMOLLM2)]


def batches(scenario: Scenario, seed: int) -> list[list[dict[str, str]]]:
    size = scenario.sizes
    counts = (size.written, size.prompts, size.later_prompts)
    return [scenario.prompts(count, batch, seed) for batch, count in enumerate(counts, start=1)]


def split(scenario: Scenario, lines: list[dict[str, str]], wanted: str) -> int:
    return sum(split_of(line["key"], scenario.sizes.valid_share) == wanted for line in lines)


def ask(text: str) -> Messages:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_prompt_comes_twice(scenario: Scenario) -> None:
    lines = [line for batch in batches(scenario, 0) for line in batch]
    assert len({line["prompt"] for line in lines}) == len(lines)
    assert len({line["id"] for line in lines}) == len(lines)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_same_seed_asks_the_same(scenario: Scenario) -> None:
    assert batches(scenario, 3) == batches(scenario, 3)
    assert batches(scenario, 3)[1] != batches(scenario, 4)[1]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_there_are_enough_prompts_for_every_step(scenario: Scenario, seed: int) -> None:
    size = scenario.sizes
    first, second, third = batches(scenario, seed)
    assert split(scenario, first, "train") >= 0.6 * size.written
    assert split(scenario, second, "valid") >= size.compared_valid + size.held_out
    practice = split(scenario, second, "train") - size.compared
    assert practice >= scenario.settings("ppo", 0).get("episodes_per_update", 64)
    assert split(scenario, third, "train") >= size.compared_again


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_stage_takes_its_settings(scenario: Scenario) -> None:
    inputs = {"model": "m", "reward_model": "r", "reference": "s", "policies": {"p": "m"}}
    for stage, kind in STAGES.items():
        filled = {name: inputs[name] for name in kind.inputs}
        parse_config(kind, {**scenario.settings(stage, 7), **filled})


def test_hand_written_answers_are_what_the_guidelines_ask() -> None:
    points = [score(ask(question), demonstrate(ask(question), random.Random(0)), True) for question in written()]
    assert len(points) == SMOLLM2.sizes.written
    assert min(points) >= 3
    assert sum(points) / len(points) > 3.9


QUESTION = "What is an umbrella used for?"


@pytest.mark.parametrize(
    ("answer", "finished", "points"),
    [
        ("An umbrella keeps you dry when it rains.", True, 4),
        ("An umbrella keeps you dry when it rains.", False, 3),
        ("It keeps you dry when it rains.", True, 3),
        ("An umbrella keeps you dry when it rains", True, 3),
        ("Umbrellas keep you dry.", True, 4),
        ("An umbrella keeps you dry. It is light. It folds.", True, 3),
        ("- An umbrella keeps you dry when it rains.", True, 3),
        ("1. An umbrella keeps you dry", True, 2),
        ("An umbrella keeps you dry\nwhen it rains.", True, 3),
        ("An umbrella?", True, 2),
        ("What is an umbrella used for?", True, 3),
        (" ".join(["An umbrella"] + ["keeps you dry and"] * 6 + ["warm."]), True, 3),
        ("", True, 0),
        ("", False, 0),
    ],
)
def test_the_short_answer_oracle(answer: str, finished: bool, points: int) -> None:
    assert score(ask(QUESTION), answer, finished) == points
