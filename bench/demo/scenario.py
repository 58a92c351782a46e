"""What a demo is about: its prompts, its people's taste, its base model, its sizes. One value for each MODEL."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.demo.judgement import Messages, Oracle

THREADS = 2
"""Fixed, so that the figures do not depend on how many cores a machine has."""


@dataclass(frozen=True)
class Sizes:
    """How much of everything, in prompts: budgets are counted, never timed."""

    written: int
    """Imported first; the training ones of them are written to."""
    prompts: int
    """Imported next: for rankings, PPO and the held-out measurement."""
    later_prompts: int
    """Imported before round 2; nobody and no run has seen them."""
    compared: int
    """Training prompts whose outputs are ranked in round 1."""
    compared_valid: int
    """Validation prompts whose outputs are ranked in round 1: what the reward model is measured on."""
    compared_again: int
    """Prompts whose outputs are ranked in round 2."""
    held_out: int
    """Validation prompts, never compared and never trained on, that every policy answers at the end."""
    valid_share: float = 0.3


@dataclass(frozen=True)
class Scenario:
    """Everything that differs between the quick demo and the one with a real model."""

    name: str
    title: str
    base: str
    """The base checkpoint's name in the platform, when it ships it."""
    convert: str | None
    """What a convert run makes the base from; None when the platform ships it."""
    guidelines: str
    prompts: Callable[[int, int, int], list[dict[str, Any]]]
    """(how many, batch, seed) → import lines ``{"prompt", "id", "key", …}``; batches 1 (written), 2 (first round) and
    3 (second round) share no prompt."""
    demonstrate: Callable[[Messages, random.Random], str]
    """What a labeler writes."""
    oracle: Oracle
    top: float
    """The oracle's highest score."""
    sizes: Sizes
    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings of each stage that differ from its defaults."""
    labelers: Sequence[str] = ("Ana", "Bo", "Chen", "Dara")

    def settings(self, stage: str, seed: int, **more: Any) -> dict[str, Any]:
        """Return the config of one run. Sums over two threads differ in the last bit from sums over one or eight."""
        return {"seed": seed, "threads": THREADS, **self.stages.get(stage, {}), **more}
