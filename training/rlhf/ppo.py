"""PPO against a reward model: InstructGPT's third step, section 3.5 and appendix C.4 of Ouyang et al. 2022.

    python -m training.rlhf.ppo RUN_DIR

Reads prompts from ``data/train.jsonl``. Four models: the policy that learns, the reference that the KL is measured
against, the reward model, and the value model that starts as a copy of the reward model. docs/decisions/0003 says
why this is our own and which of several sound conventions it follows. All randomness of update n follows from
(seed, n), so a resumed run needs no generator's state to go on bit by bit.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.rlhf import functional as fn
from training.rlhf.batching import Cursor, batches_by_length, encode_prompt, epoch_order
from training.rlhf.config import PPOConfig
from training.rlhf.lifecycle import (
    STATE,
    Outcome,
    Progress,
    StageError,
    check_finite,
    load_state,
    main,
    save_state,
    set_learning_rate,
    stopping,
)
from training.rlhf.modeling import fingerprint, load_policy, load_scorer, load_tokenizer, prompt_room, save_checkpoint
from training.rlhf.records import Prompt, read_records
from training.rlhf.rollout import Models, Rollout, collect, describe, show, value_estimates
from training.rlhf.rundir import RunDir, read_jsonl
from training.rlhf.sampling import completion_logprobs
from training.rlhf.scoring import load_reward_model, pad_id, require_same_tokenizer

SHOW_EVERY = 5
"""Updates between samples in the log."""


def train(config: PPOConfig, run: RunDir, device: torch.device) -> Outcome:
    """Run PPO on the run's prompts; resume from the newest whole checkpoint."""
    # 1. Policy, reference, reward and value model: all must mean the same by a token id.
    newest = run.newest_checkpoint()
    policy_path = newest[1] if newest else Path(config.model)
    value_path = newest[1] / STATE / "value" if newest else Path(config.reward_model)
    tokenizer = load_tokenizer(str(policy_path))
    reward = load_reward_model(config.reward_model, device)
    require_same_tokenizer(tokenizer, reward.tokenizer, "reward model")
    require_same_tokenizer(tokenizer, load_tokenizer(config.reference), "reference")
    models = Models(
        policy=load_policy(str(policy_path), device),
        reference=load_policy(config.reference, device).requires_grad_(False),
        value=load_scorer(str(value_path), device),
        reward=reward,
        eos=int(tokenizer.eos_token_id),
        pad=pad_id(tokenizer),
    )
    identity = {"reference": fingerprint(config.reference), "reward_model": fingerprint(config.reward_model)}
    room = min(
        prompt_room(path, config.max_prompt_length, config.max_new_tokens)
        for path in (policy_path, config.reference, config.reward_model)
    )
    ids, prompts = read_prompts(run.train, tokenizer, room)

    # 2. Adam for each of the two that learn; or where this run was left.
    optimizers = {
        "policy": make_adam(models.policy, config.learning_rate),
        "value": make_adam(models.value, config.value_learning_rate),
    }
    step, cursor = 0, Cursor()
    if newest:
        step, state = newest[0], load_state(newest[1], optimizers)
        cursor = Cursor(**state["cursor"])
        for name, was in state["identity"].items():
            if identity[name] != was:
                raise StageError(f"the {name} is not the one this run began with: put it back, or start a new run")
        run.drop_metrics_after(step)
        print(f"resuming after update {step}", flush=True)

    def save() -> None:
        directory = run.begin_checkpoint(step)
        save_checkpoint(directory, models.policy, tokenizer)
        save_checkpoint(directory / STATE / "value", models.value, tokenizer)
        save_state(directory, optimizers, cursor=vars(cursor), identity=identity)
        run.finish_checkpoint(step)
        run.prune_checkpoints(config.keep_checkpoints)

    # 3. Each update: answer a batch of prompts, then learn from the answers.
    progress = Progress(config.updates, step)
    while step < config.updates and not stopping():
        chosen = next_prompts(len(prompts), config.episodes_per_update, config.seed, cursor)
        chance = random.Random(f"{config.seed}/{step}")
        began = time.monotonic()
        rollout, spent = collect(models, [prompts[i] for i in chosen], config, chance.getrandbits(62))
        share = warmup_share(step, config.warmup_updates)
        set_learning_rate(optimizers["policy"], share * config.learning_rate)
        set_learning_rate(optimizers["value"], share * config.value_learning_rate)
        step += 1
        learned = learn(models, optimizers, rollout, config, chance, step, [ids[i] for i in chosen])
        seconds = time.monotonic() - began
        metrics = describe(rollout) | learned | {"learning_rate": share * config.learning_rate} | spent
        metrics |= {"seconds": seconds, "seconds_learn": seconds - sum(spent.values())}
        run.log_metrics(step, metrics)
        progress(step, score=metrics["score"], kl=metrics["kl"], length=metrics["length"])
        if step % SHOW_EVERY == 1 or step == config.updates:
            show(rollout, tokenizer)
        if config.save_every and step % config.save_every == 0 and step < config.updates:
            save()

    # 4. The policy, and how far it has come by its own measures.
    if not run.checkpoint(step).exists():
        save()
    return Outcome(step, final_metrics(run), run.checkpoint(step), stopped=step < config.updates)


