"""The run directory: names, and writes that a kill cannot break."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.rlhf.rundir import RunDir, read_jsonl, write_atomically, write_json


def test_names_are_the_seams(tmp_path: Path):
    run = RunDir(tmp_path)
    names = [run.config, run.train, run.valid, run.manifest, run.metrics, run.samples, run.result, run.log]
    assert [p.relative_to(tmp_path).as_posix() for p in names] == [
        "config.json", "data/train.jsonl", "data/valid.jsonl", "data/manifest.json", "metrics.jsonl", "samples.jsonl",
        "result.json", "log.txt",
    ]  # fmt: skip
    assert run.checkpoint(200) == tmp_path / "checkpoints" / "step-000200"


def test_an_atomic_write_replaces_and_leaves_nothing_else(tmp_path: Path):
    write_atomically(tmp_path / "f", "one")
    write_atomically(tmp_path / "f", "two")
    assert (tmp_path / "f").read_text() == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_json_refuses_what_json_has_not(tmp_path: Path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "f", {"loss": float("nan")})
    assert not (tmp_path / "f").exists()


def test_metrics_append_and_undefined_is_null(tmp_path: Path):
    run = RunDir(tmp_path)
    run.log_metrics(1, {"loss": 2.5})
    run.log_metrics(2, {"loss": float("inf"), "kl": float("nan")})
    first, second = read_jsonl(run.metrics)
    assert (first["step"], first["loss"]) == (1, 2.5)
    assert (second["loss"], second["kl"]) == (None, None)
    assert second["time"] >= first["time"] > 1.7e9


def test_a_line_being_written_is_not_read(tmp_path: Path):
    run = RunDir(tmp_path)
    run.log_metrics(1, {"loss": 2.5})
    with run.metrics.open("a") as stream:
        stream.write('{"step": 2, "lo')
    assert [line["step"] for line in read_jsonl(run.metrics)] == [1]
    run.drop_metrics_after(5)
    run.log_metrics(2, {"loss": 2.0})
    assert [line["step"] for line in read_jsonl(run.metrics)] == [1, 2]


def test_metrics_of_steps_to_repeat_are_forgotten(tmp_path: Path):
    run = RunDir(tmp_path)
    run.drop_metrics_after(3)
    assert not run.metrics.exists()
    for step in range(6):
        run.log_metrics(step, {"loss": step})
    run.drop_metrics_after(3)
    assert [line["step"] for line in read_jsonl(run.metrics)] == [0, 1, 2, 3]
    run.drop_metrics_after(-1)
    assert not list(read_jsonl(run.metrics))


def write_checkpoint(run: RunDir, step: int) -> Path:
    (run.begin_checkpoint(step) / "config.json").write_text("{}")
    return run.finish_checkpoint(step)


def test_a_checkpoint_counts_only_when_it_is_whole(tmp_path: Path):
    run = RunDir(tmp_path)
    assert run.newest_checkpoint() is None
    write_checkpoint(run, 100)
    run.begin_checkpoint(200)
    (run.checkpoints / "step-000300").mkdir()
    (run.checkpoints / "notes").mkdir()
    assert run.newest_checkpoint() == (100, run.checkpoint(100))
    write_checkpoint(run, 200)
    assert [step for step, _ in run.whole_checkpoints()] == [100, 200]


def test_a_checkpoint_is_written_again_over_a_half_one(tmp_path: Path):
    run = RunDir(tmp_path)
    (run.begin_checkpoint(5) / "junk").touch()
    final = write_checkpoint(run, 5)
    assert sorted(p.name for p in final.iterdir()) == ["COMPLETE", "config.json"]
    (final / "old").touch()
    assert not (write_checkpoint(run, 5) / "old").exists()


def test_steps_beyond_six_digits_stay_in_order(tmp_path: Path):
    run = RunDir(tmp_path)
    for step in (999_999, 1_000_000):
        write_checkpoint(run, step)
    assert run.newest_checkpoint() == (1_000_000, run.checkpoints / "step-1000000")


@pytest.mark.parametrize(
    ("keep", "best", "left"), [(2, None, [3, 4]), (1, None, [4]), (1, 2, [2, 4]), (0, 4, [4]), (9, 1, [1, 2, 3, 4])]
)
def test_pruning_keeps_the_newest_and_the_best(tmp_path: Path, keep: int, best: int | None, left: list[int]):
    run = RunDir(tmp_path)
    for step in (1, 2, 3, 4):
        write_checkpoint(run, step)
    run.prune_checkpoints(keep, best)
    assert [step for step, _ in run.whole_checkpoints()] == left


def test_the_result_is_none_until_it_is_there(tmp_path: Path):
    run = RunDir(tmp_path)
    assert run.read_result() is None
    run.write_result({"state": "succeeded"})
    assert run.read_result() == {"state": "succeeded"}
    assert json.loads(run.result.read_text()) == {"state": "succeeded"}


def test_the_logs_tail_is_short_even_of_a_long_log(tmp_path: Path):
    run = RunDir(tmp_path)
    assert run.log_tail() == ""
    run.log.write_bytes(b"a NUL\x00 byte\n")
    assert run.log_tail() == "a NUL byte"
    run.log.write_bytes(b"\xff\xfe broken\n" + b"".join(b"line %d\n" % i for i in range(50_000)))
    assert run.log_tail(2) == "line 49998\nline 49999"
    assert len(run.log_tail(10**9)) <= 65536


def test_a_half_written_checkpoint_does_not_fill_the_disk_for_ever(tmp_path: Path):
    run = RunDir(tmp_path)
    (run.begin_checkpoint(3) / "model.safetensors").write_text("half")
    run.begin_checkpoint(5)
    run.finish_checkpoint(5)
    assert [entry.name for entry in run.checkpoints.iterdir()] == ["step-000005"]
