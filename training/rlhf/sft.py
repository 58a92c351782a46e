"""Supervised fine-tuning: InstructGPT's first step, section 3.5 of Ouyang et al. 2022.

    python -m training.rlhf.sft RUN_DIR

Learns from demonstrations in the tokenizer's chat template. The loss is the mean negative log-likelihood of the
completions' tokens, EOS included, so that the model learns to stop; prompts are read, never learnt. The checkpoint
to keep is the one with the best loss on ``data/valid.jsonl`` (the last one, without validation data).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.rlhf.batching import Cursor, encode_completion, encode_prompt, steps_of, training_batches
from training.rlhf.config import SFTConfig
from training.rlhf.lifecycle import (
    Outcome,
    Progress,
    StageError,
    check_finite,
    cosine_schedule,
    load_state,
    main,
    make_optimizer,
    save_state,
    set_learning_rate,
    stopping,
)
from training.rlhf.modeling import context_length, load_policy, load_tokenizer, save_checkpoint
from training.rlhf.records import Demonstration, read_records
from training.rlhf.rundir import RunDir
from training.rlhf.sampling import completion_logprobs


@dataclass(frozen=True)
class Example:
    """A demonstration as token ids."""

    id: str
    prompt: list[int]
    completion: list[int]
    weight: float


def train(config: SFTConfig, run: RunDir, device: torch.device) -> Outcome:
    """Fine-tune `config.model` on the run's demonstrations; resume from the newest whole checkpoint."""
    # 1. Demonstrations as token ids.
    newest = run.newest_checkpoint()
    source = newest[1] if newest else config.model
    tokenizer = load_tokenizer(source)
    pad = int(tokenizer.pad_token_id)
    limit = min(config.max_length, context_length(source))
    examples = read_examples(run.train, tokenizer, limit)
    valid = read_examples(run.valid, tokenizer, limit) if run.valid.exists() else []
    if not examples:
        raise StageError("no demonstration is left to learn from: write more of them, or raise max_length")

    # 2. The model to start from, or where this run was left.
    model = load_policy(source, device)
    optimizer = make_optimizer(model, config.learning_rate, config.weight_decay)
    step, cursor, best = 0, Cursor(), Best()
    if newest:
        values = load_state(newest[1], {"optimizer": optimizer})
        step, cursor, best = newest[0], Cursor(**values["cursor"]), Best(**values["best"])
        run.drop_metrics_after(step)
        print(f"resuming after step {step}", flush=True)

    def save() -> None:
        directory = run.begin_checkpoint(step)
        save_checkpoint(directory, model, tokenizer)
        save_state(directory, {"optimizer": optimizer}, cursor=vars(cursor), best=vars(best))
        run.finish_checkpoint(step)
        run.prune_checkpoints(config.keep_checkpoints, best.step)

    # 3. One optimiser update a batch of demonstrations.
    total = steps_of(len(examples), config.batch_size, config.epochs, config.max_steps)
    batches = training_batches(len(examples), config.batch_size, config.epochs, config.seed, cursor)
    micro = config.micro_batch_size or config.batch_size
    progress = Progress(total, step)
    metrics = run.newest_metrics()  # of a run that was killed between its last checkpoint and its result
    if not step and valid:
        run.log_metrics(0, {"valid_loss": mean_loss(model, valid, pad, micro)})
    while step < total and not stopping():
        batch = [examples[i] for i in next(batches)]
        rate = config.learning_rate * cosine_schedule(step, total, config.warmup_steps, config.min_learning_rate_share)
        set_learning_rate(optimizer, rate)
        loss = accumulate_gradients(model, batch, pad, micro)
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        for value, what in ((loss, "the loss"), (norm, "the gradient's norm")):
            check_finite(value, what, step + 1, [example.id for example in batch])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        metrics = {"loss": loss, "learning_rate": rate, "grad_norm": float(norm)}
        improved = False
        if valid and (step == total or (config.eval_every and step % config.eval_every == 0)):
            metrics["valid_loss"] = mean_loss(model, valid, pad, micro)
            improved = best.improve(step, metrics["valid_loss"])
        run.log_metrics(step, metrics)
        progress(step, **metrics)
        if step == total or improved or (config.save_every and step % config.save_every == 0):
            save()

    # 4. What a stopped run goes on from, or the checkpoint that did best on demonstrations it never saw.
    if not run.checkpoint(step).exists():
        save()
    stopped = step < total
    chosen = run.checkpoint(best.step if best.step is not None and not stopped else step)
    if best.step is not None:
        metrics |= {"best_step": best.step, "best_valid_loss": best.loss}
    return Outcome(step, metrics | {"demonstrations": len(examples)}, chosen, stopped)


@dataclass
class Best:
    """The step whose validation loss is the lowest so far."""

    step: int | None = None
    loss: float = float("inf")

    def improve(self, step: int, loss: float) -> bool:
        """Take the step when its loss is lower, and say whether it was."""
        if loss < self.loss:
            self.step, self.loss = step, loss
            return True
        return False


def read_examples(path: Path, tokenizer: PreTrainedTokenizerBase, max_length: int) -> list[Example]:
    """Return the demonstrations of a file as token ids; those longer than `max_length` are left out and counted."""
    found, left_out = [], 0
    for number, record in enumerate(read_records(Demonstration, path), start=1):
        prompt = encode_prompt(tokenizer, record.prompt)
        completion = encode_completion(tokenizer, record.completion)
        if len(prompt) + len(completion) > max_length:
            left_out += 1
        elif record.weight > 0:
            found.append(Example(record.id or f"{path.name} line {number}", prompt, completion, record.weight))
    print(f"{path.name}: {len(found)} demonstrations, {left_out} longer than {max_length} tokens left out", flush=True)
    return found


def loss_weight(examples: Sequence[Example]) -> float:
    """Return the completions' tokens, each counted with its record's weight: what a loss is divided by."""
    return sum(example.weight * len(example.completion) for example in examples)


def summed_loss(model: PreTrainedModel, examples: Sequence[Example], pad: int) -> Tensor:
    """Return the weighted sum of -log pi(token) over the completions' tokens, EOS included, in nats."""
    values, _ = completion_logprobs(
        model, [example.prompt for example in examples], [example.completion for example in examples], pad=pad
    )
    weights = torch.tensor([example.weight for example in examples], device=values.device)
    return -(values.sum(1) * weights).sum()


def accumulate_gradients(model: PreTrainedModel, batch: Sequence[Example], pad: int, micro: int) -> float:
    """Add the gradient of the batch's mean loss over tokens, `micro` records at a time, and return that loss."""
    count, loss = loss_weight(batch), 0.0
    for start in range(0, len(batch), micro):
        part = summed_loss(model, batch[start : start + micro], pad) / count
        part.backward()
        loss += part.item()
    return loss


@torch.no_grad()
def mean_loss(model: PreTrainedModel, examples: Sequence[Example], pad: int, size: int) -> float:
    """Return the mean loss of a completion token in nats, without learning from it."""
    total = sum(summed_loss(model, examples[i : i + size], pad).item() for i in range(0, len(examples), size))
    return total / loss_weight(examples)


if __name__ == "__main__":
    main(SFTConfig, train)
