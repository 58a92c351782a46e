"""The demo's other parts: it deletes nothing of anybody else's, and reports what it measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.demo.client import DemoError
from bench.demo.platform import MARK, clear
from bench.demo.report import Report, improved
from bench.demo.statistics import Interval
from config.stack import attach


def report(improvement: Interval) -> Report:
    policies = {name: Interval(mean, mean - 0.1, mean + 0.1) for name, mean in (("base", 2), ("sft", 3), ("ppo", 3.9))}
    return Report(
        model="tiny",
        seed=0,
        top=4.0,
        policies=policies,
        improvement=improvement,
        improvement_on_sft=Interval(0.9, 0.7, 1.1),
        reward_accuracy=0.923456,
        reward_accuracy_round_2=0.8,
        kl=2.51,
        seconds={"sft": 12.3},
        held_out=200,
    )


def test_the_last_line_has_the_promised_shape(tmp_path: Path) -> None:
    line = report(Interval(1.9, 1.7, 2.1)).save(tmp_path / "demo" / "report.json")
    assert "\n" not in line
    found = json.loads(line)
    assert found == json.loads((tmp_path / "demo" / "report.json").read_text(encoding="utf-8"))
    assert list(found)[:4] == ["policies", "reward_accuracy", "kl", "seconds"]
    assert found["policies"]["ppo"] == {"oracle": 3.9, "ci": [3.8, 4.0]}
    assert list(found["policies"]) == ["base", "sft", "ppo"]
    assert found["reward_accuracy"] == 0.9235
    assert found["simulated"] is True


def test_only_an_interval_above_zero_is_an_improvement() -> None:
    assert improved(Interval(0.5, 0.01, 1.0))
    assert not improved(Interval(0.5, -0.01, 1.0))
    assert not improved(Interval(-0.5, -1.0, -0.1))
    assert not improved(Interval(0.5, 0.0, 1.0))


def test_the_table_names_every_figure() -> None:
    table = report(Interval(1.9, 1.7, 2.1)).table()
    for part in (
        "200 held-out prompts",
        "base model",
        "after PPO",
        "+1.90  [+1.70, +2.10]",
        "92.3%",
        "2.51 nats",
        "sft 12.3",
    ):
        assert part in table


def test_an_old_demo_is_cleared(tmp_path: Path) -> None:
    clear(tmp_path / "platform")
    (tmp_path / "platform" / "data").write_text("old")
    clear(tmp_path / "platform")
    assert [entry.name for entry in (tmp_path / "platform").iterdir()] == [MARK]


def test_what_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("label")
    with pytest.raises(DemoError, match="holds something that no demo made"):
        clear(tmp_path)
    assert (tmp_path / "precious").read_text() == "label"


def test_a_demo_that_runs_is_left_alone(tmp_path: Path) -> None:
    clear(tmp_path)
    lock = attach.take_lock(tmp_path)
    assert lock is not None
    with pytest.raises(DemoError, match="another demo is running"):
        clear(tmp_path)
    assert (tmp_path / attach.LOCK).exists()
