"""The reward model's agreement with labelers, through the same command line as a worker's."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from training.rlhf.config import ScoreConfig
from training.rlhf.lifecycle import run_stage
from training.rlhf.modeling import fingerprint, load_tokenizer, make_scorer_from_policy, save_checkpoint
from training.rlhf.rankings import Judged, Ranking
from training.rlhf.records import Comparison, write_records
from training.rlhf.score import bootstrap_interval, train
from training.rlhf.scoring import RewardNorm, load_reward_model


@pytest.fixture(scope="module")
def reward(random_tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("reward")
    save_checkpoint(directory, make_scorer_from_policy(random_tiny, seed=3), load_tokenizer(random_tiny))
    RewardNorm(10.0, 1, "demonstrations", fingerprint(directory)).write(directory)
    return directory


def prompt(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"Story {number}, please."}]


def judged_by(reward: Path, sources: list[str], flipped: int) -> list[Comparison]:
    """Rankings that follow the model's own scores, the first `flipped` turned round: a known accuracy."""
    from training.rlhf.batching import encode_completion, encode_prompt

    scorer, rng, records = load_reward_model(reward), random.Random(0), []
    for n, source in enumerate(sources):
        texts = ["".join(rng.choices("abcdefgh ", k=8)) + "." for _ in range(3)]
        rows = [[*encode_prompt(scorer.tokenizer, prompt(n)), *encode_completion(scorer.tokenizer, t)] for t in texts]
        order = scorer.score(rows).argsort(descending=n >= flipped).tolist()
        ranks = [order.index(i) + 1 for i in range(3)]
        records.append(Comparison(prompt(n), texts, ranks, id=str(n), source=source))
    return records


def score(run: Path, records: list[Comparison], model: Path) -> dict[str, Any]:
    (run / "data").mkdir(parents=True)
    write_records(run / "data" / "valid.jsonl", records)
    (run / "config.json").write_text(json.dumps({"model": str(model), "device": "cpu", "batch_size": 3}))
    assert run_stage(ScoreConfig, train, run) == 0
    result: dict[str, Any] = json.loads((run / "result.json").read_text())
    return result


def test_accuracy_by_source_with_interval(reward: Path, tmp_path: Path) -> None:
    records = judged_by(reward, ["customer"] * 4 + ["labeler"] * 6, flipped=2)
    metrics = score(tmp_path / "run", records, reward)["metrics"]
    assert metrics["accuracy"] == pytest.approx(8 / 10)
    assert metrics["accuracy_customer"] == pytest.approx(2 / 4)
    assert metrics["accuracy_labeler"] == 1
    assert (metrics["pairs"], metrics["pairs_customer"], metrics["rankings"]) == (30, 12, 10)
    assert 0 < metrics["accuracy_low"] < 0.8 < metrics["accuracy_high"] <= 1
    scorer = load_reward_model(reward)
    assert metrics["reward_mean"] == pytest.approx(-10, abs=3)  # the offset is applied
    assert torch.isfinite(scorer.score([[5, 6]])).all()


def test_undefined_is_null(reward: Path, tmp_path: Path) -> None:
    tied = Comparison(prompt(0), ["a", "b"], [1, 1])
    metrics = score(tmp_path / "run", [tied], reward)["metrics"]
    assert metrics["accuracy"] is None
    assert metrics["accuracy_low"] is None
    assert (metrics["pairs"], metrics["left_out_tied"]) == (0, 1)


def judged(key: str, right: float, of: float) -> Judged:
    return Judged(Ranking([], [], torch.zeros(0, 0), 1.0, key, "labeler", ""), [], 0.0, right, of)


def test_interval_draws_prompts_not_pairs() -> None:
    # 40 prompts of 10 pairs that are right or wrong together: as wide as 40 coins, not 400.
    items = [judged(str(n), 10.0 * (n % 2), 10.0) for n in range(40)]
    low, high = bootstrap_interval(items, seed=0)
    assert 0.30 < low < 0.38
    assert 0.62 < high < 0.70
    assert bootstrap_interval(items, seed=0) == (low, high)


def test_two_rankings_of_one_prompt_are_one_draw() -> None:
    low, high = bootstrap_interval([judged("same", 1, 1), judged("same", 0, 1)], seed=0)
    assert low != low and high != high  # NaN: one prompt has no spread
