"""The stages' settings: what is refused, what is explained, and that no torch is needed for it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.rlhf.config import (
    STAGES,
    ConfigError,
    ConvertConfig,
    GenerateConfig,
    PPOConfig,
    PretrainConfig,
    RewardConfig,
    SFTConfig,
    StageConfig,
    default_of,
    dump_config,
    field_help,
    parse_config,
)

REQUIRED: dict[str, dict[str, Any]] = {
    "pretrain": {},
    "sft": {"model": "m"},
    "reward": {"model": "m"},
    "ppo": {"model": "m", "reward_model": "r", "reference": "f"},
    "generate": {"policies": {"sft": "m"}},
    "score": {"model": "r"},
    "convert": {},
}


def test_every_stage_is_known():
    assert set(STAGES) == set(REQUIRED)
    assert all(kind.stage == name for name, kind in STAGES.items())


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_defaults_are_valid_and_survive_json(name: str):
    kind = STAGES[name]
    config = parse_config(kind, REQUIRED[name])
    assert parse_config(kind, json.loads(dump_config(config))) == config


@pytest.mark.parametrize("name", sorted(name for name, required in REQUIRED.items() if required))
def test_checkpoints_must_be_named(name: str):
    kind = STAGES[name]
    with pytest.raises(ConfigError) as caught:
        parse_config(kind, {})
    assert set(caught.value.problems) == set(REQUIRED[name]) == set(kind.inputs)


@pytest.mark.parametrize("kind", STAGES.values())
def test_every_setting_is_explained(kind: type[StageConfig]):
    explained = field_help(kind)
    assert set(explained) == {f.name for f in fields(kind)}
    assert not [name for name, text in explained.items() if len(text) < 15]
    assert kind.__doc__


@pytest.mark.parametrize("kind", STAGES.values())
def test_inputs_are_fields(kind: type[StageConfig]):
    assert set(kind.inputs) <= {f.name for f in fields(kind)}
    assert all(not default_of(f) for f in fields(kind) if f.name in kind.inputs)


@pytest.mark.parametrize(
    ("kind", "values", "field"),
    [
        (SFTConfig, {"model": "m", "epoch": 3}, "epoch"),
        (SFTConfig, {"model": "m", "epochs": "3"}, "epochs"),
        (SFTConfig, {"model": "m", "epochs": True}, "epochs"),
        (SFTConfig, {"model": "m", "epochs": 2.5}, "epochs"),
        (SFTConfig, {"model": "m", "epochs": 0}, "epochs"),
        (SFTConfig, {"model": "m", "learning_rate": 0}, "learning_rate"),
        (SFTConfig, {"model": "m", "learning_rate": float("nan")}, "learning_rate"),
        (SFTConfig, {"model": "m", "learning_rate": float("inf")}, "learning_rate"),
        (SFTConfig, {"model": "m", "learning_rate": 10**400}, "learning_rate"),
        (SFTConfig, {"model": "m", "learning_rate": 1e38}, "learning_rate"),
        (SFTConfig, {"model": "m", "max_grad_norm": 1e300}, "max_grad_norm"),
        (SFTConfig, {"model": "m", "epochs": 10**30}, "epochs"),
        (ConvertConfig, {"source": "a\x00b"}, "source"),
        (ConvertConfig, {"source": "\ud800"}, "source"),
        (GenerateConfig, {"policies": {"a": "m\x00"}}, "policies"),
        (GenerateConfig, {"policies": {"a": "m"}, "temperature": 1e-300}, "temperature"),
        (GenerateConfig, {"policies": {"a": "m"}, "max_new_tokens": 10**9}, "max_new_tokens"),
        (GenerateConfig, {"policies": {"a": "m"}, "samples_per_prompt": 10**9}, "samples_per_prompt"),
        (PPOConfig, REQUIRED["ppo"] | {"temperature": 1e-9}, "temperature"),
        (PPOConfig, REQUIRED["ppo"] | {"value_learning_rate": 1e39}, "value_learning_rate"),
        (PPOConfig, REQUIRED["ppo"] | {"max_new_tokens": 10**9}, "max_new_tokens"),
        (SFTConfig, {"model": "m", "warmup_steps": -1}, "warmup_steps"),
        (SFTConfig, {"model": "m", "min_learning_rate_share": 1.1}, "min_learning_rate_share"),
        (SFTConfig, {"model": "m", "batch_size": 16, "micro_batch_size": 5}, "micro_batch_size"),
        (SFTConfig, {"model": "m", "device": "tpu"}, "device"),
        (SFTConfig, {"model": "m", "seed": -1}, "seed"),
        (SFTConfig, {"model": "m", "seed": 10**40}, "seed"),
        (SFTConfig, {"model": "m", "threads": -1}, "threads"),
        (SFTConfig, {"model": "m", "threads": 10**9}, "threads"),
        (SFTConfig, {"model": None}, "model"),
        (PretrainConfig, {"heads": 5}, "heads"),
        (PretrainConfig, {"heads": 0}, "heads"),
        (PretrainConfig, {"vocab_size": 200}, "vocab_size"),
        (PPOConfig, REQUIRED["ppo"] | {"gamma": 1.5}, "gamma"),
        (PPOConfig, REQUIRED["ppo"] | {"minibatches": 3}, "minibatches"),
        (PPOConfig, REQUIRED["ppo"] | {"whiten_advantages": 1}, "whiten_advantages"),
        (PPOConfig, REQUIRED["ppo"] | {"temperature": 0}, "temperature"),
        (GenerateConfig, {"policies": {}}, "policies"),
        (GenerateConfig, {"policies": {"a": 1}}, "policies"),
        (GenerateConfig, {"policies": {"a": "m"}, "top_p": 0}, "top_p"),
        (GenerateConfig, {"policies": {"a": "m"}, "split": "test"}, "split"),
    ],
)
def test_impossible_settings_are_refused_by_name(kind: type[StageConfig], values: dict[str, Any], field: str):
    with pytest.raises(ConfigError) as caught:
        parse_config(kind, values)
    assert field in caught.value.problems
    assert field in str(caught.value)


def test_a_whole_number_is_a_fraction_too():
    config = parse_config(RewardConfig, {"model": "m", "learning_rate": 1})
    assert isinstance(config.learning_rate, float)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(sorted(STAGES)), st.data())
def test_any_json_is_accepted_whole_or_refused_with_reasons(name, data):
    """A form or a hand-written file can hold anything: nothing but ConfigError may come out."""
    kind = STAGES[name]
    names = st.sampled_from([f.name for f in fields(kind)]) | st.text(max_size=4)
    values = data.draw(st.dictionaries(names, json_values, max_size=4))
    try:
        config = parse_config(kind, REQUIRED[name] | values)
    except ConfigError as error:
        assert error.problems
        assert all(error.problems.values())
    else:
        assert config.problems() == {}
        assert {n: asdict(config)[n] for n in values} == values


def test_web_processes_read_configs_without_torch():
    code = "import sys, training.rlhf.config, training.rlhf.records, training.rlhf.rundir; "
    code += "sys.exit(any(m in sys.modules for m in ('torch', 'transformers', 'numpy', 'django')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
