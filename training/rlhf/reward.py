"""The reward model: InstructGPT's second step, section 3.5 of Ouyang et al. 2022.

    python -m training.rlhf.reward RUN_DIR

One batch element is one prompt with all its ranked completions: each is forwarded once, and all pairs of the
ranking enter the loss together (Equation 1). Reads ``data/train.jsonl`` and ``data/valid.jsonl`` of comparisons and,
when present, ``data/demonstrations.jsonl``, whose mean score becomes 0.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.rlhf import functional as fn
from training.rlhf.batching import Cursor, encode_completion, encode_prompt, steps_of, training_batches
from training.rlhf.config import RewardConfig
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
from training.rlhf.modeling import (
    context_length,
    is_scorer,
    load_scorer,
    load_tokenizer,
    make_scorer_from_policy,
    save_checkpoint,
    weights_hash,
)
from training.rlhf.rankings import Ranking, build_rankings, judge, score_rankings, summary
from training.rlhf.records import Comparison, Demonstration, read_records
from training.rlhf.rundir import RunDir
from training.rlhf.scoring import RewardNorm, pad_id, score_ids, tokenizer_hash


def train(config: RewardConfig, run: RunDir, device: torch.device) -> Outcome:
    """Train a reward model on the run's comparisons, from a policy or from another reward model."""
    # 1. Rankings as token ids.
    tokenizer = load_tokenizer(config.model)
    pad = pad_id(tokenizer)
    limit = min(config.max_length, context_length(config.model))
    train_set = read_rankings(run.train, tokenizer, limit)
    valid_set = read_rankings(run.valid, tokenizer, limit) if run.valid.exists() else []
    if not train_set:
        raise StageError("no ranking is left to learn from: rank more outputs, break some ties, or raise max_length")
    basis, basis_rows = normalisation_texts(run, train_set, tokenizer, limit)

    # 2. The policy's body with a new head, or a reward model that learns on; or where this run stopped.
    newest = run.newest_checkpoint()
    source = str(newest[1]) if newest else config.model
    model = (
        load_scorer(source, device) if is_scorer(source) else make_scorer_from_policy(source, device, seed=config.seed)
    )
    optimizer = make_optimizer(model, config.learning_rate, config.weight_decay)
    step, cursor = 0, Cursor()
    if newest:
        step, state = newest[0], load_state(newest[1], {"optimizer": optimizer})
        cursor = Cursor(**state["cursor"])
        run.drop_metrics_after(step)
        print(f"resuming after step {step}", flush=True)

    def evaluate() -> dict[str, float]:
        found = summary(judge(model, valid_set, pad, config.micro_batch_size or config.batch_size))
        return {f"valid_{name}": value for name, value in found.items()}

    def save() -> Path:
        offset = score_ids(model, basis_rows, pad=pad).mean().item()
        check_finite(offset, "the mean score", step, [basis])
        directory = run.begin_checkpoint(step)
        save_checkpoint(directory, model, tokenizer)
        RewardNorm(
            offset=offset,
            count=len(basis_rows),
            basis=basis,
            weights=weights_hash(directory),
            tokenizer=tokenizer_hash(tokenizer),
        ).write(directory)
        save_state(directory, {"optimizer": optimizer}, cursor=vars(cursor))
        final = run.finish_checkpoint(step)
        run.prune_checkpoints(config.keep_checkpoints)
        return final

    # 3. One optimiser update a batch of rankings.
    total = steps_of(len(train_set), config.batch_size, config.epochs, config.max_steps)
    progress = Progress(total, step)
    if not step and valid_set:
        run.log_metrics(0, evaluate())
    batches = training_batches(len(train_set), config.batch_size, config.epochs, config.seed, cursor)
    # Asked before `next`: a batch that was taken is behind the cursor and must be trained on.
    while step < total and not stopping():
        indices = next(batches)
        began = time.monotonic()
        batch = [train_set[i] for i in indices]
        rate = config.learning_rate * cosine_schedule(step, total, config.warmup_steps, config.min_learning_rate_share)
        set_learning_rate(optimizer, rate)
        metrics = accumulate_gradients(model, batch, pad, config.micro_batch_size)
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        for value, what in ((metrics["loss"], "the loss"), (norm, "the gradient's norm")):
            check_finite(value, what, step + 1, [ranking.id for ranking in batch])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        metrics |= {"learning_rate": rate, "grad_norm": float(norm), "seconds": time.monotonic() - began}
        if valid_set and config.eval_every and step % config.eval_every == 0 and step < total:
            metrics |= evaluate()
        run.log_metrics(step, metrics)
        progress(step, loss=metrics["loss"], accuracy=metrics["accuracy"])
        if config.save_every and step % config.save_every == 0 and step < total:
            save()

    # 4. The checkpoint with its offset, and what it is worth on rankings that it never saw.
    stopped = step < total
    done_before = newest is not None and newest[0] == step
    checkpoint = run.checkpoint(step) if done_before else save()
    found = {} if stopped else evaluate()
    if valid_set and found and not done_before:
        run.log_metrics(step, found)
    result = {name.removeprefix("valid_"): value for name, value in found.items()}
    return Outcome(step, result, checkpoint, stopped)


