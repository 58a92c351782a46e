"""The reward stage: it learns, it normalises, it resumes to the same bits, and it refuses what cannot work."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from training.rlhf import lifecycle
from training.rlhf.batching import encode_completion, encode_prompt
from training.rlhf.config import RewardConfig
from training.rlhf.lifecycle import run_stage
from training.rlhf.modeling import load_tokenizer, make_scorer_from_policy
from training.rlhf.rankings import build_rankings
from training.rlhf.records import Comparison, Demonstration, write_records
from training.rlhf.reward import accumulate_gradients, train
from training.rlhf.rundir import RunDir, read_jsonl
from training.rlhf.scoring import load_reward_model, pad_id, read_norm

SETTINGS = {"batch_size": 8, "learning_rate": 3e-3, "eval_every": 4, "device": "cpu", "max_length": 128}


def comparisons(count: int, seed: int) -> list[Comparison]:
    """Completions of three: the more "fox" the better; a rule that a small model learns in seconds."""
    rng, records = random.Random(seed), []
    for n in range(count):
        foxes = [rng.randrange(4) for _ in range(3)]
        words = [" ".join(rng.sample(["fox"] * f + ["owl", "key", "was"], k=f + 3)) for f in foxes]
        ranks = [1 + sum(other > f for other in foxes) for f in foxes]
        prompt = [{"role": "user", "content": f"Story {seed} {n}"}]
        records.append(Comparison(prompt, words, ranks, id=f"c{n}", finished=[rng.random() < 0.7 for _ in range(3)]))
    return records


def write_run(path: Path, base: Path, *, demonstrations: int = 0, **settings: Any) -> RunDir:
    (path / "data").mkdir(parents=True)
    write_records(path / "data" / "train.jsonl", comparisons(48, 1))
    write_records(path / "data" / "valid.jsonl", comparisons(24, 2))
    if demonstrations:
        written = [Demonstration(c.prompt, c.completions[0]) for c in comparisons(demonstrations, 3)]
        write_records(path / "data" / "demonstrations.jsonl", written)
    (path / "config.json").write_text(json.dumps({"model": str(base), **SETTINGS, **settings}))
    return RunDir(path)


def result_of(run: RunDir) -> dict[str, Any]:
    assert run_stage(RewardConfig, train, run.path) == 0
    result = run.read_result()
    assert result is not None
    return result


@pytest.fixture(scope="module")
def trained(random_tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    run = write_run(tmp_path_factory.mktemp("reward") / "run", random_tiny, demonstrations=12, epochs=4)
    result_of(run)
    return run


def test_it_learns_what_labelers_prefer(trained: RunDir) -> None:
    result = trained.read_result()
    assert result is not None
    metrics = result["metrics"]
    lines = list(read_jsonl(trained.metrics))
    assert lines[0]["valid_accuracy"] < 0.75  # before learning, from a random head
    assert metrics["accuracy"] > 0.85
    assert metrics["pairs"] == sum(len(c.pairs()) for c in comparisons(24, 2))
    assert metrics["length_correlation"] > 0.2  # more foxes are more tokens
    assert lines[-1]["valid_accuracy"] == pytest.approx(metrics["accuracy"])
    step = next(line for line in lines if line["step"] == 1)
    assert {"loss", "accuracy", "pairs", "reward_mean", "reward_std", "learning_rate", "grad_norm"} <= set(step)
    assert step["learning_rate"] == SETTINGS["learning_rate"]


def test_demonstrations_score_zero_on_average(trained: RunDir) -> None:
    newest = trained.newest_checkpoint()
    assert newest
    scorer = load_reward_model(newest[1])
    assert (scorer.norm.basis, scorer.norm.count) == ("demonstrations", 12)
    rows = [
        [*encode_prompt(scorer.tokenizer, c.prompt), *encode_completion(scorer.tokenizer, c.completions[0])]
        for c in comparisons(12, 3)
    ]
    assert abs(scorer.score(rows).mean().item()) < 1e-5
    assert scorer.norm.offset != 0


def test_without_demonstrations_the_best_completions_do(random_tiny: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", random_tiny, max_steps=2)
    result_of(run)
    scorer = load_reward_model(run.checkpoint(2))
    rankings, _ = build_rankings(comparisons(48, 1), scorer.tokenizer, 128)
    best = [ranking.rows[i] for ranking in rankings for i in ranking.best()]
    assert (scorer.norm.basis, scorer.norm.count) == ("best completions", len(best))
    assert abs(scorer.score(best).mean().item()) < 1e-5


def test_a_reward_model_learns_on(trained: RunDir, tmp_path: Path) -> None:
    newest = trained.newest_checkpoint()
    assert newest
    run = write_run(tmp_path / "run", newest[1], max_steps=1, learning_rate=1e-6)
    before = trained.read_result()
    assert before
    assert result_of(run)["metrics"]["accuracy"] == pytest.approx(before["metrics"]["accuracy"], abs=0.05)


def weights(run: RunDir, step: int) -> dict[str, torch.Tensor]:
    return load_reward_model(run.checkpoint(step)).model.state_dict()


def test_stopped_and_resumed_is_bit_equal(random_tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    straight, halted = (write_run(tmp_path / name, random_tiny, epochs=2) for name in ("straight", "halted"))
    whole = result_of(straight)
    assert whole["steps"] > 5

    asked = iter([False] * 4 + [True] * 99)
    monkeypatch.setattr("training.rlhf.reward.stopping", lambda: next(asked))
    partial = result_of(halted)
    assert (partial["state"], partial["steps"], partial["checkpoint"]) == ("stopped", 4, "checkpoints/step-000004")
    monkeypatch.undo()
    resumed = result_of(halted)
    assert resumed["state"] == "succeeded"
    assert resumed["metrics"] == whole["metrics"]
    mine, theirs = weights(halted, resumed["steps"]), weights(straight, whole["steps"])
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    assert read_norm(halted.checkpoint(resumed["steps"])) == read_norm(straight.checkpoint(whole["steps"]))
    volatile = {"time", "seconds"}
    curves = [
        [{k: v for k, v in line.items() if k not in volatile} for line in read_jsonl(r.metrics)]
        for r in (straight, halted)
    ]
    assert curves[0] == curves[1]


def test_a_real_sigterm_writes_a_checkpoint(random_tiny: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", random_tiny, epochs=5000)
    child = subprocess.Popen(
        [sys.executable, "-m", "training.rlhf.reward", str(run.path)], env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    try:
        until = time.monotonic() + 60
        while not (run.metrics.exists() and run.metrics.read_text().count("\n") > 3) and time.monotonic() < until:
            time.sleep(0.1)
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0
    finally:
        child.kill()
    result = run.read_result()
    newest = run.newest_checkpoint()
    assert result and newest
    assert (result["state"], result["steps"]) == ("stopped", newest[0])
    assert result["checkpoint"] == f"checkpoints/{newest[1].name}"


def test_micro_batches_add_up_to_the_whole_gradient(random_tiny: Path) -> None:
    tokenizer = load_tokenizer(random_tiny)
    model = make_scorer_from_policy(random_tiny, seed=1)
    records = [Comparison(c.prompt, c.completions, c.ranks, weight=1.0 + n) for n, c in enumerate(comparisons(7, 4))]
    batch, _ = build_rankings(records, tokenizer, 128)
    whole = accumulate_gradients(model, batch, pad_id(tokenizer), 0)
    expected = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    pieces = accumulate_gradients(model, batch, pad_id(tokenizer), 2)
    assert pieces == pytest.approx(whole, rel=1e-5)
    for name, parameter in model.named_parameters():
        if name in expected:
            assert parameter.grad is not None
            assert (parameter.grad - expected[name]).norm() <= 1e-5 * expected[name].norm(), name


def test_without_valid_pairs_accuracy_is_null(random_tiny: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", random_tiny, max_steps=1)
    run.valid.write_text("")
    metrics = result_of(run)["metrics"]
    assert metrics["accuracy"] is None
    assert metrics["pairs"] == 0


def test_rankings_without_a_pair_are_refused_with_advice(
    random_tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run", random_tiny)
    write_records(run.train, [Comparison(c.prompt, c.completions, [1, 1, 1]) for c in comparisons(3, 1)])
    assert run_stage(RewardConfig, train, run.path) == 2
    said = capfd.readouterr()
    assert "left out 3 all tied" in said.out
    assert "rank more outputs" in said.err


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_checkpoint(
    random_tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run", random_tiny, max_steps=2)
    result_of(run)
    settings = {**json.loads(run.config.read_text()), "learning_rate": 1e30, "max_steps": 9, "save_every": 1}
    run.config.write_text(json.dumps(settings))
    assert run_stage(RewardConfig, train, run.path) == 2
    assert "lower learning_rate" in capfd.readouterr().err
    assert [step for step, _ in run.whole_checkpoints()] == [2]
    assert run.read_result() is None


@pytest.mark.slow
def test_two_completions_equal_trl(random_tiny: Path, tmp_path: Path) -> None:
    """K = 2 is TRL's pairwise loss, on the same model and the same token ids."""
    trl = pytest.importorskip("trl")
    datasets = pytest.importorskip("datasets")
    tokenizer = load_tokenizer(random_tiny)
    records = [Comparison(c.prompt, c.completions[:2], [1, 2]) for c in comparisons(6, 5)]
    batch, _ = build_rankings(records, tokenizer, 128)
    model = make_scorer_from_policy(random_tiny, seed=1)
    ours = accumulate_gradients(model, batch, pad_id(tokenizer), 0)
    expected = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()

    rows = []
    for ranking in batch:
        ((better, worse),) = ranking.preferred.nonzero().tolist()
        rows.append({"chosen_ids": ranking.rows[better], "rejected_ids": ranking.rows[worse]})
    arguments = trl.RewardConfig(
        output_dir=str(tmp_path), per_device_train_batch_size=len(rows), use_cpu=True, bf16=False, report_to="none",
        gradient_checkpointing=False,
    )  # fmt: skip
    trainer = trl.RewardTrainer(
        model, args=arguments, train_dataset=datasets.Dataset.from_list(rows), processing_class=tokenizer
    )
    loss = trainer.compute_loss(model, next(iter(trainer.get_train_dataloader())))
    loss.backward()
    assert loss.item() == pytest.approx(ours["loss"], rel=1e-5)
    for name, parameter in model.named_parameters():
        if name in expected:
            assert parameter.grad is not None
            assert (parameter.grad - expected[name]).norm() <= 1e-4 * expected[name].norm(), name


def test_stop_requests_do_not_outlive_a_stage() -> None:
    assert not lifecycle.stopping()


def test_a_ranking_beyond_the_models_context_is_left_out(
    random_gpt2: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run", random_gpt2, max_length=4000, max_steps=1)
    long = Comparison([{"role": "user", "content": "Go on."}], ["and on " * 300, "no"], [1, 2])
    write_records(run.train, [*comparisons(8, 1), long])
    result_of(run)
    assert "1 longer than 256 tokens" in capfd.readouterr().out
