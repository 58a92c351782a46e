"""Sampling and log-probabilities on real tiny models with rotary (Llama) and absolute (GPT-2) positions."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.rlhf.modeling import load_policy
from training.rlhf.sampling import Sampled, choose, completion_logprobs, sample, select_logprobs

PAD, EOS = 0, 2
PROMPTS = [[1, 50, 60], [1, 70, 80, 90, 100, 110, 120, 44], [1, 33, 34, 35, 36]]


@pytest.fixture(params=["random_tiny", "random_gpt2"])
def model(request: pytest.FixtureRequest):
    path: Path = request.getfixturevalue(request.param)
    return load_policy(path)


def test_padded_logprobs_equal_unpadded(model):
    completions = [[40, 41, 42, EOS], [45, 46], [47, 48, 49, 50, 51, 52, EOS]]
    values, mask = completion_logprobs(model, PROMPTS, completions, pad=PAD)
    assert values.shape == mask.shape == (3, 7)
    for row, (prompt, completion) in enumerate(zip(PROMPTS, completions, strict=True)):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([prompt + completion])).logits[0]
        expected = torch.log_softmax(logits.double(), -1)[len(prompt) - 1 : -1]
        expected = expected[torch.arange(len(completion)), torch.tensor(completion)]
        assert mask[row].tolist() == [1.0] * len(completion) + [0.0] * (7 - len(completion))
        torch.testing.assert_close(values[row, : len(completion)].double(), expected, atol=1e-5, rtol=0)
        assert values[row, len(completion) :].eq(0).all()


def test_micro_batches_change_nothing_and_let_gradients_through(model):
    completions = [[40, 41, 42, EOS], [45, 46], [47, 48, 49, 50, 51, 52, EOS]]
    whole, _ = completion_logprobs(model, PROMPTS, completions, pad=PAD, temperature=0.7)
    parts, _ = completion_logprobs(model, PROMPTS, completions, pad=PAD, temperature=0.7, micro_batch=1)
    torch.testing.assert_close(whole, parts, atol=1e-5, rtol=0)
    parts.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_greedy_decoding_does_not_depend_on_batch_mates(model):
    together = sample(model, PROMPTS, eos=EOS, pad=PAD, max_new_tokens=24, temperature=0)
    alone = [sample(model, [p], eos=EOS, pad=PAD, max_new_tokens=24, temperature=0)[0] for p in PROMPTS]
    assert together == alone


def test_greedy_decoding_equals_transformers(model):
    for prompt in PROMPTS:
        expected = model.generate(
            torch.tensor([prompt]), max_new_tokens=24, do_sample=False, pad_token_id=PAD, eos_token_id=EOS
        )[0, len(prompt) :]
        (own,) = sample(model, [prompt], eos=EOS, pad=PAD, max_new_tokens=24, temperature=0)
        assert own.ids == expected.tolist()


def test_seeded_rows_do_not_depend_on_batch_mates(model):
    options = {"eos": EOS, "pad": PAD, "max_new_tokens": 24, "temperature": 1.3, "top_p": 0.95}
    together = sample(model, PROMPTS, n=2, seeds=[1, 2, 3, 4, 5, 6], **options)
    assert together[2:4] == sample(model, PROMPTS[1:2], n=2, seeds=[3, 4], **options)
    assert together[0].ids != together[1].ids


def test_finished_rows_leave_the_batch_and_the_others_go_on(model):
    """At a high temperature rows stop at many different lengths; each must equal the row decoded alone."""
    seeds = list(range(24))
    options = {"eos": EOS, "pad": PAD, "max_new_tokens": 100, "temperature": 4.0}
    together = sample(model, PROMPTS, n=8, seeds=seeds, **options)
    assert {s.finish_reason for s in together} == {"stop", "length"}
    for row in range(0, 24, 5):
        assert sample(model, [PROMPTS[row // 8]], seeds=[seeds[row]], **options) == [together[row]]
    for answer in together:
        assert answer.finished == (answer.ids[-1] == EOS)
        assert EOS not in answer.ids[:-1]
        assert len(answer.ids) <= 100


def test_a_generator_makes_the_same_samples_again(model):
    draws = [
        sample(model, PROMPTS, eos=EOS, pad=PAD, n=2, max_new_tokens=10, generator=torch.Generator().manual_seed(seed))
        for seed in (7, 7, 8)
    ]
    assert draws[0] == draws[1] != draws[2]


def test_wrong_number_of_seeds_is_refused(model):
    with pytest.raises(ValueError, match="6 completions need 6 seeds"):
        sample(model, PROMPTS, eos=EOS, pad=PAD, n=2, max_new_tokens=2, seeds=[1, 2, 3])


def test_no_prompts_give_no_samples(model):
    assert sample(model, [], eos=EOS, pad=PAD, max_new_tokens=4) == []
    values, mask = completion_logprobs(model, [], [], pad=PAD)
    assert values.shape == mask.shape == (0, 0)


def test_draws_follow_the_distribution():
    torch.manual_seed(0)
    logits = torch.tensor([[2.0, 0.0, -1.0, 1.0, -30.0]]).repeat(20_000, 1)
    tokens = choose(logits, torch.rand(20_000, dtype=torch.float64), 0.8, 1.0)
    shares = torch.bincount(tokens, minlength=5) / 20_000
    assert (shares - torch.softmax(logits[0] / 0.8, -1)).abs().max() < 0.012  # 3.4 standard errors


def test_nucleus_keeps_the_smallest_set():
    logits = torch.log(torch.tensor([[0.1, 0.5, 0.3, 0.1]])).repeat(5_000, 1)
    tokens = choose(logits, torch.rand(5_000, dtype=torch.float64), 1.0, 0.7)
    assert set(tokens.tolist()) == {1, 2}
    assert abs((tokens == 1).float().mean() - 0.625) < 0.03
    assert set(choose(logits, torch.rand(5_000, dtype=torch.float64), 1.0, 1e-9).tolist()) == {1}


@given(st.lists(st.floats(-20, 20), min_size=2, max_size=12), st.floats(0, 1, exclude_max=True), st.floats(0.05, 1))
@settings(max_examples=200, deadline=None)
def test_a_token_of_probability_zero_is_never_drawn(logits, uniform, top_p):
    row = torch.tensor([[*logits, float("-inf")]])
    token = choose(row, torch.tensor([uniform], dtype=torch.float64), 1.0, top_p)
    assert 0 <= token.item() < len(logits)


def test_select_logprobs_is_log_softmax():
    logits = torch.randn(3, 4, 11, generator=torch.Generator().manual_seed(1)) * 30
    ids = torch.randint(0, 11, (3, 4))
    expected = torch.log_softmax(logits, -1).gather(-1, ids[..., None])[..., 0]
    torch.testing.assert_close(select_logprobs(logits, ids), expected, atol=1e-5, rtol=1e-6)


def test_sampled_knows_whether_it_finished():
    assert Sampled([5, EOS], "stop").finished
    assert not Sampled([5, 6], "length").finished
