"""The recipe's formulas as pure functions of tensors, one name an equation.

Shapes: E rankings, K completions a ranking, B episodes, T completion tokens. Episodes are ragged; `mask` [B, T] is
true on real completion tokens (the EOS that ended an answer is real), and what stands under a false mask never counts.
A sum that is taken in pieces (micro-batches) is divided by the whole's `count`, so that the pieces' gradients add up
to the gradient of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

# --- reward model ---------------------------------------------------------------------------------------------------


def preferences(ranks: Sequence[int], weight: float = 1.0) -> Tensor:
    """Return [K, K]: `weight` at (i, j) where completion i is ranked strictly better (lower) than j. Ties are 0."""
    rank = torch.tensor(list(ranks))
    return (rank[:, None] < rank[None, :]).float() * weight


def kwise_losses(scores: Tensor, preferred: Tensor) -> Tensor:
    """Return the loss [E] of each ranking: the mean over its pairs of -log sigmoid(score_i - score_j).

    Equation 1 of Ouyang et al. 2022: all pairs of one prompt are one batch element, each score is computed once.
    `scores` [E, K], `preferred` [E, K, K] holds the weight of "i is better than j"; padding and ties are 0 there.
    An element without any pair gives 0.
    """
    margin = scores[:, :, None] - scores[:, None, :]
    summed = (F.softplus(-margin) * preferred).sum(dim=(1, 2))
    return summed / preferred.sum(dim=(1, 2)).clamp_min(1e-12)


def kwise_loss(scores: Tensor, preferred: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the weighted mean of `kwise_losses` over the rankings that hold a pair; `weights` [E], None: 1 each."""
    weights = torch.ones_like(scores[:, 0]) if weights is None else weights
    weights = weights * (preferred.sum(dim=(1, 2)) > 0)
    return (kwise_losses(scores, preferred) * weights).sum() / weights.sum().clamp_min(1e-12)


def pair_hits(scores: Tensor, preferred: Tensor) -> tuple[Tensor, Tensor]:
    """Return (pairs put in the right order, pairs), both [E], weighted; an equal score counts half."""
    margin = scores[:, :, None] - scores[:, None, :]
    right = (margin > 0).float() + 0.5 * (margin == 0).float()
    return (right * preferred).sum(dim=(1, 2)), preferred.sum(dim=(1, 2))


