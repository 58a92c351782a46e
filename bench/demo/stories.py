"""MODEL=tiny: the 2 M-parameter story model that the project ships, and the story grammar's oracle.

People want a story that names the right hero, is about the right animal and thing, ends, and ends kindly: one point
each (`training.rlhf.stories.oracle`). The base was trained on stories whose writer got each right only so often.
"""

from __future__ import annotations

import random
from typing import Any

from bench.demo.judgement import Messages
from bench.demo.scenario import Scenario, Sizes
from training.rlhf import stories
from training.rlhf.config import PRESETS

GUIDELINES = """\
Write or prefer a short story that

1. is about the hero that was asked for, and names nobody else,
2. has the animal and the thing that were asked for,
3. comes to an end, and
4. ends kindly.
"""


def prompts(count: int, batch: int, seed: int) -> list[dict[str, Any]]:
    """Return story prompts as import lines. A batch begins where the one before cannot reach."""
    found = list(stories.prompts(_OFFSET * (batch - 1) + count, seed))[-count:]
    return [
        {"prompt": record.prompt[0]["content"], "id": record.id, "key": record.key, "category": "story",
         "language": "en", "licence": "Apache-2.0", "source": "customer" if batch == 3 else "labeler"}
        for record in found
    ]  # fmt: skip


_OFFSET = 4000
"""Prompts of one batch at most."""


def score(prompt: Messages, completion: str, finished: bool) -> float:
    """Return the oracle's 0 to 4 points."""
    return float(stories.oracle(prompt, completion, finished).total)


WRITERS = stories.Habits(name=0.97, subject=0.93, finish=0.80, kind=0.60)
"""How well people write: 3.3 of 4. They know a kind ending when they see one, and often forget to write one; what they
prefer is more than what they write, which is why rankings and PPO come after SFT."""


def demonstrate(prompt: Messages, rng: random.Random) -> str:
    return stories.write_story(prompt, WRITERS, rng)


TINY = Scenario(
    name="tiny",
    title="Kind stories",
    base="tiny-story",
    convert=None,
    guidelines=GUIDELINES,
    prompts=prompts,
    demonstrate=demonstrate,
    oracle=score,
    top=4.0,
    stages={**PRESETS["tiny"], "score": {"max_length": 192}},
    sizes=Sizes(
        written=184, prompts=1000, later_prompts=96, compared=192, compared_valid=48, compared_again=64, held_out=200
    ),
)  # fmt: skip
