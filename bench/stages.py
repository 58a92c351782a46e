"""The training stages alone, without the platform: does PPO with the tiny preset beat SFT, and SFT the base?

    make bench-stages ARGS="--seeds 0 1 2 --out var/bench/stages"

The same sizes, people and oracle as `make demo`, written straight into run directories. For each seed: demonstrations
→ SFT → two outputs each of base and SFT → noisy rankings with ties → reward model → PPO → 200 held-out prompts. One
line a seed, and a JSON object with all figures as the last line. A seed that is already in --out is not run again.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.demo.judgement import judge
from bench.demo.statistics import bootstrap_mean, paired_difference
from bench.demo.stories import TINY
from training.rlhf import stories
from training.rlhf.config import PRESETS
from training.rlhf.records import Comparison, Demonstration, Prompt, Sample, read_records, split_of, write_records
from training.rlhf.rundir import RunDir, read_jsonl

BASE = Path("training/bases/tiny")
HELD_OUT_SEED = 99


def run_stage(out: Path, name: str, stage: str, data: Mapping[str, Iterable[Any]], **config: Any) -> RunDir:
    """Run one stage as a worker would, unless its result is there."""
    run = RunDir(out / name)
    if not run.result.exists():
        run.data.mkdir(parents=True, exist_ok=True)
        for file, records in data.items():
            write_records(run.data / file, records)
        run.config.write_text(json.dumps({"device": "cpu", **PRESETS["tiny"][stage], **config}), encoding="utf-8")
        with run.log.open("w") as log:
            command = [sys.executable, "-m", f"training.rlhf.{stage}", str(run.path)]
            code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
        if code:
            sys.exit(f"{name} failed:\n{run.log_tail()}")
    return run


def result(run: RunDir) -> dict[str, Any]:
    found = run.read_result()
    if found is None:
        raise FileNotFoundError(run.result)
    return found


def checkpoint(run: RunDir) -> str:
    return str((run.path / result(run)["checkpoint"]).resolve())


def compare(prompt: Prompt, samples: list[Sample], seed: int) -> Comparison:
    """Rank a prompt's outputs as a simulated labeler of the demo would."""
    ranks = judge(
        prompt.prompt, [s.completion for s in samples], oracle=TINY.oracle, top=TINY.top, seed=seed
    ).ranks  # fmt: skip
    return Comparison(
        prompt.prompt, [s.completion for s in samples], ranks, id=prompt.id, key=prompt.key, simulated=True,
        finished=[s.finish_reason == "stop" for s in samples],
    )  # fmt: skip


def one_seed(out: Path, seed: int, base: str, threads: int) -> dict[str, Any]:
    """Run the loop's stages with one seed and return its figures."""
    began, sizes = time.monotonic(), TINY.sizes
    shared = {"seed": seed, "threads": threads}

    def split(prompts: Iterable[Prompt], name: str) -> list[Prompt]:
        return [p for p in prompts if split_of(p.key, sizes.valid_share) == name]

    # 1. Demonstrations → SFT.
    rng = random.Random(seed)
    demonstrations = [
        Demonstration(p.prompt, TINY.demonstrate(p.prompt, rng), id=p.id, key=p.key, simulated=True)
        for p in split(stories.prompts(sizes.written, 1000 + seed), "train")
    ]
    sft = run_stage(out, "sft", "sft", {"train.jsonl": demonstrations}, model=base, **shared)
    # 2. Outputs of base and SFT, ranked with noise → reward model.
    pool = list(stories.prompts(sizes.prompts, 2000 + seed))
    train, valid = split(pool, "train"), split(pool, "valid")
    asked = train[: sizes.compared] + valid[: sizes.compared_valid]
    policies = {"base": base, "sft": checkpoint(sft)}
    outputs = run_stage(out, "outputs", "generate", {"train.jsonl": asked}, policies=policies, **shared)
    by_prompt: dict[str, list[Sample]] = {}
    for sample in read_records(Sample, outputs.samples):
        by_prompt.setdefault(sample.prompt_id, []).append(sample)
    ranked = [compare(p, by_prompt[p.id], seed) for p in asked]
    data = {
        "train.jsonl": ranked[: sizes.compared], "valid.jsonl": ranked[sizes.compared :],
        "demonstrations.jsonl": demonstrations,
    }  # fmt: skip
    reward = run_stage(out, "reward", "reward", data, model=checkpoint(sft), **shared)
    # 3. PPO against it.
    inputs = {"model": checkpoint(sft), "reference": checkpoint(sft), "reward_model": checkpoint(reward)}
    ppo = run_stage(out, "ppo", "ppo", {"train.jsonl": train}, **inputs, **shared)
    seconds = time.monotonic() - began
    # 4. Held-out prompts, the same for every seed.
    policies |= {"ppo": checkpoint(ppo)}
    held_out = list(stories.prompts(sizes.held_out, HELD_OUT_SEED))
    answers = run_stage(
        out, "held_out", "generate", {"train.jsonl": held_out}, policies=policies, samples_per_prompt=1, **shared
    )
    points: dict[str, dict[str, float]] = {name: {} for name in policies}
    by_id = {p.id: p.prompt for p in held_out}
    for sample in read_records(Sample, answers.samples):
        score = TINY.oracle(by_id[sample.prompt_id], sample.completion, sample.finish_reason == "stop")
        points[sample.checkpoint][sample.prompt_id] = score
    gains = {
        f"ppo-{name}": paired_difference(points["ppo"], points[name]) for name in ("base", "sft")
    }  # fmt: skip
    curve = list(read_jsonl(ppo.metrics))
    return {
        "seed": seed,
        "policies": {name: rounded(bootstrap_mean(list(of.values()))) for name, of in points.items()},
        "gains": {name: rounded(interval) for name, interval in gains.items()},
        "reward_accuracy": round(result(reward)["metrics"]["accuracy"], 3),
        "score": [round(result(ppo)["metrics"][name], 2) for name in ("score_first", "score_last")],
        "kl": round(result(ppo)["metrics"]["kl"], 2),
        "clip_fraction": round(sum(line["clip_fraction"] for line in curve) / len(curve), 4),
        "seconds": {r.path.name: round(result(r)["seconds"], 1) for r in (sft, outputs, reward, ppo, answers)},
        "wall": round(seconds, 1),
    }


def rounded(interval: Any) -> list[float]:
    return [round(value, 3) for value in (interval.mean, interval.low, interval.high)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.stages", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--base", type=Path, default=BASE)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("var/bench/stages"))
    arguments = parser.parse_args()
    found = []
    for seed in arguments.seeds:
        out = arguments.out / f"seed-{seed}"
        found.append(one_seed(out, seed, str(arguments.base.resolve()), arguments.threads))
        print(json.dumps(found[-1]), flush=True)
    holds = all(f["gains"]["ppo-base"][1] > 0 and f["gains"]["ppo-sft"][1] > 0 for f in found)
    print(json.dumps({"bench": "stages", "seeds": found, "base_sft_ppo_rise_every_time": holds}))


if __name__ == "__main__":
    main()