def read_rankings(path: Path, tokenizer: PreTrainedTokenizerBase, max_length: int) -> list[Ranking]:
    """Return a file's rankings, and say what was left out."""
    rankings, left_out = build_rankings(read_records(Comparison, path), tokenizer, max_length)
    pairs = sum(ranking.pairs for ranking in rankings)
    print(
        f"{path.name}: {len(rankings)} rankings with {pairs} pairs; left out {left_out.tied} all tied, "
        f"{left_out.too_long} longer than {max_length} tokens",
        flush=True,
    )
    return rankings


def normalisation_texts(
    run: RunDir, rankings: Sequence[Ranking], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> tuple[str, list[list[int]]]:
    """Return what shall score 0 on average: the demonstrations when the run has some, else the best completions."""
    path = run.data / "demonstrations.jsonl"
    if path.exists():
        records = read_records(Demonstration, path)
        rows = [[*encode_prompt(tokenizer, r.prompt), *encode_completion(tokenizer, r.completion)] for r in records]
        rows = [row for row in rows if len(row) <= max_length]
        if rows:
            return "demonstrations", rows
    return "best completions", [ranking.rows[i] for ranking in rankings for i in ranking.best()]


def accumulate_gradients(
    model: PreTrainedModel, batch: Sequence[Ranking], pad: int, micro_batch_size: int
) -> dict[str, float]:
    """Add the gradient of the batch's loss to the model's, `micro_batch_size` rankings (0: all) at a time.

    Returns the batch's loss, accuracy, pairs, reward_mean and reward_std. The pieces add up to the whole's gradient:
    each is divided by the batch's weight, not its own.
    """
    size = micro_batch_size or len(batch)
    total_weight = sum(ranking.weight for ranking in batch)
    loss, right, judgements, flat = 0.0, 0.0, 0.0, []
    for start in range(0, len(batch), size):
        part = batch[start : start + size]
        scores, preferred = score_rankings(model, part, pad)
        weights = torch.tensor([ranking.weight for ranking in part], device=scores.device)
        partial = (fn.kwise_losses(scores, preferred) * weights).sum() / total_weight
        partial.backward()  # type: ignore[no-untyped-call]
        hits, of = fn.pair_hits(scores.detach(), preferred)
        loss, right, judgements = loss + partial.item(), right + hits.sum().item(), judgements + of.sum().item()
        flat += [scores[e, : len(ranking.rows)].detach().cpu() for e, ranking in enumerate(part)]
    rewards = torch.cat(flat)
    return {
        "loss": loss,
        "accuracy": right / judgements,
        "pairs": sum(ranking.pairs for ranking in batch),
        "reward_mean": rewards.mean().item(),
        "reward_std": rewards.std(unbiased=False).item(),
    }


if __name__ == "__main__":
    main(RewardConfig, train)
