"""One rollout batch of PPO: answers, and everything about them that the updates need.

Steps a to d of InstructGPT's third step. A batch keeps a few numbers for each sampled token and never any logits.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.rlhf import functional as fn
from training.rlhf.batching import decode
from training.rlhf.config import PPOConfig
from training.rlhf.sampling import Sampled, completion_logprobs, sample
from training.rlhf.scoring import Scorer, completion_values

SAMPLING_ROWS = 64
"""Answers that are decoded together: bounds the memory of the KV cache."""


@dataclass(frozen=True)
class Models:
    """The four models, and the two special tokens that they share."""

    policy: PreTrainedModel
    reference: PreTrainedModel
    value: PreTrainedModel
    reward: Scorer
    eos: int
    pad: int


@dataclass(frozen=True)
class Rollout:
    """What one batch of answers holds for the updates: B episodes of up to T completion tokens, no logits."""

    prompts: list[list[int]]
    completions: list[list[int]]
    """The sampled ids themselves, EOS included where there is one."""
    finished: Tensor
    """[B] bool: ended with EOS."""
    mask: Tensor
    """[B, T] bool: real completion tokens."""
    old: Tensor
    """[B, T]: log-probabilities under the policy that sampled, from the training forward pass."""
    kl: Tensor
    """[B, T]: k1 against the reference."""
    kl_k3: Tensor
    """[B, T]."""
    scores: Tensor
    """[B]: the reward model's, offset applied, before any penalty."""
    rewards: Tensor
    """[B, T]: -beta*kl everywhere, score less penalties on the last token."""
    values: Tensor
    """[B, T]: of the state before each token."""
    advantages: Tensor
    """[B, T]: whitened if the config says so."""
    returns: Tensor
    """[B, T]: what values should have been."""


@torch.no_grad()
def collect(models: Models, prompts: list[list[int]], config: PPOConfig, seed: int) -> tuple[Rollout, dict[str, float]]:
    """Answer the prompts and work out what the updates need. Returns also the seconds of sampling and scoring."""
    began = time.monotonic()
    # a. Sample; from here on only ids count, text is never read back.
    generator = torch.Generator().manual_seed(seed)
    answers: list[Sampled] = []
    for start in range(0, len(prompts), SAMPLING_ROWS):
        answers += sample(
            models.policy,
            prompts[start : start + SAMPLING_ROWS],
            eos=models.eos,
            pad=models.pad,
            max_new_tokens=config.max_new_tokens,
            temperature=config.temperature,
            generator=generator,
        )
    completions = [answer.ids for answer in answers]
    sampled = time.monotonic()
    # b. Log-probabilities of the sampled tokens, by the policy (in the training forward pass) and by the reference.
    micro = config.micro_batch_size or config.episodes_per_update // config.minibatches
    old, real = completion_logprobs(
        models.policy, prompts, completions, pad=models.pad, temperature=config.temperature, micro_batch=micro
    )
    reference, _ = completion_logprobs(
        models.reference, prompts, completions, pad=models.pad, temperature=config.temperature, micro_batch=micro
    )
    mask, kl = real.bool(), fn.kl_k1(old, reference)
    # c. One score an answer, less a fixed penalty when it was cut at the limit.
    rows = [[*prompt, *completion] for prompt, completion in zip(prompts, completions, strict=True)]
    scores = models.reward.score(rows, micro_batch=micro).to(mask.device)
    finished = torch.tensor([answer.finished for answer in answers], device=mask.device)
    penalised = scores - config.missing_eos_penalty * (~finished).float()
    # d. Rewards token by token, values, advantages.
    rewards = fn.rewards_with_kl(penalised, kl, mask, config.kl_coefficient)
    values = value_estimates(models, prompts, completions, micro)
    advantages, returns = fn.gae(rewards, values, mask, gamma=config.gamma, lam=config.gae_lambda)
    if config.whiten_advantages:
        advantages = fn.masked_whiten(advantages, mask)
    k3 = fn.kl_k3(old, reference)
    rollout = Rollout(
        prompts, completions, finished, mask, old, kl, k3, scores, rewards, values, advantages, returns
    )  # fmt: skip
    return rollout, {"seconds_sample": sampled - began, "seconds_score": time.monotonic() - sampled}


def value_estimates(
    models: Models, prompts: Sequence[list[int]], completions: Sequence[list[int]], micro: int = 0
) -> Tensor:
    """Return values [B, T] on the scale of the scores: the reward model's offset applies to its offspring too."""
    values = completion_values(models.value, prompts, completions, pad=models.pad, micro_batch=micro)
    return values - models.reward.norm.offset


def describe(rollout: Rollout) -> dict[str, float]:
    """Return a rollout batch's metrics: means over episodes, KL in nats an episode, entropy in nats a token."""
    masked = rollout.mask.float()
    found = {
        "score": rollout.scores.mean(),
        "score_std": rollout.scores.std(unbiased=False),
        "reward": rollout.rewards.sum(1).mean(),
        "kl": (rollout.kl * masked).sum(1).mean(),
        "kl_k3": (rollout.kl_k3 * masked).sum(1).mean(),
        "entropy": -fn.masked_mean(rollout.old, rollout.mask),  # of the sampled tokens: an unbiased estimate
        "explained_variance": fn.explained_variance(rollout.values, rollout.returns, rollout.mask),
        "length": masked.sum(1).mean(),
        "finished": rollout.finished.float().mean(),
    }
    return {name: value.item() for name, value in found.items()}


def show(rollout: Rollout, tokenizer: PreTrainedTokenizerBase, count: int = 2) -> None:
    """Print the first few answers with their scores: numbers alone hide what a policy has learned."""
    for prompt, completion, score in zip(rollout.prompts[:count], rollout.completions, rollout.scores, strict=False):
        print(f"  [{score.item():+.2f}] {decode(tokenizer, prompt)!r} -> {decode(tokenizer, completion)!r}", flush=True)
