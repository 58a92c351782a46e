"""Generation: seeds belong to samples, batches do not matter, a kill loses nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from training.rlhf import generate
from training.rlhf.batching import decode, encode_prompt
from training.rlhf.config import GenerateConfig
from training.rlhf.generate import read_prompts, sample_seed, train
from training.rlhf.lifecycle import run_stage
from training.rlhf.modeling import load_policy, load_tokenizer
from training.rlhf.records import Prompt, Sample, read_records, write_records
from training.rlhf.rundir import RunDir, read_jsonl
from training.rlhf.sampling import sample
from training.rlhf.stories import prompts


def prepare(path: Path, policies: dict[str, Path], count: int = 9, **config: Any) -> RunDir:
    run = RunDir(path)
    run.data.mkdir(parents=True)
    write_records(run.train, prompts(count, 1))
    write_records(run.valid, prompts(4, 2))
    defaults = {
        "policies": {n: str(p) for n, p in policies.items()},
        "max_new_tokens": 12,
        "device": "cpu",
        "threads": 1,
    }
    run.config.write_text(json.dumps(defaults | config))
    return run


def samples(run: RunDir) -> list[Sample]:
    return list(read_records(Sample, run.samples))


def test_every_prompt_is_answered_by_every_policy(random_tiny: Path, random_gpt2: Path, tmp_path: Path):
    run = prepare(tmp_path, {"sft": random_tiny, "ppo": random_gpt2}, samples_per_prompt=3, temperature=4.0)
    assert run_stage(GenerateConfig, train, tmp_path) == 0
    found = samples(run)
    asked = list(read_records(Prompt, run.train))
    assert [s.id for s in found] == [f"{p.id}/{name}/{n}" for name in ("sft", "ppo") for p in asked for n in range(3)]
    tokenizer = load_tokenizer(random_tiny)
    for s in found:
        assert s.id.startswith(f"{s.prompt_id}/{s.checkpoint}/")
        assert s.completion == decode(tokenizer, s.tokens).strip()
        assert 1 <= len(s.tokens) <= 12
        assert (s.finish_reason == "stop") == (s.tokens[-1] == tokenizer.eos_token_id)
    assert {s.finish_reason for s in found} == {"stop", "length"}
    assert len({s.seed for s in found}) == len(found)
    result = run.read_result()
    assert result is not None
    assert (result["state"], result["checkpoint"], result["steps"]) == ("succeeded", None, 0)
    own = [s for s in found if s.checkpoint == "sft"]
    assert result["metrics"]["samples"] == 54
    assert result["metrics"]["mean_length/sft"] == pytest.approx(sum(len(s.tokens) for s in own) / 27)
    assert result["metrics"]["finished/sft"] == pytest.approx(sum(s.finish_reason == "stop" for s in own) / 27)
    assert result["metrics"]["tokens_per_second/ppo"] > 0
    assert [line["samples"] for line in read_jsonl(run.metrics)][-1] == 54


def test_batch_size_and_company_change_nothing(random_tiny: Path, random_gpt2: Path, tmp_path: Path):
    one = prepare(tmp_path / "one", {"a": random_tiny}, batch_size=1)
    many = prepare(tmp_path / "many", {"b": random_gpt2, "a": random_tiny}, batch_size=64)
    other = prepare(tmp_path / "other", {"a": random_tiny}, seed=1)
    for run in (one, many, other):
        assert run_stage(GenerateConfig, train, run.path) == 0
    assert samples(one) == [s for s in samples(many) if s.checkpoint == "a"]
    assert [s.tokens for s in samples(one)] != [s.tokens for s in samples(other)]


def test_a_sample_can_be_drawn_again_from_its_record(random_tiny: Path, tmp_path: Path):
    run = prepare(tmp_path, {"sft": random_tiny}, top_p=0.9, temperature=0.8)
    assert run_stage(GenerateConfig, train, tmp_path) == 0
    chosen = samples(run)[7]
    asked = next(p for p in read_records(Prompt, run.train) if p.id == chosen.prompt_id)
    tokenizer = load_tokenizer(random_tiny)
    (again,) = sample(
        load_policy(random_tiny), [encode_prompt(tokenizer, asked.prompt)], eos=2, pad=0, max_new_tokens=12,
        temperature=chosen.temperature, top_p=chosen.top_p, seeds=[chosen.seed],
    )  # fmt: skip
    assert again.ids == chosen.tokens
    assert chosen.seed == sample_seed(0, chosen.id) < 2**53


def test_stopped_it_goes_on_with_what_is_missing(random_tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = prepare(tmp_path / "whole", {"a": random_tiny, "b": random_tiny}, batch_size=4)
    broken = prepare(tmp_path / "broken", {"a": random_tiny, "b": random_tiny}, batch_size=4)
    assert run_stage(GenerateConfig, train, whole.path) == 0

    drawn: list[str] = []
    original = generate.answer

    def counted(*arguments: Any) -> list[Sample]:
        found = original(*arguments)
        drawn.extend(s.id for s in found)
        return found

    monkeypatch.setattr(generate, "answer", counted)
    monkeypatch.setattr(generate, "stopping", lambda: len(drawn) >= 12)
    assert run_stage(GenerateConfig, train, broken.path) == 0
    result = broken.read_result()
    assert result is not None
    assert (result["state"], result["metrics"]["samples"]) == ("stopped", 12)
    with broken.samples.open("a") as stream:
        stream.write('{"id": "story-1-0009/a/0", "tok')  # a kill in the middle of a line
    monkeypatch.setattr(generate, "stopping", lambda: False)
    assert run_stage(GenerateConfig, train, broken.path) == 0
    assert broken.samples.read_bytes() == whole.samples.read_bytes()
    assert len(drawn) == len(set(drawn)) == 36


def test_killed_it_ends_in_the_same_samples(random_tiny: Path, tmp_path: Path):
    options = {"count": 24, "batch_size": 2, "max_new_tokens": 40}
    whole = prepare(tmp_path / "whole", {"a": random_tiny}, **options)
    broken = prepare(tmp_path / "broken", {"a": random_tiny}, **options)
    assert run_stage(GenerateConfig, train, whole.path) == 0
    command = [sys.executable, "-m", "training.rlhf.generate", str(broken.path)]
    process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (broken.samples.exists() and broken.samples.stat().st_size):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = len(list(read_jsonl(broken.samples)))
    assert 0 < before < 48
    assert broken.read_result() is None
    assert run_stage(GenerateConfig, train, broken.path) == 0
    assert broken.samples.read_bytes() == whole.samples.read_bytes()


def test_limits_and_the_other_split(random_tiny: Path, tmp_path: Path):
    run = prepare(tmp_path, {"a": random_tiny, "b": random_tiny}, split="valid", max_prompts=3, samples_per_prompt=1)
    lengths = [len(encode_prompt(load_tokenizer(random_tiny), p.prompt)) for p in read_records(Prompt, run.valid)][:3]
    limit = sorted(lengths)[1]
    run.config.write_text(json.dumps(json.loads(run.config.read_text()) | {"max_prompt_length": limit}))
    assert run_stage(GenerateConfig, train, tmp_path) == 0
    result = run.read_result()
    assert result is not None
    assert len(samples(run)) == 2 * sum(length <= limit for length in lengths)
    assert result["metrics"]["left_out"] == sum(length > limit for length in lengths), "once, not for each policy"


def test_an_answer_never_runs_out_of_the_models_context(random_gpt2: Path, tmp_path: Path):
    """GPT-2's positions end at 256: a prompt that leaves no room for the answer is left out, not crashed on."""
    run = prepare(tmp_path, {"a": random_gpt2}, max_new_tokens=200, samples_per_prompt=1)
    assert run_stage(GenerateConfig, train, tmp_path) == 0
    result = run.read_result()
    assert result is not None
    assert result["metrics"]["samples"] + result["metrics"]["left_out"] == 9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda run: run.train.unlink(), "train.jsonl is missing"),
        (lambda run: run.train.write_text(""), "has no prompts"),
        (lambda run: write_records(run.train, list(prompts(2, 1)) * 2), "two prompts with the same id"),
        (lambda run: run.config.write_text('{"policies": {"a": "/nowhere"}}'), "there is no checkpoint"),
    ],
)
def test_mistakes_are_said(random_tiny: Path, tmp_path: Path, capsys, change, message: str):
    run = prepare(tmp_path, {"a": random_tiny})
    change(run)
    assert run_stage(GenerateConfig, train, tmp_path) == 2
    assert message in capsys.readouterr().err


def test_both_splits_share_the_prompts_by_size(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    run.data.mkdir()
    ask = [{"role": "user", "content": "Hello?"}]
    write_records(run.train, [Prompt(prompt=ask, id=f"t{n}") for n in range(80)])
    write_records(run.valid, [Prompt(prompt=ask, id=f"v{n}") for n in range(20)])
    few = read_prompts(GenerateConfig(policies={"p": "x"}, split="both", max_prompts=10), run)
    assert [p.id for p in few] == [*(f"t{n}" for n in range(8)), "v0", "v1"]
    assert len(read_prompts(GenerateConfig(policies={"p": "x"}, split="both"), run)) == 100
    one = read_prompts(GenerateConfig(policies={"p": "x"}, split="both", max_prompts=2), run)
    assert [p.id for p in one] == ["t0", "v0"]
