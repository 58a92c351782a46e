"""From comparison records to the reward model's batch elements: one prompt, its completions, and who beat whom."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.rlhf import functional as fn
from training.rlhf.batching import encode_completion, encode_prompt, pad_right
from training.rlhf.records import Comparison
from training.rlhf.scoring import score_padded


@dataclass(frozen=True)
class Ranking:
    """One prompt with its K completions, each standing here once however many pairs and labelers speak of it."""

    rows: list[list[int]]
    """K rows of prompt + completion ids; EOS ends those that finished by themselves."""
    completion_lengths: list[int]
    preferred: Tensor
    """[K, K]: the weight of "i is better than j", summed over labelers."""
    weight: float
    key: str
    """What the bootstrap draws again: the prompt's text."""
    source: str
    id: str
    """The id of its first record, for error messages."""

    @property
    def pairs(self) -> int:
        """How many ordered pairs hold a preference."""
        return int((self.preferred > 0).sum())

    def best(self) -> list[int]:
        """Return the completions with the highest balance of wins over losses: the best rank, ties included."""
        balance = self.preferred.sum(1) - self.preferred.sum(0)
        return [i for i, value in enumerate(balance.tolist()) if value == float(balance.max())]


@dataclass(frozen=True)
class LeftOut:
    """Comparisons that cannot be used, counted so that nothing is lost in silence."""

    tied: int = 0
    """Rankings in which all completions tie: no pair to learn from."""
    too_long: int = 0
    """Comparisons with a row longer than max_length."""


def build_rankings(
    records: Iterable[Comparison], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> tuple[list[Ranking], LeftOut]:
    """Return one Ranking for each distinct (prompt, set of completions), in the order of first appearance.

    Rankings of the same completions by several labelers become one element: their pairs add up, each with its
    record's weight, and the element weighs as much as the mean of its records, so that a prompt which overlaps
    does not count several times. `weight` inside an element only matters between labelers.
    """
    groups: dict[str, list[Comparison]] = {}
    for record in records:
        identity = [record.prompt, [list(item) for item in _outputs(record)]]
        groups.setdefault(json.dumps(identity, ensure_ascii=False, sort_keys=True), []).append(record)
    rankings, tied, too_long = [], 0, 0
    for group in groups.values():
        ranking = _merge(group, tokenizer)
        if max(map(len, ranking.rows)) > max_length:
            too_long += len(group)
        elif not ranking.pairs or ranking.weight <= 0:
            tied += len(group)
        else:
            rankings.append(ranking)
    return rankings, LeftOut(tied, too_long)


def _outputs(record: Comparison) -> list[tuple[str, bool]]:
    """Return the completions in an order of their own: labelers may have seen them shuffled."""
    return [_output(record, i) for i in _order(record)]


def _order(record: Comparison) -> list[int]:
    return sorted(range(len(record.completions)), key=lambda i: _output(record, i))


def _output(record: Comparison, index: int) -> tuple[str, bool]:
    return record.completions[index], record.finished[index] if record.finished is not None else True


def _merge(group: Sequence[Comparison], tokenizer: PreTrainedTokenizerBase) -> Ranking:
    first = group[0]
    prompt = encode_prompt(tokenizer, first.prompt)
    completions = [encode_completion(tokenizer, text, finished) for text, finished in _outputs(first)]
    preferred = torch.zeros(len(completions), len(completions))
    for record in group:
        preferred += fn.preferences([record.ranks[i] for i in _order(record)], record.weight)
    return Ranking(
        rows=[[*prompt, *completion] for completion in completions],
        completion_lengths=[len(completion) for completion in completions],
        preferred=preferred,
        weight=sum(record.weight for record in group) / len(group),
        key=json.dumps(first.prompt, ensure_ascii=False, sort_keys=True),
        source=first.source,
        id=first.id,
    )


def score_rankings(model: PreTrainedModel, rankings: Sequence[Ranking], pad: int) -> tuple[Tensor, Tensor]:
    """Return (scores [E, K], preferred [E, K, K]), K the largest of the batch, on the model's device.

    Every completion goes through the model exactly once (K rows, where pairs as rows would take K(K-1)); shorter
    rankings are padded with score 0 and no preference.
    """
    flat = score_padded(model, pad_right([row for ranking in rankings for row in ranking.rows], pad, model.device))
    sizes = [len(ranking.rows) for ranking in rankings]
    widest = max(sizes)
    scores = torch.stack([torch.nn.functional.pad(s, (0, widest - len(s))) for s in flat.split(sizes)])
    preferred = torch.stack(
        [torch.nn.functional.pad(r.preferred, (0, widest - len(r.rows), 0, widest - len(r.rows))) for r in rankings]
    )
    return scores, preferred.to(model.device)


@dataclass(frozen=True)
class Judged:
    """What a reward model makes of one ranking."""

    ranking: Ranking
    scores: list[float]
    loss: float
    right: float
    """Weight of the pairs in the right order (an equal score counts half), of `judgements` in all."""
    judgements: float


@torch.no_grad()
def judge(model: PreTrainedModel, rankings: Sequence[Ranking], pad: int, batch_size: int) -> list[Judged]:
    """Return what the model makes of each ranking, `batch_size` rankings in a forward pass."""
    judged: list[Judged] = []
    for start in range(0, len(rankings), batch_size):
        batch = rankings[start : start + batch_size]
        scores, preferred = score_rankings(model, batch, pad)
        right, judgements = fn.pair_hits(scores, preferred)
        losses = fn.kwise_losses(scores, preferred)
        columns = zip(batch, scores.tolist(), losses.tolist(), right.tolist(), judgements.tolist(), strict=True)
        judged += [Judged(r, row[: len(r.rows)], loss, hits, of) for r, row, loss, hits, of in columns]
    return judged


def accuracy(judged: Iterable[Judged]) -> float:
    """Return the share of judgements that the model agrees with; NaN (undefined) without any."""
    right, of = 0.0, 0.0
    for item in judged:
        right, of = right + item.right, of + item.judgements
    return right / of if of else float("nan")


def summary(judged: Sequence[Judged]) -> dict[str, float]:
    """Return loss, accuracy, pairs, reward_mean, reward_std and length_correlation over some rankings.

    length_correlation is Pearson's r between a completion's tokens and its reward; near 1 the model rewards length.
    Undefined values are NaN.
    """
    weight = sum(item.ranking.weight for item in judged)
    scores = torch.tensor([score for item in judged for score in item.scores], dtype=torch.float64)
    lengths = torch.tensor([n for item in judged for n in item.ranking.completion_lengths], dtype=torch.float64)
    return {
        "loss": sum(item.loss * item.ranking.weight for item in judged) / weight if weight else float("nan"),
        "accuracy": accuracy(judged),
        "pairs": sum(item.ranking.pairs for item in judged),
        "reward_mean": scores.mean().item(),
        "reward_std": scores.std(unbiased=False).item() if len(scores) else float("nan"),
        "length_correlation": correlation(scores, lengths),
    }


def correlation(x: Tensor, y: Tensor) -> float:
    """Return Pearson's r of two [N] tensors; NaN when either does not vary."""
    if len(x) < 2 or x.std() == 0 or y.std() == 0:
        return float("nan")
    return float(torch.corrcoef(torch.stack([x, y]))[0, 1])
