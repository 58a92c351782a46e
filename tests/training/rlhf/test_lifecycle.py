"""The frame of every stage: schedule, state, locks, exit codes."""

from __future__ import annotations

import fcntl
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.rlhf.config import StageConfig
from training.rlhf.lifecycle import (
    Outcome,
    Progress,
    StageError,
    check_finite,
    cosine_schedule,
    load_state,
    make_optimizer,
    run_stage,
    save_state,
    set_learning_rate,
    set_seeds,
    stopping,
)
from training.rlhf.rundir import RunDir, read_jsonl


@dataclass(frozen=True)
class NothingConfig(StageConfig):
    """A stage that does what the test says."""

    stage: ClassVar[str] = "nothing"

    number: int = 1
    """Any number."""


def prepare(path: Path, **config: object) -> RunDir:
    run = RunDir(path)
    run.config.write_text(json.dumps({"device": "cpu"} | config))
    return run


def test_the_result_holds_what_a_reader_relies_on(tmp_path: Path):
    run = prepare(tmp_path, number=7)

    def train(config: NothingConfig, run: RunDir, device: torch.device) -> Outcome:
        assert (config.number, device.type, stopping()) == (7, "cpu", False)
        run.begin_checkpoint(3)
        return Outcome(3, {"loss": 1.5, "kl": float("nan")}, run.finish_checkpoint(3))

    assert run_stage(NothingConfig, train, tmp_path) == 0
    result = run.read_result()
    assert result is not None
    assert result["metrics"] == {"loss": 1.5, "kl": None}
    assert (result["state"], result["stage"], result["steps"]) == ("succeeded", "nothing", 3)
    assert result["checkpoint"] == "checkpoints/step-000003"
    assert result["device"] == "cpu"
    assert result["seconds"] >= 0
    assert result["versions"]["torch"] == torch.__version__
    assert result["memory"]["peak_rss_mb"] > 50


def test_a_stages_own_error_is_one_line_and_a_fault_of_ours_is_not_hidden(tmp_path: Path, capsys):
    prepare(tmp_path)

    def fails(config: NothingConfig, run: RunDir, device: torch.device) -> Outcome:
        raise StageError("no data: add some")

    assert run_stage(NothingConfig, fails, tmp_path) == 2
    assert capsys.readouterr().err == "nothing: no data: add some\n"

    def breaks(config: NothingConfig, run: RunDir, device: torch.device) -> Outcome:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_stage(NothingConfig, breaks, tmp_path)
    assert RunDir(tmp_path).read_result() is None


@pytest.mark.parametrize("content", [b"\xff\xfe{\x00}\x00", b"[" * 100_000, b"{", b"[]"])
def test_a_config_that_is_none_is_one_sentence(tmp_path: Path, capsys, content: bytes):
    (tmp_path / "config.json").write_bytes(content)
    assert run_stage(NothingConfig, lambda c, r, d: Outcome(0), tmp_path) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_old_result_does_not_survive_a_new_start(tmp_path: Path):
    run = prepare(tmp_path)
    run.write_result({"state": "stopped"})

    def fails(config: NothingConfig, run: RunDir, device: torch.device) -> Outcome:
        assert run.read_result() is None
        raise StageError("x")

    assert run_stage(NothingConfig, fails, tmp_path) == 2
    assert run.read_result() is None


def test_metrics_of_an_attempt_without_checkpoint_are_forgotten(tmp_path: Path):
    run = prepare(tmp_path)
    run.log_metrics(1, {"loss": 9})

    def train(config: NothingConfig, run: RunDir, device: torch.device) -> Outcome:
        run.log_metrics(1, {"loss": 1})
        return Outcome(1)

    assert run_stage(NothingConfig, train, tmp_path) == 0
    assert [line["loss"] for line in read_jsonl(run.metrics)] == [1]


