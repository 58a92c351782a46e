"""From comparison records to batch elements."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.rlhf import functional as fn
from training.rlhf.batching import encode_prompt, pad_right
from training.rlhf.modeling import load_tokenizer, make_scorer_from_policy
from training.rlhf.rankings import build_rankings, score_rankings
from training.rlhf.records import Comparison
from training.rlhf.scoring import pad_id, score_ids, score_padded

PROMPT = [{"role": "user", "content": "Tell a story about a fox."}]


def comparison(completions: list[str], ranks: list[int], **rest: object) -> Comparison:
    return Comparison(prompt=PROMPT, completions=completions, ranks=ranks, **rest)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tokenizer(random_tiny: Path) -> PreTrainedTokenizerBase:
    return load_tokenizer(random_tiny)


def test_eos_ends_finished_completions_only(tokenizer: PreTrainedTokenizerBase) -> None:
    (ranking,), _ = build_rankings([comparison(["a", "b"], [1, 2], finished=[True, False])], tokenizer, 512)
    prompt = encode_prompt(tokenizer, PROMPT)
    eos = tokenizer.eos_token_id
    assert ranking.rows == [[*prompt, *tokenizer("a")["input_ids"], eos], [*prompt, *tokenizer("b")["input_ids"]]]
    assert ranking.completion_lengths == [2, 1]


def test_labelers_of_one_prompt_merge_whatever_order_they_saw(tokenizer: PreTrainedTokenizerBase) -> None:
    records = [
        comparison(["a", "b", "c"], [1, 2, 3], labeler="ann"),
        comparison(["c", "a", "b"], [2, 1, 1], labeler="bob", weight=2.0),  # a = b > c
        comparison(["a", "b", "d"], [1, 2, 3], labeler="cid"),  # other outputs: another element
    ]
    (merged, other), left_out = build_rankings(records, tokenizer, 512)
    assert left_out.tied == left_out.too_long == 0
    assert len(merged.rows) == 3
    assert merged.preferred.tolist() == [[0, 1, 3], [0, 0, 3], [0, 0, 0]]
    assert (merged.weight, merged.pairs, other.pairs) == (1.5, 3, 3)
    assert merged.best() == [0]


def test_a_cut_output_is_not_the_finished_one(tokenizer: PreTrainedTokenizerBase) -> None:
    records = [
        comparison(["a", "b"], [1, 2], finished=[True, True]),
        comparison(["a", "b"], [1, 2], finished=[False, True]),
    ]
    assert len(build_rankings(records, tokenizer, 512)[0]) == 2


def test_what_cannot_be_used_is_counted(tokenizer: PreTrainedTokenizerBase) -> None:
    records = [
        comparison(["a", "b"], [1, 1]),
        comparison(["a", "b" * 400], [1, 2]),
        comparison(["a", "c"], [2, 1]),
    ]
    rankings, left_out = build_rankings(records, tokenizer, 128)
    assert (len(rankings), left_out.tied, left_out.too_long) == (1, 1, 1)
    assert rankings[0].best() == [1]


def test_the_best_rank_includes_its_ties(tokenizer: PreTrainedTokenizerBase) -> None:
    (ranking,), _ = build_rankings([comparison(["a", "b", "c"], [1, 2, 1])], tokenizer, 512)
    assert ranking.best() == [0, 2]


def test_each_completion_is_forwarded_once_and_gradients_equal_all_pairs(
    random_tiny: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    records = [
        comparison(["one fox", "two foxes and an owl", "three", "four keys"], [2, 1, 2, 4]),
        comparison(["a", "a brave owl named Leo"], [2, 1]),
    ]
    rankings, _ = build_rankings(records, tokenizer, 512)
    model = make_scorer_from_policy(random_tiny, seed=1)
    pad = pad_id(tokenizer)
    seen: list[int] = []
    handle = model.base_model.register_forward_pre_hook(
        lambda _, args, kwargs: seen.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    scores, preferred = score_rankings(model, rankings, pad)
    handle.remove()
    assert seen == [6]
    fn.kwise_loss(scores, preferred).backward()
    ours = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()

    losses = []  # every pair forwarded by itself, as pairwise trainers do
    for ranking in rankings:
        pairs = ranking.preferred.nonzero().tolist()
        better = [ranking.rows[i] for i, _ in pairs]
        worse = [ranking.rows[j] for _, j in pairs]
        both = score_with_gradient(model, better + worse, pad)
        losses.append(-torch.nn.functional.logsigmoid(both[: len(pairs)] - both[len(pairs) :]).mean())
    torch.stack(losses).mean().backward()
    assert ours
    for name, parameter in model.named_parameters():
        if name in ours:
            assert parameter.grad is not None
            error = (parameter.grad - ours[name]).norm() / parameter.grad.norm()
            assert error < 1e-5, name


def score_with_gradient(model: PreTrainedModel, rows: list[list[int]], pad: int) -> torch.Tensor:
    return score_padded(model, pad_right(rows, pad))


def test_scores_stand_where_their_completions_do(random_tiny: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    rankings, _ = build_rankings(
        [comparison(["x", "yy", "zzz"], [1, 2, 3]), comparison(["q", "rr"], [1, 2])], tokenizer, 512
    )
    model = make_scorer_from_policy(random_tiny, seed=1)
    with torch.no_grad():
        scores, preferred = score_rankings(model, rankings, pad_id(tokenizer))
    for e, ranking in enumerate(rankings):
        alone = score_ids(model, ranking.rows, pad=pad_id(tokenizer))
        torch.testing.assert_close(scores[e, : len(alone)], alone, rtol=1e-5, atol=1e-5)
    assert preferred[1].tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
