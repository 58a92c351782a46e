"""SFT as it is run: a child process on a run directory; and its loss against the definition and against TRL's."""

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
import torch
from safetensors.torch import load_file

from training.rlhf.batching import encode_completion, encode_prompt
from training.rlhf.config import SFTConfig
from training.rlhf.lifecycle import run_stage
from training.rlhf.modeling import load_policy, load_tokenizer
from training.rlhf.records import Demonstration, write_records
from training.rlhf.rundir import RunDir, read_jsonl
from training.rlhf.sft import accumulate_gradients, mean_loss, read_examples, train
from training.rlhf.stories import prompts, write_demonstration

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


def demonstrations(count: int, seed: int) -> list[Demonstration]:
    import random

    rng = random.Random(seed)
    return [
        Demonstration(prompt=p.prompt, completion=write_demonstration(p.prompt, rng), id=p.id)
        for p in prompts(count, seed)
    ]


def prepare(path: Path, model: Path, **config: Any) -> RunDir:
    """A run directory with 30 demonstrations to learn from and 6 to judge by."""
    run = RunDir(path)
    run.data.mkdir(parents=True)
    write_records(run.train, demonstrations(30, 1))
    write_records(run.valid, demonstrations(6, 2))
    defaults = {"model": str(model), "batch_size": 4, "learning_rate": 3e-3, "device": "cpu", "threads": 1}
    run.config.write_text(json.dumps(defaults | config))
    return run


def start(run: RunDir) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "training.rlhf.sft", str(run.path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_file(path / "model.safetensors")


def test_it_learns_and_reports(random_tiny: Path, tmp_path: Path):
    run = prepare(tmp_path, random_tiny, epochs=4, eval_every=8)
    assert run_stage(SFTConfig, train, tmp_path) == 0
    result = run.read_result()
    assert result is not None
    assert (result["state"], result["steps"], result["stage"]) == ("succeeded", 32, "sft")
    metrics = list(read_jsonl(run.metrics))
    assert [line["step"] for line in metrics] == list(range(33))
    assert {"loss", "learning_rate", "grad_norm", "step", "time"} <= set(metrics[1])
    losses = {line["step"]: line["valid_loss"] for line in metrics if "valid_loss" in line}
    assert set(losses) == {0, 8, 16, 24, 32}
    assert losses[32] < losses[0] - 1
    best = min((step for step in losses if step), key=lambda step: losses[step])
    assert result["checkpoint"] == f"checkpoints/step-{best:06d}"
    assert result["metrics"]["best_valid_loss"] == pytest.approx(losses[best])
    assert metrics[1]["learning_rate"] == pytest.approx(3e-3)
    assert 3e-4 < metrics[-1]["learning_rate"] < 3.2e-4  # the cosine ends at a tenth

    model, tokenizer = load_policy(tmp_path / result["checkpoint"]), load_tokenizer(tmp_path / result["checkpoint"])
    assert mean_loss(model, read_examples(run.valid, tokenizer, 512), 0, 3) == pytest.approx(losses[best], abs=1e-5)


def test_the_best_checkpoint_outlives_newer_ones(random_tiny: Path, tmp_path: Path):
    """With a learning rate that soon overfits, the best step lies far behind the newest."""
    run = prepare(
        tmp_path, random_tiny, epochs=40, eval_every=10, save_every=20, keep_checkpoints=1, learning_rate=0.02
    )
    write_records(run.train, demonstrations(30, 1)[:4])
    assert run_stage(SFTConfig, train, tmp_path) == 0
    result = run.read_result()
    assert result is not None
    kept = [step for step, _ in run.whole_checkpoints()]
    assert kept == sorted({int(result["metrics"]["best_step"]), 40})
    assert (tmp_path / result["checkpoint"]).is_dir()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_stopped_or_killed_and_resumed_it_ends_in_the_same_weights(
    random_tiny: Path, tmp_path: Path, how: signal.Signals
):
    options = {"epochs": 12, "eval_every": 7, "save_every": 10}
    whole, broken = (prepare(tmp_path / name, random_tiny, **options) for name in ("whole", "broken"))
    assert run_stage(SFTConfig, train, whole.path) == 0

    process = start(broken)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and broken.newest_checkpoint() is None:
        time.sleep(0.02)
    process.send_signal(how)
    output, errors = process.communicate(timeout=60)
    result = broken.read_result()
    if how is signal.SIGTERM:
        assert process.returncode == 0, errors
        assert result is not None
        assert result["state"] == "stopped"
        assert result["checkpoint"] == f"checkpoints/step-{result['steps']:06d}"
        assert "stopping" in output
    else:
        assert result is None
    newest = broken.newest_checkpoint()
    assert newest is not None
    assert 0 < newest[0] < 96

    process = start(broken)
    output, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    assert f"resuming after step {newest[0]}" in output
    first, second = whole.read_result(), broken.read_result()
    assert first is not None
    assert second is not None
    assert first["checkpoint"] == second["checkpoint"]
    expected, found = (weights(run.checkpoint(96)) for run in (whole, broken))
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    curves = [[line | {"time": 0} for line in read_jsonl(run.metrics)] for run in (whole, broken)]
    assert curves[0] == curves[1]


def test_the_loss_is_the_mean_over_completion_tokens_with_eos(random_tiny: Path, tmp_path: Path):
    run = prepare(tmp_path, random_tiny)
    model, tokenizer = load_policy(random_tiny), load_tokenizer(random_tiny)
    examples = read_examples(run.valid, tokenizer, 512)
    total, count = 0.0, 0
    for record in demonstrations(6, 2):
        prompt = encode_prompt(tokenizer, record.prompt)
        completion = encode_completion(tokenizer, record.completion)
        assert completion[-1] == tokenizer.eos_token_id
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([prompt + completion])).logits[0].double()
        chosen = torch.log_softmax(logits, -1)[len(prompt) - 1 : -1, :].gather(1, torch.tensor(completion)[:, None])
        total, count = total - chosen.sum().item(), count + len(completion)
    assert mean_loss(model, examples, 0, 4) == pytest.approx(total / count, abs=1e-6)