def test_two_processes_do_not_share_a_run_directory(tmp_path: Path, capsys):
    prepare(tmp_path)
    with (tmp_path / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert run_stage(NothingConfig, lambda c, r, d: Outcome(0), tmp_path) == 2
    assert "another process works in" in capsys.readouterr().err
    assert run_stage(NothingConfig, lambda c, r, d: Outcome(0), tmp_path) == 0


@given(st.integers(1, 300), st.integers(0, 50), st.floats(0, 1))
def test_the_schedule_climbs_to_one_and_falls_to_its_floor(total, warmup, floor):
    shares = [cosine_schedule(step, total, warmup, floor) for step in range(total)]
    assert all(min(floor, 1 / max(warmup, 1)) - 1e-9 <= share <= 1 + 1e-9 for share in shares)
    rising, falling = shares[:warmup], shares[warmup:]
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)
    if falling:
        assert falling[0] == pytest.approx(1)
    assert cosine_schedule(max(total, warmup + 1), total, warmup, floor) == pytest.approx(floor)


def test_the_schedule_is_the_paper_half_way():
    assert cosine_schedule(50, 100, 0, 0.1) == pytest.approx(0.55)


def test_state_brings_back_optimizer_and_every_generator(tmp_path: Path):
    def steps(model: torch.nn.Module, optimizer: torch.optim.Optimizer, count: int) -> list[float]:
        drawn = []
        for _ in range(count):
            noise = torch.randn(4) * random.random() * np.random.rand()
            (model(noise).sum() ** 2).backward()
            optimizer.step()
            optimizer.zero_grad()
            drawn.append(noise.sum().item())
        return drawn

    set_seeds(5)
    model = torch.nn.Linear(4, 3)
    optimizer = make_optimizer(model, 0.1, 0.01)
    steps(model, optimizer, 3)
    np.random.normal()  # leaves a cached half pair behind
    random.gauss(0, 1)
    save_state(tmp_path, {"optimizer": optimizer}, cursor={"epoch": 1, "position": 8})
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    expected = steps(model, optimizer, 3), random.gauss(0, 1), np.random.normal()

    set_seeds(99)
    other = torch.nn.Linear(4, 3)
    other.load_state_dict(weights)
    fresh = make_optimizer(other, 0.5, 0.0)
    assert load_state(tmp_path, {"optimizer": fresh}) == {"cursor": {"epoch": 1, "position": 8}}
    assert (steps(other, fresh, 3), random.gauss(0, 1), np.random.normal()) == expected
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in model.state_dict().items())


def test_a_checkpoint_without_state_cannot_be_resumed(tmp_path: Path):
    with pytest.raises(StageError, match="cannot resume from"):
        load_state(tmp_path, {"optimizer": make_optimizer(torch.nn.Linear(2, 2), 0.1)})


def test_decay_is_for_matrices_only():
    model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.LayerNorm(3))
    decayed, free = make_optimizer(model, 0.1, 0.5).param_groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.5, 0.0)
    assert [p.dim() for p in decayed["params"]] == [2]
    assert len(free["params"]) == 3
    assert decayed["betas"] == (0.9, 0.95)


def test_the_learning_rate_is_set_everywhere():
    optimizer = make_optimizer(torch.nn.Linear(3, 3), 0.1)
    set_learning_rate(optimizer, 0.02)
    assert {group["lr"] for group in optimizer.param_groups} == {0.02}


@pytest.mark.parametrize("value", [float("nan"), torch.tensor(float("inf"))])
def test_a_value_that_is_not_finite_names_step_and_records(value):
    with pytest.raises(StageError, match=r"step 4: the loss is .* a, b: lower learning_rate"):
        check_finite(value, "the loss", 4, ["a", "b"])
    check_finite(1.0, "the loss", 4, [])


def test_progress_is_one_line_a_second_and_always_the_last(capsys):
    progress = Progress(1000)
    for step in range(1, 1001):
        progress(step, loss=1 / step)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("step 1/1000  loss 1  ")
    assert lines[-1].startswith("step 1000/1000  loss 0.001  ")
    assert "eta 0m00s" in lines[-1]
    assert len(lines) < 10
