"""Presets fit the configs they are for, and a web process can read them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from training.rlhf.config import STAGES, parse_config
from training.rlhf.config.presets import PRESETS

INPUTS = {"model": "a", "reward_model": "b", "reference": "c", "policies": {"sft": "a"}}


@pytest.mark.parametrize("name", PRESETS)
def test_every_setting_exists_and_is_possible(name: str) -> None:
    assert set(PRESETS[name]) == {"sft", "generate", "reward", "ppo"}
    for stage, settings in PRESETS[name].items():
        kind = STAGES[stage]
        config = parse_config(kind, {**{field: INPUTS[field] for field in kind.inputs}, **settings})
        assert {key: getattr(config, key) for key in settings} == dict(settings)


def test_the_papers_numbers() -> None:
    paper = PRESETS["instructgpt"]
    assert paper["ppo"]["updates"] * paper["ppo"]["episodes_per_update"] == 256_000  # type: ignore[operator]
    assert paper["ppo"]["episodes_per_update"] == 64 * paper["ppo"]["minibatches"]  # type: ignore[operator]


def test_presets_need_no_torch() -> None:
    code = (
        "import sys, training.rlhf.config.presets; sys.exit(any(m in sys.modules for m in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