def learn(
    models: Models,
    optimizers: Mapping[str, torch.optim.Optimizer],
    rollout: Rollout,
    config: PPOConfig,
    chance: random.Random,
    step: int,
    ids: Sequence[str],
) -> dict[str, float]:
    """Make inner_epochs * minibatches optimiser steps and return their mean metrics, and the first step's ratio."""
    history: list[dict[str, float]] = []
    order, size = list(range(len(rollout.prompts))), len(rollout.prompts) // config.minibatches
    for _ in range(config.inner_epochs):
        chance.shuffle(order)
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            metrics = accumulate_gradients(models, rollout, rows, config)
            for name, model in (("policy", models.policy), ("value", models.value)):
                norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
                metrics[f"{name}_grad_norm"] = float(norm)
                for what in (f"{name}_loss", f"{name}_grad_norm"):
                    check_finite(metrics[what], what, step, [ids[row] for row in rows])
            for optimizer in optimizers.values():
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            history.append(metrics)
    means = {name: sum(metrics[name] for metrics in history) / len(history) for name in history[0]}
    return {**means, "ratio_first": history[0]["ratio"], "approx_kl_first": history[0]["approx_kl"]}


def accumulate_gradients(models: Models, rollout: Rollout, rows: Sequence[int], config: PPOConfig) -> dict[str, float]:
    """Add the gradients of both losses over the episodes `rows`, micro batch by micro batch, to the two models'.

    Every piece is divided by the token count of all `rows`, so the pieces add up to the whole's gradient.
    """
    count = float(rollout.mask[list(rows)].sum())
    lengths = [len(rollout.prompts[i]) + len(rollout.completions[i]) for i in rows]
    totals = dict.fromkeys(("policy_loss", "value_loss", "ratio", "approx_kl", "clip_fraction"), 0.0)
    for part in batches_by_length(lengths, config.micro_batch_size or len(rows)):
        index = [rows[i] for i in part]
        prompts, completions = [rollout.prompts[i] for i in index], [rollout.completions[i] for i in index]
        width = max(len(completion) for completion in completions)
        mask, old, advantages, values, returns = (
            whole[index, :width]
            for whole in (rollout.mask, rollout.old, rollout.advantages, rollout.values, rollout.returns)
        )
        new, _ = completion_logprobs(
            models.policy, prompts, completions, pad=models.pad, temperature=config.temperature
        )  # fmt: skip
        policy_loss = fn.clipped_policy_loss(new, old, advantages, mask, clip=config.clip, count=count)
        policy_loss.backward()  # type: ignore[no-untyped-call]
        estimates = value_estimates(models, prompts, completions)
        value_loss = fn.clipped_value_loss(estimates, values, returns, mask, clip=config.value_clip, count=count)
        (config.value_coefficient * value_loss).backward()
        new, portion = new.detach(), float(mask.sum()) / count
        totals["policy_loss"] += policy_loss.item()
        totals["value_loss"] += value_loss.item()
        totals["ratio"] += portion * fn.mean_ratio(new, old, mask).item()
        totals["approx_kl"] += portion * fn.approx_kl(new, old, mask).item()
        totals["clip_fraction"] += portion * fn.clip_fraction(new, old, mask, clip=config.clip).item()
    return totals


def make_adam(model: PreTrainedModel, learning_rate: float) -> torch.optim.Adam:
    """Return Adam with beta (0.9, 0.95) [InstructGPT] and an epsilon of 1e-5, calmer while its averages are young."""
    return torch.optim.Adam(model.parameters(), lr=learning_rate, betas=(0.9, 0.95), eps=1e-5)


def warmup_share(update: int, warmup: int) -> float:
    """Return the share of the learning rate at `update` (from 0): from a tenth to 1 over `warmup`, then constant."""
    return min(1.0, 0.1 + 0.9 * update / warmup) if warmup else 1.0


def next_prompts(count: int, size: int, seed: int, cursor: Cursor) -> list[int]:
    """Return the indices of the next `size` of `count` prompts and move the cursor; epochs follow without a gap."""
    taken: list[int] = []
    while len(taken) < size:
        order = epoch_order(count, seed, cursor.epoch)
        part = order[cursor.position : cursor.position + size - len(taken)]
        taken += part
        cursor.position += len(part)
        if cursor.position >= count:
            cursor.epoch, cursor.position = cursor.epoch + 1, 0
    return taken


def read_prompts(path: Path, tokenizer: PreTrainedTokenizerBase, limit: int) -> tuple[list[str], list[list[int]]]:
    """Return the ids of a file's prompts and their tokens; prompts longer than `limit` are left out and counted."""
    names, prompts, left_out = [], [], 0
    for number, record in enumerate(read_records(Prompt, path), start=1):
        tokens = encode_prompt(tokenizer, record.prompt)
        if len(tokens) > limit:
            left_out += 1
            continue
        names.append(record.id or f"{path.name} line {number}")
        prompts.append(tokens)
    print(f"{path.name}: {len(prompts)} prompts, {left_out} longer than {limit} tokens left out", flush=True)
    if not prompts:
        raise StageError(
            "no prompt is left to answer: add shorter prompts, raise max_prompt_length or lower max_new_tokens"
        )
    return names, prompts


def final_metrics(run: RunDir, window: int = 3) -> dict[str, float]:
    """Return means over the last `window` updates, and score_first over the first, from the run's own curve."""
    lines = list(read_jsonl(run.metrics)) if run.metrics.exists() else []
    if not lines:
        return {}

    def mean(part: list[dict[str, float]], name: str) -> float:
        return sum(line[name] for line in part) / len(part)

    names = ("score", "reward", "kl", "kl_k3", "entropy", "length", "finished", "clip_fraction")
    found = {name: mean(lines[-window:], name) for name in names}
    return found | {"score_first": mean(lines[:window], "score"), "score_last": found["score"]}


if __name__ == "__main__":
    main(PPOConfig, train)
