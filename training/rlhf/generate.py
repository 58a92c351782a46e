"""Outputs for the next labeling round: n completions of every prompt from each policy.

    python -m training.rlhf.generate RUN_DIR

Reads ``data/train.jsonl`` or ``data/valid.jsonl`` (`Prompt` records) and writes ``samples.jsonl``. Each sample has a
seed of its own, made from the run's seed, the prompt, the policy and its number: what is sampled depends neither on
the batch size nor on what else is sampled. A run that was killed goes on with what is missing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.rlhf.batching import batches_by_length, decode, encode_prompt
from training.rlhf.config import GenerateConfig
from training.rlhf.lifecycle import Outcome, Progress, StageError, main, stopping
from training.rlhf.modeling import load_policy, load_tokenizer, prompt_room
from training.rlhf.records import Prompt, Sample, parse_record, read_records, record_line
from training.rlhf.rundir import RunDir, read_jsonl, write_atomically
from training.rlhf.sampling import sample


def train(config: GenerateConfig, run: RunDir, device: torch.device) -> Outcome:
    """Sample what is missing, policy by policy, then put the samples in order."""
    policies = config.policies or {}
    prompts = read_prompts(config, run)
    names = {sample_id(p.id, name, n) for p in prompts for name in policies for n in range(config.samples_per_prompt)}
    done = read_samples(run, names)
    progress = Progress(len(names), len(done))
    metrics: dict[str, float] = {}
    left_out: set[str] = set()
    for name, path in policies.items():
        missing = [
            p for p in prompts if not all(sample_id(p.id, name, n) in done for n in range(config.samples_per_prompt))
        ]
        if not missing or stopping():
            continue
        tokenizer, model = load_tokenizer(path), load_policy(path, device)
        room = prompt_room(path, config.max_prompt_length, config.max_new_tokens)
        encoded = [(p, encode_prompt(tokenizer, p.prompt)) for p in missing]
        work = [(p, ids) for p, ids in encoded if len(ids) <= room]
        left_out |= {p.id for p, ids in encoded if len(ids) > room}
        began, tokens = time.monotonic(), 0
        for batch in batches_by_length(
            [len(ids) for _, ids in work], max(config.batch_size // config.samples_per_prompt, 1)
        ):
            if stopping():
                break
            found = answer(model, tokenizer, [work[i] for i in batch], config, name)
            append_samples(run, found)
            done |= {s.id: s for s in found}
            tokens += sum(len(s.tokens) for s in found)
            speed = tokens / max(time.monotonic() - began, 1e-9)
            metrics[f"tokens_per_second/{name}"] = speed
            run.log_metrics(len(done), {"samples": len(done), f"tokens_per_second/{name}": speed})
            progress(len(done), tokens_per_second=speed)
    if left_out:
        print(f"{len(left_out)} of {len(prompts)} prompts were longer than the limit and left out", flush=True)
    stopped = stopping() and len(done) < len(names)
    if not stopped:
        order = {name: i for i, name in enumerate(policies)}
        place = {p.id: i for i, p in enumerate(prompts)}
        ranked = sorted(
            done.values(), key=lambda s: (order[s.checkpoint], place[s.prompt_id], int(s.id.rsplit("/")[-1]))
        )
        write_atomically(run.samples, "".join(map(record_line, ranked)))
    return Outcome(0, metrics | summary(policies, list(done.values())) | {"left_out": len(left_out)}, None, stopped)


@dataclass(frozen=True)
class Asked:
    """A prompt with an id that is unique in the run."""

    id: str
    prompt: list[dict[str, str]]


def read_prompts(config: GenerateConfig, run: RunDir) -> list[Asked]:
    """Return the prompts to answer; with both splits, `max_prompts` is shared in proportion to their sizes."""
    if config.split != "both":
        prompts = read_split(config.split, run)
        return prompts[: config.max_prompts] if config.max_prompts else prompts
    train, valid = read_split("train", run), read_split("valid", run)
    if {p.id for p in train} & {p.id for p in valid}:
        raise StageError("a prompt id stands in train.jsonl and in valid.jsonl: make ids unique")
    total = min(config.max_prompts or len(train) + len(valid), len(train) + len(valid))
    held_out = min(max(round(total * len(valid) / (len(train) + len(valid))), 1), len(valid))
    return train[: total - held_out] + valid[:held_out]


def read_split(split: str, run: RunDir) -> list[Asked]:
    """Return a split's prompts; a prompt without an id is named after its line. Raises StageError for none."""
    path = run.train if split == "train" else run.valid
    if not path.exists():
        raise StageError(f"data/{path.name} is missing: freeze a prompt dataset that has a {split} split")
    records = list(read_records(Prompt, path))
    prompts = [Asked(r.id or f"{split}-line-{number}", r.prompt) for number, r in enumerate(records, start=1)]
    if len({p.id for p in prompts}) < len(prompts):
        raise StageError(f"data/{path.name} has two prompts with the same id: make ids unique")
    if not prompts:
        raise StageError(f"data/{path.name} has no prompts: choose the other split, or add prompts")
    return prompts


