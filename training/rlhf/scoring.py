"""Scores and values: what a scalar head says about token ids, and the offset that gives scores a meaning.

A reward is only known up to a constant; as in InstructGPT (section 3.5) the constant is chosen so that the labelers'
demonstrations score 0 on average. Heads have no bias, so the offset stands in ``reward_norm.json`` beside the
weights, and everything that scores goes through this module.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.rlhf import functional as fn
from training.rlhf.batching import Padded, batches_by_length, pad_right
from training.rlhf.modeling import ModelError, fingerprint, load_scorer, load_tokenizer
from training.rlhf.rundir import write_json
from training.rlhf.sampling import join

NORM_FILE = "reward_norm.json"


def token_values(model: PreTrainedModel, rows: Padded) -> Tensor:
    """Return the head's output [B, L] (float32) at every token of `rows`; under padding it means nothing."""
    hidden = model.base_model(**rows.inputs(), use_cache=False).last_hidden_state
    head: Any = model.score
    values: Tensor = head(hidden).squeeze(-1).float()
    return values


def score_padded(model: PreTrainedModel, rows: Padded) -> Tensor:
    """Return raw scores [B]: the head at the last real token, found by mask, so that EOS is seen."""
    last = fn.last_real(rows.mask.bool())
    return token_values(model, rows).gather(1, last[:, None]).squeeze(1)


def completion_values(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    *,
    pad: int,
    micro_batch: int = 0,
) -> Tensor:
    """Return raw values [B, T]: entry t is of the state before completion token t, read at the token before it.

    T is the longest completion; what stands behind a shorter one means nothing. Rows go through the model
    `micro_batch` (0: all) at a time, sorted by length.
    """
    width = max(len(c) for c in completions)
    lengths = [len(p) + len(c) for p, c in zip(prompts, completions, strict=True)]
    parts, order = [], []
    for batch in batches_by_length(lengths, micro_batch or len(lengths)):
        rows = join([prompts[i] for i in batch], [completions[i] for i in batch], pad, model.device)
        longest = max(len(completions[i]) for i in batch)
        values = token_values(model, rows)[:, -longest - 1 : -1]
        parts.append(torch.nn.functional.pad(values, (0, width - longest)))
        order += batch
    return torch.cat(parts)[torch.tensor(order, device=model.device).argsort()]


@dataclass(frozen=True)
class RewardNorm:
    """What is subtracted from a head's output, and how it was found."""

    offset: float = 0.0
    count: int = 0
    """Texts that the mean was taken over; 0 means that nobody normalised this model."""
    basis: str = "none"
    """``demonstrations``, ``best completions`` or ``none``."""
    weights: str = ""
    """`modeling.fingerprint` of the weights that the offset belongs to."""
    tokenizer: str = ""
    """`tokenizer_hash` of the tokenizer that the scores were taken with."""

    def write(self, directory: Path) -> None:
        """Write ``reward_norm.json`` into a checkpoint directory."""
        write_json(directory / NORM_FILE, asdict(self))


def read_norm(path: str | Path) -> RewardNorm:
    """Return a checkpoint's normalisation; offset 0 when it has none. Raises ModelError when it is another model's."""
    file = Path(path) / NORM_FILE
    if not file.is_file():
        return RewardNorm()
    try:
        norm = RewardNorm(**json.loads(file.read_text(encoding="utf-8")))
    except (TypeError, json.JSONDecodeError) as error:
        raise ModelError(f"{file} cannot be read ({error}): copy the checkpoint again") from error
    if norm.weights != fingerprint(path):
        raise ModelError(f"{file} was made for other weights: copy the whole checkpoint again, or train a new one")
    return norm


@dataclass(frozen=True)
class Scorer:
    """A reward model ready to score: weights, tokenizer and offset together."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    norm: RewardNorm

    @torch.no_grad()
    def score(self, rows: Sequence[Sequence[int]], *, micro_batch: int = 32) -> Tensor:
        """Return normalised scores [N] (float32, on the CPU) of prompt + completion ids, N rows of any length."""
        return score_ids(self.model, rows, pad=pad_id(self.tokenizer), micro_batch=micro_batch) - self.norm.offset


def load_reward_model(path: str | Path, device: torch.device | str = "cpu") -> Scorer:
    """Return the reward model of a checkpoint. Raises ModelError when it is a language model or damaged."""
    return Scorer(load_scorer(path, device), load_tokenizer(path), read_norm(path))


@torch.no_grad()
def score_ids(model: PreTrainedModel, rows: Sequence[Sequence[int]], *, pad: int, micro_batch: int = 32) -> Tensor:
    """Return raw scores [N] on the CPU; rows are scored `micro_batch` (0: all) at a time, sorted by length."""
    scores = torch.zeros(len(rows))
    for batch in batches_by_length([len(row) for row in rows], micro_batch or max(len(rows), 1)):
        scores[batch] = score_padded(model, pad_right([rows[i] for i in batch], pad, model.device)).cpu()
    return scores


def pad_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the padding token's id; `load_tokenizer` sees to it that there is one and that it is not EOS."""
    return int(tokenizer.pad_token_id)


def tokenizer_hash(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return a sha256 of what ids mean: the vocabulary with its ids, and EOS."""
    meaning = {"vocabulary": tokenizer.get_vocab(), "eos": tokenizer.eos_token_id}
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()


def require_same_tokenizer(policy: PreTrainedTokenizerBase, other: PreTrainedTokenizerBase, name: str) -> None:
    """Raise ModelError when sampled ids would mean something else to the model called `name`."""
    if tokenizer_hash(policy) != tokenizer_hash(other):
        raise ModelError(
            f"the {name} has another tokenizer than the policy ({len(other)} against {len(policy)} tokens): sampled "
            f"ids would mean other words to it. Train the {name} from the same base model as the policy"
        )
