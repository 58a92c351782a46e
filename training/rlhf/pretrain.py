"""Pretraining: a small causal language model from scratch (Radford et al. 2018; architecture of Llama).

Trains a byte-level BPE tokenizer on ``data/train.jsonl`` (`Text` records), packs whole documents into sequences of
`max_length` tokens, and minimises the mean negative log-likelihood of every token of a document but its first.
Packed documents do not see each other. A document may be a rendered chat; then the model learns to heed prompts.

    python -m training.rlhf.pretrain RUN_DIR
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from training.rlhf.batching import Cursor, epoch_order, steps_of, training_batches
from training.rlhf.config import PretrainConfig
from training.rlhf.lifecycle import (
    Outcome,
    Progress,
    StageError,
    check_finite,
    cosine_schedule,
    load_state,
    main,
    make_optimizer,
    save_state,
    set_learning_rate,
    stopping,
)
from training.rlhf.modeling import CHAT_TEMPLATE, load_policy, load_tokenizer, save_checkpoint
from training.rlhf.records import Text, read_records
from training.rlhf.rundir import RunDir

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
"""Padding, start of a turn (also BOS) and end of a turn (also EOS): ids 0, 1, 2."""
IGNORED = -100


def train(config: PretrainConfig, run: RunDir, device: torch.device) -> Outcome:
    """Train until `epochs` or `max_steps`; resume from the newest whole checkpoint."""
    texts = [record.text for record in read_records(Text, run.train)]
    if not texts:
        raise StageError("data/train.jsonl has no documents: add Text records")
    newest = run.newest_checkpoint()
    if newest:
        tokenizer, model = load_tokenizer(newest[1]), load_policy(newest[1], device)
    else:
        tokenizer = train_tokenizer(texts, config.vocab_size)
        model = new_model(config, tokenizer)
        model = model.to(device)  # type: ignore[arg-type]
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(tokenizer)} tokens", flush=True)

    rows = pack(encode_documents(tokenizer, texts), config.max_length, config.seed)
    held_out = [r.text for r in read_records(Text, run.valid)] if run.valid.exists() else []
    valid = pack(encode_documents(tokenizer, held_out), config.max_length, config.seed)
    total = steps_of(len(rows), config.batch_size, config.epochs, config.max_steps)
    optimizer = make_optimizer(model, config.learning_rate, config.weight_decay)
    step, cursor = 0, Cursor()
    if newest:
        values = load_state(newest[1], {"optimizer": optimizer})
        step, cursor = values["step"], Cursor(**values["cursor"])
        run.drop_metrics_after(step)
        print(f"resuming from step {step}", flush=True)

    def checkpoint() -> Path:
        directory = run.begin_checkpoint(step)
        save_checkpoint(directory, model, tokenizer)
        save_state(directory, {"optimizer": optimizer}, step=step, cursor=vars(cursor))
        finished = run.finish_checkpoint(step)
        run.prune_checkpoints(config.keep_checkpoints)
        return finished

    progress, metrics = Progress(total, step), {}
    micro = config.micro_batch_size or config.batch_size
    batches = training_batches(len(rows), config.batch_size, config.epochs, config.seed, cursor)
    model.train()
    while step < total and not stopping():
        chosen = next(batches)
        share = cosine_schedule(step, total, config.warmup_steps, config.min_learning_rate_share)
        set_learning_rate(optimizer, config.learning_rate * share)
        tokens = sum(predicted(rows[i]) for i in chosen)
        loss = 0.0
        for start in range(0, len(chosen), micro):
            part = document_loss(model, [rows[i] for i in chosen[start : start + micro]], config.max_length) / tokens
            part.backward()
            loss += part.item()
        check_finite(loss, "the loss", step + 1, (f"packed row {i}" for i in chosen))
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        check_finite(norm, "the gradient norm", step + 1, (f"packed row {i}" for i in chosen))
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        metrics = {"loss": loss, "learning_rate": config.learning_rate * share, "grad_norm": float(norm)}
        last = step == total
        if valid and (last or (config.eval_every and step % config.eval_every == 0)):
            metrics["valid_loss"] = evaluate(model, valid, micro, config.max_length)
        run.log_metrics(step, metrics)
        progress(step, **metrics)
        if not last and config.save_every and step % config.save_every == 0:
            checkpoint()
    kept = run.checkpoint(step) if newest and newest[0] == step else checkpoint()
    return Outcome(step, metrics, kept, stopped=step < total)


def train_tokenizer(texts: Sequence[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokenizer (Radford et al. 2019) with ChatML's tokens; every text can be encoded."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    # Control tokens are not text: cut them out, or their letters would be merged.
    core.train_from_iterator((_without_control_tokens(text) for text in texts), trainer, length=len(texts))
    pad, start, end = SPECIAL
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, pad_token=pad, bos_token=start, eos_token=end)
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def _without_control_tokens(text: str) -> str:
    for token in SPECIAL:
        text = text.replace(token, "")
    return text


def new_model(config: PretrainConfig, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """Return a Llama-style model with tied embeddings.

    Initial deviation 1/sqrt(width), output layers by another 1/sqrt(2 layers) [GPT-2]. GPT-2's 0.02 suits widths of
    768 and more; at 192 a model takes several times as long to learn to copy from its prompt.
    """
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=config.hidden_size,
            intermediate_size=config.hidden_size * 8 // 3,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            max_position_embeddings=config.max_length,
            tie_word_embeddings=True,
            initializer_range=config.hidden_size**-0.5,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                parameter.mul_((2 * config.layers) ** -0.5)
    return model


def encode_documents(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Return each document's ids, with EOS at its end."""
    if not texts:
        return []
    eos = tokenizer.eos_token_id
    documents = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    return [ids if ids and ids[-1] == eos else [*ids, eos] for ids in documents]


