"""How far a reward model agrees with the labelers of a frozen comparison dataset.

    python -m training.rlhf.score RUN_DIR

People agree with each other on 73 % of pairs and InstructGPT's reward model with held-out labelers on 70 %
(Ouyang et al. 2022, sections 3.4 and E.2), so 0.7 is a normal reward model and not a broken one.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch

from training.rlhf.config import ScoreConfig
from training.rlhf.lifecycle import Outcome, main
from training.rlhf.modeling import context_length
from training.rlhf.rankings import Judged, accuracy, build_rankings, judge, summary
from training.rlhf.records import Comparison, read_records
from training.rlhf.rundir import RunDir
from training.rlhf.scoring import load_reward_model, pad_id

RESAMPLES = 2000


def train(config: ScoreConfig, run: RunDir, device: torch.device) -> Outcome:
    """Judge every ranking of the chosen split; nothing is learned."""
    scorer = load_reward_model(config.model, device)
    path = run.valid if config.split == "valid" else run.train
    records = read_records(Comparison, path) if path.exists() else iter(())
    limit = min(config.max_length, context_length(config.model))
    rankings, left_out = build_rankings(records, scorer.tokenizer, limit)
    print(
        f"{path.name}: {len(rankings)} rankings; left out {left_out.tied} all tied, "
        f"{left_out.too_long} longer than {limit} tokens",
        flush=True,
    )
    judged = judge(scorer.model, rankings, pad_id(scorer.tokenizer), config.batch_size)
    metrics = summary(judged)
    metrics["reward_mean"] -= scorer.norm.offset
    metrics |= {"rankings": len(rankings), "left_out_tied": left_out.tied, "left_out_too_long": left_out.too_long}
    metrics["accuracy_low"], metrics["accuracy_high"] = bootstrap_interval(judged, config.seed)
    for source in sorted({item.ranking.source for item in judged}):
        of_source = [item for item in judged if item.ranking.source == source]
        metrics[f"accuracy_{source}"] = accuracy(of_source)
        metrics[f"pairs_{source}"] = sum(item.ranking.pairs for item in of_source)
    run.log_metrics(0, metrics)
    return Outcome(0, metrics)


def bootstrap_interval(judged: Sequence[Judged], seed: int, share: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval of the accuracy that holds `share` of 2000 resamples of *prompts*.

    Pairs of one prompt hang together, so prompts are drawn, with all their pairs. NaN (undefined) below 2 prompts.
    """
    prompts: dict[str, tuple[float, float]] = {}
    for item in judged:
        right, of = prompts.get(item.ranking.key, (0.0, 0.0))
        prompts[item.ranking.key] = (right + item.right, of + item.judgements)
    counts = list(prompts.values())
    if len(counts) < 2:
        return float("nan"), float("nan")
    rng = random.Random(seed)
    means = []
    for _ in range(RESAMPLES):
        drawn = rng.choices(counts, k=len(counts))
        means.append(sum(right for right, _ in drawn) / sum(of for _, of in drawn))
    means.sort()
    tail = (1 - share) / 2
    return means[int(tail * RESAMPLES)], means[int((1 - tail) * RESAMPLES) - 1]


if __name__ == "__main__":
    main(ScoreConfig, train)