# --- masked statistics ----------------------------------------------------------------------------------------------


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of `values` where `mask` is true (0 when it is nowhere)."""
    return _masked_sum(values, mask) / mask.sum().clamp_min(1)


def masked_whiten(values: Tensor, mask: Tensor, *, shift_mean: bool = True) -> Tensor:
    """Return `values` [B, T] with deviation 1, and mean 0 if `shift_mean`, over the whole batch's real tokens.

    Positions under a false mask become 0. Population variance; values that are all equal become 0 (or keep their mean).
    """
    mean = masked_mean(values, mask)
    variance = masked_mean((values - mean) ** 2, mask)
    whitened = (values - mean) * torch.rsqrt(variance + 1e-8)
    if not shift_mean:
        whitened = whitened + mean
    return whitened.masked_fill(~mask, 0.0)


def explained_variance(values: Tensor, returns: Tensor, mask: Tensor) -> Tensor:
    """Return 1 - Var(returns - values) / Var(returns) over real tokens; NaN (undefined) when returns do not vary."""
    errors, real = (returns - values)[mask], returns[mask]
    variance = real.var(unbiased=False) if real.numel() else real.sum()
    if variance <= 0:
        return torch.full_like(variance, torch.nan)
    return 1 - errors.var(unbiased=False) / variance


# --- divergence from the reference ----------------------------------------------------------------------------------


def kl_k1(logprobs: Tensor, reference: Tensor) -> Tensor:
    """Return log pi - log ref of the sampled tokens: unbiased for KL(pi, ref), may be negative (Schulman 2020)."""
    return logprobs - reference


def kl_k3(logprobs: Tensor, reference: Tensor) -> Tensor:
    """Return (ref / pi - 1) - log(ref / pi): unbiased too, never negative, less spread; for reports."""
    log_ratio = reference - logprobs
    return torch.expm1(log_ratio) - log_ratio


def rewards_with_kl(scores: Tensor, kl: Tensor, mask: Tensor, beta: float) -> Tensor:
    """Return per-token rewards [B, T]: -beta * kl on every real token, plus the score [B] on the last real one.

    Equation 2 of Ouyang et al. 2022 without the pretraining term, its KL taken apart token by token.
    """
    rewards = (-beta * kl).masked_fill(~mask, 0.0)
    last = last_real(mask)
    return rewards.scatter_add(1, last[:, None], scores[:, None].to(rewards.dtype))


def last_real(mask: Tensor) -> Tensor:
    """Return [B], the index of the last true position of each row of `mask` [B, T]; every row must hold one."""
    positions = torch.arange(mask.shape[1], device=mask.device)
    return torch.where(mask, positions, -1).amax(dim=1)


# --- advantages -----------------------------------------------------------------------------------------------------


def gae(rewards: Tensor, values: Tensor, mask: Tensor, *, gamma: float, lam: float) -> tuple[Tensor, Tensor]:
    """Return (advantages, returns), both [B, T], by generalised advantage estimation (Schulman et al. 2016, eq. 16).

    delta_t = r_t + gamma * V_{t+1} - V_t and A_t = delta_t + gamma * lam * A_{t+1}, where nothing follows the last
    real token. values[:, t] is the value of the state *before* token t is chosen. Returns are A + V.
    """
    values = values.masked_fill(~mask, 0.0)
    advantage = torch.zeros_like(values[:, 0])
    next_value = torch.zeros_like(advantage)
    backwards: list[Tensor] = []
    for t in range(values.shape[1] - 1, -1, -1):
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        advantage = torch.where(mask[:, t], delta + gamma * lam * advantage, torch.zeros_like(advantage))
        next_value = values[:, t]
        backwards.append(advantage)
    advantages = torch.stack(backwards[::-1], dim=1)
    return advantages, advantages + values


# --- PPO's losses ---------------------------------------------------------------------------------------------------


def clipped_policy_loss(
    logprobs: Tensor, old: Tensor, advantages: Tensor, mask: Tensor, *, clip: float, count: float | None = None
) -> Tensor:
    """Return PPO's clipped surrogate as a loss (Schulman et al. 2017, eq. 7): the sum over real tokens / `count`.

    All tensors [B, T]; `count` is the number of real tokens in the whole minibatch, None takes this batch's.
    """
    ratio = _ratio(logprobs, old, mask)
    worse = torch.max(-advantages * ratio, -advantages * ratio.clamp(1 - clip, 1 + clip))
    return _masked_sum(worse, mask) / _count(mask, count)


def clipped_value_loss(
    values: Tensor, old: Tensor, returns: Tensor, mask: Tensor, *, clip: float, count: float | None = None
) -> Tensor:
    """Return half the squared error to `returns`, the larger of the free and the one kept within `clip` of `old`.

    All tensors [B, T]; `count` as in `clipped_policy_loss`.
    """
    kept = old + (values - old).clamp(-clip, clip)
    worse = torch.max((values - returns) ** 2, (kept - returns) ** 2)
    return 0.5 * _masked_sum(worse, mask) / _count(mask, count)


def approx_kl(logprobs: Tensor, old: Tensor, mask: Tensor) -> Tensor:
    """Return the mean k3 estimate of KL(old, new) over real tokens; tokens were drawn from `old`."""
    log_ratio = (logprobs - old).masked_fill(~mask, 0.0)
    return masked_mean(torch.expm1(log_ratio) - log_ratio, mask)


def clip_fraction(logprobs: Tensor, old: Tensor, mask: Tensor, *, clip: float) -> Tensor:
    """Return the share of real tokens whose ratio stands outside 1 ± clip."""
    return masked_mean(((_ratio(logprobs, old, mask) - 1).abs() > clip).float(), mask)


def mean_ratio(logprobs: Tensor, old: Tensor, mask: Tensor) -> Tensor:
    """Return the mean probability ratio new/old over real tokens: exactly 1 before the first optimiser step."""
    return masked_mean(_ratio(logprobs, old, mask), mask)


def _ratio(logprobs: Tensor, old: Tensor, mask: Tensor) -> Tensor:
    # Masked before exp: padding may hold -inf or garbage, and inf * 0 would poison the gradient.
    return (logprobs - old).masked_fill(~mask, 0.0).exp()


def _masked_sum(values: Tensor, mask: Tensor) -> Tensor:
    return values.masked_fill(~mask, 0.0).sum()


def _count(mask: Tensor, count: float | None) -> Tensor | float:
    return mask.sum().clamp_min(1) if count is None else count