def pack(documents: Sequence[list[int]], length: int, seed: int, open_rows: int = 32) -> list[list[list[int]]]:
    """Return rows of whole documents with at most `length` tokens together; longer documents are cut into pieces.

    First fit into the `open_rows` newest rows, in a seeded order.
    """
    rows: list[list[list[int]]] = []
    room: list[int] = []
    for index in epoch_order(len(documents), seed, -1):
        document = documents[index]
        for start in range(0, len(document), length):
            piece = document[start : start + length]
            first = max(len(rows) - open_rows, 0)
            row = next((r for r in range(first, len(rows)) if room[r] >= len(piece)), None)
            if row is None:
                rows.append([])
                room.append(length)
                row = len(rows) - 1
            rows[row].append(piece)
            room[row] -= len(piece)
    return rows


def predicted(row: Sequence[Sequence[int]]) -> int:
    """Return how many tokens of a packed row the loss counts: all but each document's first."""
    return sum(len(document) - 1 for document in row)


def document_loss(model: PreTrainedModel, rows: Sequence[Sequence[Sequence[int]]], width: int) -> Tensor:
    """Return the summed negative log-likelihood (nats) of packed rows.

    Positions begin at 0 in each document; from that, and because no attention mask is given, transformers makes the
    block-diagonal causal mask. Padding is one more document that no label counts.
    """
    ids, labels, positions = [], [], []
    for row in rows:
        gap = width - sum(map(len, row))
        ids.append([*(t for document in row for t in document), *([0] * gap)])
        labels.append([*(t for d in row for t in (IGNORED, *d[1:])), *([IGNORED] * gap)])
        positions.append([*(p for d in row for p in range(len(d))), *range(gap)])
    device = model.device
    output: Any = model(
        input_ids=torch.tensor(ids, device=device),
        position_ids=torch.tensor(positions, device=device),
        use_cache=False,
    )
    target = torch.tensor(labels, device=device)[:, 1:]
    return F.cross_entropy(output.logits[:, :-1].flatten(0, 1).float(), target.flatten(), reduction="sum")


@torch.no_grad()
def evaluate(model: PreTrainedModel, rows: Sequence[Sequence[Sequence[int]]], size: int, width: int) -> float:
    """Return the mean negative log-likelihood of a token in nats."""
    total = sum(float(document_loss(model, rows[i : i + size], width)) for i in range(0, len(rows), size))
    return total / max(sum(map(predicted, rows)), 1)


if __name__ == "__main__":
    main(PretrainConfig, train)
