"""Sampling from a policy, and the log-probabilities of what was sampled.

Token in, token out: the ids that `sample` returns are the ones that are scored and trained on; text is only for
people. Sampling is by temperature and nucleus alone (no top-k), so at top_p = 1 the sampler's distribution is the
one whose log-probabilities `completion_logprobs` takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from training.rlhf.batching import Padded, batches_by_length, pad_left, pad_right, positions_of


@dataclass(frozen=True)
class Sampled:
    """One completion: its ids, EOS included when it stopped by itself, and why it ended (``stop`` or ``length``)."""

    ids: list[int]
    finish_reason: str

    @property
    def finished(self) -> bool:
        return self.finish_reason == "stop"


@torch.no_grad()
def sample(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    eos: int,
    pad: int,
    n: int = 1,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_p: float = 1.0,
    generator: torch.Generator | None = None,
    seeds: Sequence[int] | None = None,
) -> list[Sampled]:
    """Return `n` completions of each prompt, the first prompt's first.

    prompts: token ids, decoded together with left padding, explicit masks and positions, and a KV cache; a
    prompt is read once whatever `n` is. temperature 0 is greedy. Randomness is one uniform number for each row and
    token, mapped through the cumulative distribution: from `seeds` (one for each returned completion; then a row's
    answer does not depend on its batch mates) or else from `generator`.
    """
    rows = len(prompts) * n
    if not rows:
        return []
    uniforms = _uniforms(rows, max_new_tokens, generator, seeds) if temperature > 0 else None
    padded = pad_left(prompts, pad, model.device)
    cache = DynamicCache(config=model.config)
    output: Any = model(**padded.inputs(), past_key_values=cache, use_cache=True, logits_to_keep=1)
    logits = output.logits[:, -1].repeat_interleave(n, 0)
    mask = padded.mask.repeat_interleave(n, 0)
    positions = padded.positions[:, -1:].repeat_interleave(n, 0)
    if n > 1:
        cache.batch_repeat_interleave(n)

    answers: list[list[int]] = [[] for _ in range(rows)]
    stopped = [False] * rows
    live = torch.arange(rows)  # which answer each row of the cache writes
    for step in range(max_new_tokens):
        drawn = uniforms[live, step].to(model.device) if uniforms is not None else None
        tokens = choose(logits, drawn, temperature, top_p)
        running = []
        for row, (answer, token) in enumerate(zip(live.tolist(), tokens.tolist(), strict=True)):
            if stopped[answer]:
                continue
            answers[answer].append(token)
            stopped[answer] = token == eos
            if not stopped[answer]:
                running.append(row)
        if not running or step + 1 == max_new_tokens:
            break
        if len(running) <= len(live) * 3 // 4:  # copying the cache pays only when it shrinks a good deal
            keep = torch.tensor(running)
            cache.batch_select_indices(keep.to(model.device))
            live, tokens, mask, positions = live[keep], tokens[keep], mask[keep], positions[keep]
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        positions = positions + 1
        output = model(
            input_ids=tokens[:, None],
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
        )
        logits = output.logits[:, -1]
    return [Sampled(ids, "stop" if done else "length") for ids, done in zip(answers, stopped, strict=True)]


def _uniforms(rows: int, length: int, generator: torch.Generator | None, seeds: Sequence[int] | None) -> Tensor:
    """Return (rows, length) float64 numbers in [0, 1)."""
    if seeds is None:
        return torch.rand(rows, length, generator=generator, dtype=torch.float64)
    if len(seeds) != rows:
        raise ValueError(f"{rows} completions need {rows} seeds, not {len(seeds)}")
    own = [torch.rand(length, generator=torch.Generator().manual_seed(s), dtype=torch.float64) for s in seeds]
    return torch.stack(own)


def choose(logits: Tensor, uniforms: Tensor | None, temperature: float, top_p: float) -> Tensor:
    """Return one token for each row of `logits` (rows, vocabulary): the likeliest, or drawn with `uniforms` (rows,).

    Inverse transform: the first token whose cumulative probability exceeds the uniform number. It costs one pass
    over the vocabulary where torch.multinomial draws a random number for each entry.
    """
    if uniforms is None or temperature == 0:
        return logits.argmax(-1)
    probabilities = torch.softmax(logits.float() / temperature, dim=-1)
    if top_p < 1:
        ordered, index = probabilities.sort(dim=-1, descending=True, stable=True)
        outside = ordered.cumsum(-1) - ordered >= top_p  # the likeliest token is always inside
        probabilities = torch.zeros_like(probabilities).scatter(-1, index, ordered.masked_fill(outside, 0.0))
    cumulative = probabilities.double().cumsum(-1)
    target = uniforms[:, None] * cumulative[:, -1:]
    # right=True skips tokens of probability 0 even when the number is exactly 0 or on an edge.
    return torch.searchsorted(cumulative, target, right=True).squeeze(-1).clamp_(max=logits.shape[-1] - 1)


def select_logprobs(logits: Tensor, ids: Tensor) -> Tensor:
    """Return log softmax(logits)[ids] without keeping the whole log-softmax: (..., V), (...) -> (...)."""
    chosen = logits.gather(-1, ids.unsqueeze(-1)).squeeze(-1)
    return chosen - torch.logsumexp(logits, dim=-1)


def join(prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], pad: int, device: Any) -> Padded:
    """Return rows ``[pad... prompt | completion ...pad]`` in which all completions begin in the same column.

    That column is the longest prompt's length; positions skip the padding.
    """
    left, right = pad_left(prompts, pad, device), pad_right(completions, pad, device)
    mask = torch.cat([left.mask, right.mask], dim=1)
    return Padded(torch.cat([left.ids, right.ids], dim=1), mask, positions_of(mask))


def completion_logprobs(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    *,
    pad: int,
    temperature: float = 1.0,
    micro_batch: int = 0,
) -> tuple[Tensor, Tensor]:
    """Return log pi(token) of every completion token: two (rows, longest completion) tensors.

    The first is float32 log-probabilities in nats at `temperature` (0 where there is no token), the second the mask
    (1.0 at real tokens, EOS included). Rows go through the model `micro_batch` at a time (0: all at once), sorted
    by length; no more than one micro batch's logits exist unless a gradient needs them.
    """
    width = max((len(c) for c in completions), default=0)
    lengths = [len(p) + len(c) for p, c in zip(prompts, completions, strict=True)]
    parts, order = [], []
    for batch in batches_by_length(lengths, micro_batch or max(len(lengths), 1)):
        chosen = [completions[i] for i in batch]
        rows = join([prompts[i] for i in batch], chosen, pad, model.device)
        longest = max(len(c) for c in chosen)
        output: Any = model(**rows.inputs(), use_cache=False, logits_to_keep=longest + 1)
        logits = output.logits[:, :-1].float()
        values = select_logprobs(logits / temperature if temperature != 1 else logits, rows.ids[:, -longest:])
        parts.append(torch.nn.functional.pad(values, (0, width - longest)))
        order += batch
    mask = pad_right(completions, pad, model.device).mask.float()
    if not parts:
        return mask.clone(), mask
    back = torch.tensor(order, device=model.device).argsort()
    return torch.cat(parts)[back] * mask, mask
