"""From records to tensors: token ids, padding with explicit masks and positions, and the order of an epoch."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from training.rlhf.records import Messages


def encode_prompt(tokenizer: PreTrainedTokenizerBase, messages: Messages) -> list[int]:
    """Return the ids of a conversation in the chat template, up to where the assistant's answer begins.

    Control tokens are the template's alone: were ``<|im_end|>`` in a message one too, whoever wrote the prompt could
    end a turn and speak as the assistant.
    """
    typed = [t for t in control_tokens(tokenizer) if any(t in message["content"] for message in messages)]
    if not typed:
        return _ids(tokenizer, _render(tokenizer, messages))
    mark = _absent("".join(message["content"] for message in messages))
    hidden = [{**message, "content": _hide(message["content"], typed, mark)} for message in messages]
    ids: list[int] = []
    for number, piece in enumerate(re.split(f"{mark}(\\d+){mark}", _render(tokenizer, hidden))):
        ids += _ids(tokenizer, typed[int(piece)], split_special_tokens=True) if number % 2 else _ids(tokenizer, piece)
    return ids


def control_tokens(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Return the texts that stand for control tokens, longest first: one may be part of another.

    A tokenizer has more of them than its named ones: SmolLM2's ``<file_sep>`` is one too.
    """
    added: Any = tokenizer.added_tokens_decoder
    texts = {token.content for token in added.values() if token.special} | set(tokenizer.all_special_tokens)
    return sorted(texts, key=lambda text: (-len(text), text))


def _render(tokenizer: PreTrainedTokenizerBase, messages: Messages) -> str:
    text: Any = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    return str(text)


def _ids(tokenizer: PreTrainedTokenizerBase, text: str, **options: bool) -> list[int]:
    found: Any = tokenizer(text, add_special_tokens=False, **options)["input_ids"]
    return list(found)


def _absent(text: str) -> str:
    """Return a character of Unicode's private area that does not stand in `text`."""
    return next(chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in text)


def _hide(text: str, tokens: Sequence[str], mark: str) -> str:
    for number, token in enumerate(tokens):
        text = text.replace(token, f"{mark}{number}{mark}")
    return text


def encode_completion(tokenizer: PreTrainedTokenizerBase, text: str, finished: bool = True) -> list[int]:
    """Return the ids of an answer; EOS is the last one when it `finished` by itself.

    Control tokens that a person typed, such as ``<|im_end|>``, are encoded as the characters they are written with.
    """
    tokens: Any = tokenizer(text, add_special_tokens=False, split_special_tokens=True)
    ids: list[int] = list(tokens["input_ids"])
    return [*ids, int(tokenizer.eos_token_id)] if finished else ids


def decode(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    """Return the text of sampled ids without control tokens."""
    text: Any = tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return str(text)


@dataclass(frozen=True)
class Padded:
    """Equal-length rows. All tensors are (rows, length) of int64; `mask` is 1 at real tokens."""

    ids: Tensor
    mask: Tensor
    positions: Tensor
    """``cumsum(mask) - 1``, 0 before the first real token: right for absolute and rotary positions alike."""

    def inputs(self) -> dict[str, Tensor]:
        """Return the keyword arguments of a transformers forward pass."""
        return {"input_ids": self.ids, "attention_mask": self.mask, "position_ids": self.positions}


def positions_of(mask: Tensor) -> Tensor:
    """Return position ids for a mask of shape (rows, length)."""
    return (mask.cumsum(1) - 1).clamp_(min=0)


def pad_right(rows: Sequence[Sequence[int]], pad: int, device: torch.device | str = "cpu", width: int = 0) -> Padded:
    """Pad behind the rows, to the longest of them or to `width`: for training and scoring."""
    return _pad(rows, pad, device, width, left=False)


def pad_left(rows: Sequence[Sequence[int]], pad: int, device: torch.device | str = "cpu", width: int = 0) -> Padded:
    """Pad before the rows, so that all end in the same column: for decoding."""
    return _pad(rows, pad, device, width, left=True)


def _pad(rows: Sequence[Sequence[int]], pad: int, device: torch.device | str, width: int, *, left: bool) -> Padded:
    longest = max((len(row) for row in rows), default=0)
    width = max(width, longest)
    filled, masks = [], []
    for row in rows:
        gap, real = [pad] * (width - len(row)), [1] * len(row)
        filled.append([*gap, *row] if left else [*row, *gap])
        masks.append([0] * len(gap) + real if left else real + [0] * len(gap))
    shape = (len(rows), width)
    mask = torch.tensor(masks, dtype=torch.long, device=device).reshape(shape)
    return Padded(torch.tensor(filled, dtype=torch.long, device=device).reshape(shape), mask, positions_of(mask))


def batches_by_length(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Return batches of up to `size` indices, shortest rows first, so that little is padded.

    Ties keep their order, so the batches are the same on every machine.
    """
    order = sorted(range(len(lengths)), key=lambda i: (lengths[i], i))
    return [order[start : start + size] for start in range(0, len(order), size)]


def epoch_order(count: int, seed: int, epoch: int) -> list[int]:
    """Return the order in which epoch `epoch` visits `count` records: a shuffle that only the arguments decide."""
    order = list(range(count))
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return order


@dataclass
class Cursor:
    """Where in its data a stage stands: the next batch is `position` records into epoch `epoch`."""

    epoch: int = 0
    position: int = 0


def training_batches(count: int, size: int, epochs: int, seed: int, cursor: Cursor) -> Iterator[list[int]]:
    """Yield batches of record indices from `cursor` on, moving it past a batch when the next one is asked for.

    The last batch of an epoch may be short. `cursor` is changed before each batch is yielded so that a checkpoint
    written after the batch's update names the following batch.
    """
    while cursor.epoch < epochs:
        order = epoch_order(count, seed, cursor.epoch)
        while cursor.position < count:
            batch = order[cursor.position : cursor.position + size]
            cursor.position += len(batch)
            yield batch
        cursor.epoch, cursor.position = cursor.epoch + 1, 0


def steps_of(count: int, size: int, epochs: int, max_steps: int) -> int:
    """Return how many updates a stage makes: whole epochs, or `max_steps` when that is fewer and not 0."""
    steps = -(-count // size) * epochs
    return min(steps, max_steps) if max_steps else steps