def test_micro_batches_add_up_to_the_batch(random_tiny: Path, tmp_path: Path):
    run = prepare(tmp_path, random_tiny)
    tokenizer = load_tokenizer(random_tiny)
    batch = read_examples(run.valid, tokenizer, 512)
    gradients, losses = [], []
    for micro in (6, 2, 1):
        model = load_policy(random_tiny)
        losses.append(accumulate_gradients(model, batch, 0, micro))
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    assert losses == pytest.approx([losses[0]] * 3, abs=1e-6)
    for other in gradients[1:]:
        assert (other - gradients[0]).norm() / gradients[0].norm() < 1e-5


def test_weights_count(random_tiny: Path, tmp_path: Path):
    """A record of weight 2 counts as if it stood there twice; of weight 0, as if it did not stand there."""
    model, tokenizer = load_policy(random_tiny), load_tokenizer(random_tiny)
    one, two, three = demonstrations(3, 2)
    files = [[one, one, two], [vars(one) | {"weight": 2.0}, vars(two), vars(three) | {"weight": 0.0}]]
    losses = []
    for number, records in enumerate(files):
        path = tmp_path / f"{number}.jsonl"
        write_records(path, [r if isinstance(r, Demonstration) else Demonstration(**r) for r in records])
        losses.append(mean_loss(model, read_examples(path, tokenizer, 512), 0, 8))
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda run: run.train.write_text(""), "no demonstration is left to learn from"),
        (lambda run: run.train.write_text('{"prompt": []}\n'), "train.jsonl line 1: the key 'completion' is missing"),
        (lambda run: run.config.write_text("{}"), "model: choose the checkpoint to start from"),
        (lambda run: run.config.write_text("{"), "is not JSON"),
        (lambda run: run.config.unlink(), "is missing"),
        (lambda run: run.config.write_text('{"model": "/nowhere"}'), "there is no checkpoint at '?/nowhere"),
    ],
)
def test_mistakes_end_in_one_clear_line(random_tiny: Path, tmp_path: Path, capsys, change, message: str):
    import re

    run = prepare(tmp_path, random_tiny)
    change(run)
    assert run_stage(SFTConfig, train, tmp_path) == 2
    errors = capsys.readouterr().err.strip()
    assert re.search(message, errors)
    assert "\n" not in errors
    assert run.read_result() is None


