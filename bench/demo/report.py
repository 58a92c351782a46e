"""What the demo measured: the table, the file, the last line, and whether it counts as an improvement."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.demo.statistics import Interval

TITLES = {"base": "base model", "sft": "after SFT", "ppo": "after PPO"}


@dataclass(frozen=True)
class Report:
    """The figures of one demo. All but `seconds` follow from the seed."""

    model: str
    seed: int
    top: float
    policies: Mapping[str, Interval]
    improvement: Interval
    """PPO − base, paired by prompt."""
    improvement_on_sft: Interval
    """PPO − SFT, paired by prompt."""
    reward_accuracy: float
    """Pairs of round 1's validation rankings that the reward model orders as the labelers did."""
    reward_accuracy_round_2: float
    """The same on round 2's rankings, whose answers come from the policy trained against it."""
    kl: float
    """Nats an episode between the PPO policy and its reference at the last update."""
    seconds: Mapping[str, float]
    counts: Mapping[str, int] = field(default_factory=dict)
    held_out: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the figures in the order in which readers look for them."""
        return {
            "policies": {
                name: {"oracle": _short(value.mean), "ci": _ci(value)} for name, value in self.policies.items()
            },
            "reward_accuracy": _short(self.reward_accuracy),
            "kl": _short(self.kl),
            "seconds": dict(self.seconds),
            "seed": self.seed,
            "model": self.model,
            "simulated": True,
            "oracle_top": self.top,
            "held_out_prompts": self.held_out,
            "paired_improvement": {"ppo-base": _paired(self.improvement), "ppo-sft": _paired(self.improvement_on_sft)},
            "reward_accuracy_round_2": _short(self.reward_accuracy_round_2),
            "records": dict(self.counts),
        }

    def save(self, path: Path) -> str:
        """Write the report and return it as one line."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.as_json(), indent=2) + "\n", encoding="utf-8")
        return json.dumps(self.as_json())

    def table(self) -> str:
        """Return the figures for people."""
        rows = [f"Oracle score on {self.held_out} held-out prompts (0 to {self.top:g}), 95 % interval"]
        rows += [f"  {TITLES[name]:<22s} {_ranged(value)}" for name, value in self.policies.items()]
        rows += [f"  {'PPO − base, paired':<22s} {_ranged(self.improvement, signed=True)}"]
        rows += [f"  {'PPO − SFT, paired':<22s} {_ranged(self.improvement_on_sft, signed=True)}"]
        rows += [
            f"Reward model's pair accuracy: {self.reward_accuracy:.1%} on validation rankings, "
            f"{self.reward_accuracy_round_2:.1%} on round 2's",
            f"KL to the SFT policy at the end of PPO: {self.kl:.2f} nats an answer",
            "Seconds: " + ", ".join(f"{name} {value:g}" for name, value in self.seconds.items()),
        ]
        return "\n".join(rows)


def improved(interval: Interval) -> bool:
    """Whether the difference is an improvement that the interval supports: all of it above zero."""
    return interval.low > 0


def _short(value: float) -> float:
    return round(value, 4)


def _ci(value: Interval) -> list[float]:
    return [_short(value.low), _short(value.high)]


def _paired(value: Interval) -> dict[str, Any]:
    return {"mean": _short(value.mean), "ci": _ci(value)}


def _ranged(value: Interval, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    return f"{value.mean:{sign}.2f}  [{value.low:{sign}.2f}, {value.high:{sign}.2f}]"