def sample_id(prompt_id: str, policy: str, number: int) -> str:
    """Return the id of a policy's sample `number` (from 0) for a prompt."""
    return f"{prompt_id}/{policy}/{number}"


def sample_seed(seed: int, name: str) -> int:
    """Return a sample's own seed: 53 bits (exact in JSON everywhere) of a hash of the run's seed and its id."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8]) >> 11


def answer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    batch: Sequence[tuple[Asked, list[int]]],
    config: GenerateConfig,
    policy: str,
) -> list[Sample]:
    """Return `samples_per_prompt` samples of one policy for each prompt of a batch."""
    names = [sample_id(asked.id, policy, n) for asked, _ in batch for n in range(config.samples_per_prompt)]
    seeds = [sample_seed(config.seed, name) for name in names]
    drawn = sample(
        model,
        [ids for _, ids in batch],
        eos=int(tokenizer.eos_token_id),
        pad=int(tokenizer.pad_token_id),
        n=config.samples_per_prompt,
        max_new_tokens=config.max_new_tokens,
        temperature=config.temperature,
        top_p=config.top_p,
        seeds=seeds,
    )
    return [
        Sample(
            prompt_id=batch[row // config.samples_per_prompt][0].id,
            completion=decode(tokenizer, found.ids).strip(),
            id=name,
            tokens=found.ids,
            finish_reason=found.finish_reason,
            seed=seed,
            temperature=config.temperature,
            top_p=config.top_p,
            checkpoint=policy,
        )
        for row, (name, seed, found) in enumerate(zip(names, seeds, drawn, strict=True))
    ]


def read_samples(run: RunDir, names: set[str]) -> dict[str, Sample]:
    """Return the wanted samples that an earlier attempt wrote, and cut a line that a kill left half written."""
    if not run.samples.exists():
        return {}
    found = {s.id: s for s in (parse_record(Sample, value) for value in read_jsonl(run.samples))}
    wanted = {name: s for name, s in found.items() if name in names}
    write_atomically(run.samples, "".join(map(record_line, wanted.values())))
    return wanted


def append_samples(run: RunDir, samples: Sequence[Sample]) -> None:
    """Append whole lines."""
    with run.samples.open("a", encoding="utf-8") as stream:
        stream.write("".join(map(record_line, samples)))


def summary(policies: dict[str, str], samples: Sequence[Sample]) -> dict[str, float]:
    """Return how many samples there are, and each policy's mean length in tokens and share that finished."""
    found: dict[str, float] = {"samples": len(samples)}
    for name in policies:
        own = [s for s in samples if s.checkpoint == name]
        if own:
            found[f"mean_length/{name}"] = sum(len(s.tokens) for s in own) / len(own)
            found[f"finished/{name}"] = sum(s.finish_reason == "stop" for s in own) / len(own)
    return found


if __name__ == "__main__":
    main(GenerateConfig, train)