def test_a_loss_that_is_not_finite_names_the_batch(random_tiny: Path, tmp_path: Path, capsys):
    run = prepare(tmp_path, random_tiny, learning_rate=1e30, max_grad_norm=1e30, epochs=3)
    assert run_stage(SFTConfig, train, tmp_path) == 2
    errors = capsys.readouterr().err
    assert "lower learning_rate" in errors
    assert "story-1-00" in errors
    assert run.read_result() is None


@pytest.mark.slow
def test_the_loss_equals_trl(random_tiny: Path, tmp_path: Path):
    """Decision 0002: the loop is ours, the loss is TRL's."""
    from datasets import Dataset
    from trl import SFTConfig as TRLConfig
    from trl import SFTTrainer

    run = prepare(tmp_path, random_tiny)
    records = demonstrations(6, 2)
    rows = [{"prompt": r.prompt, "completion": [{"role": "assistant", "content": r.completion}]} for r in records]
    options = TRLConfig(
        output_dir=str(tmp_path / "trl"), use_cpu=True, bf16=False, gradient_checkpointing=False, report_to="none",
        per_device_train_batch_size=6, max_length=512, completion_only_loss=True,
    )  # fmt: skip
    tokenizer, model = load_tokenizer(random_tiny), load_policy(random_tiny)
    trainer = SFTTrainer(model, args=options, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)
    batch = next(iter(trainer.get_train_dataloader()))
    # ChatML closes a turn with <|im_end|> and a line break; a policy stops at <|im_end|>, so ours ends there.
    newline = tokenizer("\n", add_special_tokens=False)["input_ids"]
    labels, cut = batch["labels"].clone(), 0
    for row in labels:
        last = int((row != -100).nonzero().max())
        if [int(row[last])] == newline:
            row[last] = -100
            cut += 1
    assert cut == 6
    batch["labels"] = labels
    with torch.no_grad():
        theirs = trainer.compute_loss(model, dict(batch)).item()
    ours = mean_loss(model, read_examples(run.valid, tokenizer, 512), 0, 6)
    assert ours == pytest.approx(theirs, abs=2e-6)


def test_a_demonstration_beyond_the_models_context_is_left_out(random_gpt2: Path, tmp_path: Path, capsys):
    """GPT-2's positions end at 256; rotary ones go on, but no model has learnt what they mean there."""
    run = prepare(tmp_path, random_gpt2, max_length=4000, max_steps=1)
    long = Demonstration(prompt=[{"role": "user", "content": "Go on."}], completion="and on " * 300)
    write_records(run.train, [*demonstrations(3, 1), long])
    assert run_stage(SFTConfig, train, run.path) == 0
    assert "train.jsonl: 3 demonstrations, 1 longer than 256 tokens left out" in capsys.readouterr().out


def test_killed_before_its_result_it_reports_the_same_metrics(random_tiny: Path, tmp_path: Path):
    run = prepare(tmp_path, random_tiny, max_steps=3)
    assert run_stage(SFTConfig, train, run.path) == 0
    first = run.read_result()
    run.result.unlink()
    assert run_stage(SFTConfig, train, run.path) == 0
    second = run.read_result()
    assert first is not None and second is not None
    assert second["metrics"] == first["metrics"]
    assert second["checkpoint"] == first["checkpoint"]
