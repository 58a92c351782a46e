"""The whole demo, small, twice: the same seed gives the same figures, whichever labeler was faster."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from bench.demo.__main__ import play
from bench.demo.progress import Progress
from bench.demo.scenario import Sizes
from bench.demo.stories import TINY

SMALL = dataclasses.replace(
    TINY,
    sizes=Sizes(
        written=40, prompts=140, later_prompts=24, compared=24, compared_valid=12, compared_again=8, held_out=16
    ),
    stages={
        **TINY.stages,
        "sft": {**TINY.stages.get("sft", {}), "max_steps": 4},
        "reward": {**TINY.stages.get("reward", {}), "max_steps": 4},
        "ppo": {**TINY.stages.get("ppo", {}), "updates": 2, "episodes_per_update": 16},
    },
)
STEPS = (
    "start set_up base write_1 sft sample_1 rank_1 reward ppo sample_2 rank_2 score held_out total".split()  # noqa: SIM905
)


def figures(var: Path, seed: int) -> dict[str, Any]:
    progress = Progress()
    found = json.loads(play(SMALL, seed, var, progress).save(var / "report.json"))
    assert set(found.pop("seconds")) == set(STEPS)
    return found


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_same_seed_gives_the_same_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = figures(tmp_path / "a", 0), figures(tmp_path / "b", 0)
    assert first == second
    assert set(first["policies"]) == {"base", "sft", "ppo"}
    assert first["held_out_prompts"] == 16
    assert first["records"]["demonstrations_round_1"] >= 20
    assert first["records"]["rankings_round_1"] > 30
    assert first["records"]["rankings_round_2"] > 0
    assert 0 <= first["reward_accuracy"] <= 1
    assert "watch it at http://" in capsys.readouterr().out
