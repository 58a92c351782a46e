"""The formulas against numbers worked out by hand, and against slow loops that say the same thing."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.rlhf import functional as fn


def log_sigmoid(x: float) -> float:
    return -math.log1p(math.exp(-x))


# --- reward model ---------------------------------------------------------------------------------------------------


def test_preferences_hold_strict_pairs_only() -> None:
    got = fn.preferences([1, 2, 2])
    assert got.tolist() == [[0, 1, 1], [0, 0, 0], [0, 0, 0]]
    assert fn.preferences([2, 2]).sum() == 0


def test_two_completions_give_the_pairwise_loss() -> None:
    scores = torch.tensor([[0.3, -1.1]])
    loss = fn.kwise_loss(scores, fn.preferences([1, 2])[None])
    assert loss.item() == pytest.approx(-log_sigmoid(1.4), abs=1e-6)


def test_loss_is_a_mean_over_pairs_then_over_rankings() -> None:
    # First ranking: 1 over 0 and 2 (0 and 2 tie) with scores 0, 1, 3: margins 1 and -2. Second: one pair, margin 0.5.
    scores = torch.tensor([[0.0, 1.0, 3.0], [0.5, 0.0, 99.0]])
    second = torch.zeros(3, 3)
    second[:2, :2] = fn.preferences([1, 2])
    preferred = torch.stack([fn.preferences([2, 1, 2]), second])
    first_loss, second_loss = (-log_sigmoid(1.0) - log_sigmoid(-2.0)) / 2, -log_sigmoid(0.5)
    assert fn.kwise_losses(scores, preferred).tolist() == pytest.approx([first_loss, second_loss], abs=1e-6)
    assert fn.kwise_loss(scores, preferred).item() == pytest.approx((first_loss + second_loss) / 2, abs=1e-6)
    weighted = fn.kwise_loss(scores, preferred, torch.tensor([3.0, 1.0])).item()
    assert weighted == pytest.approx((3 * first_loss + second_loss) / 4, abs=1e-6)


def test_a_ranking_without_pairs_neither_adds_nor_dilutes() -> None:
    scores = torch.tensor([[0.0, 1.0], [5.0, -5.0]], requires_grad=True)
    preferred = torch.stack([fn.preferences([2, 1]), fn.preferences([1, 1])])
    loss = fn.kwise_loss(scores, preferred)
    assert loss.item() == pytest.approx(-log_sigmoid(1.0), abs=1e-6)
    (gradient,) = torch.autograd.grad(loss, scores)
    assert gradient[1].tolist() == [0, 0]


def test_labelers_who_disagree_pull_towards_a_tie() -> None:
    both = fn.preferences([1, 2]) + fn.preferences([2, 1])
    scores = torch.zeros(1, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(fn.kwise_loss(scores, both[None]), scores)
    assert gradient.abs().max() == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(1, 4), min_size=2, max_size=6), min_size=1, max_size=4), st.integers(0, 2**31))
def test_kwise_equals_a_loop_over_pairs(rankings: list[list[int]], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    k = max(map(len, rankings))
    scores = torch.randn(len(rankings), k, generator=generator, dtype=torch.float64).requires_grad_()
    preferred = torch.zeros(len(rankings), k, k, dtype=torch.float64)
    losses = []
    for e, ranks in enumerate(rankings):
        preferred[e, : len(ranks), : len(ranks)] = fn.preferences(ranks)
        pairs = [(i, j) for i in range(len(ranks)) for j in range(len(ranks)) if ranks[i] < ranks[j]]
        if pairs:
            terms = [-torch.nn.functional.logsigmoid(scores[e, i] - scores[e, j]) for i, j in pairs]
            losses.append(torch.stack(terms).mean())
    loss = fn.kwise_loss(scores, preferred)
    if not losses:
        assert loss.item() == 0
        return
    expected = torch.stack(losses).mean()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(torch.autograd.grad(loss, scores)[0], torch.autograd.grad(expected, scores)[0])


def test_an_equal_score_is_half_a_hit() -> None:
    right, pairs = fn.pair_hits(torch.tensor([[1.0, 1.0, 0.0]]), fn.preferences([1, 2, 3])[None])
    assert (right.item(), pairs.item()) == (2.5, 3)


# --- masked statistics ----------------------------------------------------------------------------------------------

MASK = torch.tensor([[True, True, True], [True, False, False]])


def test_masked_mean_ignores_padding() -> None:
    values = torch.tensor([[1.0, 2.0, 3.0], [6.0, math.nan, math.inf]])
    assert fn.masked_mean(values, MASK).item() == 3
    assert fn.masked_mean(values, torch.zeros_like(MASK)).item() == 0


def test_whitening_is_global_over_real_tokens() -> None:
    values = torch.tensor([[1.0, 2.0, 3.0], [6.0, 1e6, -1e6]])
    # Mean 3, population variance (4 + 1 + 0 + 9) / 4 = 3.5
    expected = [(v - 3) / math.sqrt(3.5) for v in (1, 2, 3, 6)]
    whitened = fn.masked_whiten(values, MASK)
    assert whitened[MASK].tolist() == pytest.approx(expected, abs=1e-5)
    assert whitened[~MASK].tolist() == [0, 0]
    kept = fn.masked_whiten(values, MASK, shift_mean=False)
    assert kept[MASK].tolist() == pytest.approx([v + 3 for v in expected], abs=1e-5)


def test_whitening_equal_values_stays_finite() -> None:
    assert fn.masked_whiten(torch.full((2, 3), 7.0), MASK).abs().max() == 0


def test_explained_variance() -> None:
    returns = torch.tensor([[1.0, 2.0, 3.0], [6.0, 50.0, 50.0]])
    assert fn.explained_variance(returns, returns, MASK).item() == 1
    assert fn.explained_variance(torch.full_like(returns, 3.0), returns, MASK).item() == pytest.approx(0)
    assert math.isnan(fn.explained_variance(returns, torch.ones_like(returns), MASK).item())


# --- divergence and rewards -----------------------------------------------------------------------------------------


def test_kl_estimators() -> None:
    policy, reference = torch.tensor([math.log(0.5)]), torch.tensor([math.log(0.25)])
    assert fn.kl_k1(policy, reference).item() == pytest.approx(math.log(2))
    assert fn.kl_k3(policy, reference).item() == pytest.approx(0.5 - 1 + math.log(2))


def test_both_estimators_agree_with_the_divergence_of_two_distributions() -> None:
    p, q = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.4, 0.4, 0.2])
    exact = (p * (p / q).log()).sum().item()
    assert (p * fn.kl_k1(p.log(), q.log())).sum().item() == pytest.approx(exact, abs=1e-6)
    assert (p * fn.kl_k3(p.log(), q.log())).sum().item() == pytest.approx(exact, abs=1e-6)
    assert fn.kl_k3(p.log(), q.log()).min() >= 0


def test_score_lands_on_the_last_real_token() -> None:
    kl = torch.tensor([[1.0, -2.0, 0.5], [4.0, 100.0, 100.0]])
    rewards = fn.rewards_with_kl(torch.tensor([10.0, 20.0]), kl, MASK, beta=0.1)
    torch.testing.assert_close(rewards, torch.tensor([[-0.1, 0.2, 9.95], [19.6, 0.0, 0.0]]))
    assert fn.last_real(MASK).tolist() == [2, 0]


# --- advantages -----------------------------------------------------------------------------------------------------


def test_gae_worked_by_hand() -> None:
    rewards = torch.tensor([[0.0, 0.0, 1.0], [2.0, 77.0, 77.0]])
    values = torch.tensor([[0.5, 0.25, 0.75], [1.5, 99.0, 99.0]])
    advantages, returns = fn.gae(rewards, values, MASK, gamma=0.9, lam=0.8)
    # delta_2 = 1 - 0.75 = 0.25; delta_1 = 0.9*0.75 - 0.25 = 0.425; delta_0 = 0.9*0.25 - 0.5 = -0.275
    a2 = 0.25
    a1 = 0.425 + 0.72 * a2
    a0 = -0.275 + 0.72 * a1
    torch.testing.assert_close(advantages, torch.tensor([[a0, a1, a2], [0.5, 0.0, 0.0]]))
    torch.testing.assert_close(returns, torch.tensor([[a0 + 0.5, a1 + 0.25, a2 + 0.75], [2.0, 0.0, 0.0]]))


def test_gae_with_lambda_one_is_the_return_to_go() -> None:
    rewards, values = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[0.1, 0.2, 0.3]])
    _, returns = fn.gae(rewards, values, torch.ones(1, 3, dtype=torch.bool), gamma=1.0, lam=1.0)
    torch.testing.assert_close(returns, torch.tensor([[6.0, 5.0, 3.0]]))


def test_gae_does_not_depend_on_padding() -> None:
    generator = torch.Generator().manual_seed(0)
    rewards, values = torch.randn(1, 4, generator=generator), torch.randn(1, 4, generator=generator)
    padded = torch.nn.functional.pad(rewards, (0, 3), value=5.0), torch.nn.functional.pad(values, (0, 3), value=-9.0)
    mask = torch.tensor([[True] * 4 + [False] * 3])
    short = fn.gae(rewards, values, mask[:, :4], gamma=0.99, lam=0.95)
    long = fn.gae(*padded, mask, gamma=0.99, lam=0.95)
    for a, b in zip(short, long, strict=True):
        torch.testing.assert_close(a, b[:, :4], rtol=0, atol=0)


# --- PPO's losses ---------------------------------------------------------------------------------------------------


def one(value: float) -> torch.Tensor:
    return torch.tensor([[value]])


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "slope"),
    [
        (1.0, 2.0, -2.0, -2.0),
        (1.5, 2.0, -2.4, 0.0),  # already 1.2 times as likely: no more reward for going on
        (0.5, 2.0, -1.0, -1.0),  # wrong way: full gradient
        (0.5, -2.0, 1.6, 0.0),
        (1.5, -2.0, 3.0, 3.0),
    ],
)
def test_clipped_policy_loss(ratio: float, advantage: float, loss: float, slope: float) -> None:
    logprob = one(math.log(ratio)).requires_grad_()
    got = fn.clipped_policy_loss(logprob, one(0.0), one(advantage), one(1).bool(), clip=0.2)
    assert got.item() == pytest.approx(loss, abs=1e-6)
    got.backward()
    assert logprob.grad is not None
    assert logprob.grad.item() == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize(
    ("value", "loss"),
    [
        (1.1, 0.5 * 0.9**2),  # within the clip: the plain squared error to 2
        (1.5, 0.5 * 0.8**2),  # kept at 1.2: the larger error counts
        (3.0, 0.5 * 1.0**2),  # overshoots: the free error 1.0 is larger than the kept 0.8
    ],
)
def test_clipped_value_loss(value: float, loss: float) -> None:
    got = fn.clipped_value_loss(one(value), one(1.0), one(2.0), one(1).bool(), clip=0.2)
    assert got.item() == pytest.approx(loss, abs=1e-6)


def test_losses_in_pieces_add_up_and_padding_cannot_poison_them() -> None:
    generator = torch.Generator().manual_seed(1)
    new, old, advantages, values, returns = torch.randn(5, 2, 3, generator=generator).unbind()
    new = new.masked_fill(~MASK, -math.inf).requires_grad_()
    count = float(MASK.sum())
    whole = fn.clipped_policy_loss(new, old, advantages, MASK, clip=0.2)
    pieces = [
        fn.clipped_policy_loss(
            new[i : i + 1], old[i : i + 1], advantages[i : i + 1], MASK[i : i + 1], clip=0.2, count=count
        )
        for i in range(2)
    ]
    torch.testing.assert_close(whole, pieces[0] + pieces[1])
    (gradient,) = torch.autograd.grad(whole, new)
    assert torch.isfinite(gradient).all()
    assert gradient[~MASK].abs().max() == 0
    value_pieces = [
        fn.clipped_value_loss(
            values[i : i + 1], old[i : i + 1], returns[i : i + 1], MASK[i : i + 1], clip=0.2, count=count
        )
        for i in range(2)
    ]
    torch.testing.assert_close(fn.clipped_value_loss(values, old, returns, MASK, clip=0.2), sum(value_pieces))


def test_nothing_has_moved_before_the_first_step() -> None:
    logprobs = torch.randn(2, 3, generator=torch.Generator().manual_seed(2))
    assert fn.mean_ratio(logprobs, logprobs, MASK).item() == 1
    assert fn.approx_kl(logprobs, logprobs, MASK).item() == 0
    assert fn.clip_fraction(logprobs, logprobs, MASK, clip=0.2).item() == 0


def test_clip_fraction_counts_real_tokens() -> None:
    new = torch.tensor([[math.log(1.3), math.log(1.1), math.log(0.7)], [0.0, 9.0, 9.0]])
    assert fn.clip_fraction(new, torch.zeros(2, 3), MASK, clip=0.2).item() == pytest.approx(0.5)
