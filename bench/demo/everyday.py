"""MODEL=smollm2: a real model, SmolLM2-135M-Instruct, and everyday questions that want one short sentence.

The questions and the answers in everyday.jsonl were written for this project (Apache-2.0). People want an answer that
is one plain sentence, short, complete, and about what was asked: one point each (`score`). None of that judges whether
the answer is true: the demo shows that the loop moves a real model to a taste, not that the model got wiser.
"""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

from bench.demo.judgement import Messages
from bench.demo.scenario import Scenario, Sizes

WRITTEN = Path(__file__).with_name("everyday.jsonl")
"""Questions with an answer by hand: ``{"prompt", "answer"}``."""
SHORTEST, LONGEST = 4, 20
"""Words of a short answer."""

GUIDELINES = """\
Answer, or prefer an answer, in **one** plain sentence that

1. is a single sentence without a list, a heading or a line break,
2. has 4 to 20 words,
3. is complete and ends with a full stop (or ! or ?), and
4. is about what was asked.
"""

THINGS = (
    "a backpack", "a broom", "a bucket", "a button", "a clock", "a corkscrew", "a drill", "a fan", "a flashlight",
    "a fork", "a funnel", "a glove", "a helmet", "a kettle", "a lens", "a mattress", "a mirror", "a mop",
    "a notebook", "a pencil", "a pulley", "a rake", "a rope", "a ruler", "a scarf", "a scale", "a screwdriver",
    "a shovel", "a spoon", "a stapler", "a telescope", "a tent", "a toaster", "a towel", "a vase", "a wheelbarrow",
    "a zipper", "an alarm", "an apron", "an axe", "an iron", "an oven", "a bicycle", "a blanket", "a camera",
    "a carpet", "a chimney", "a drum", "a fence", "a lamp",
)  # fmt: skip
ABOUT_THINGS = (
    "What is {} used for?",
    "How do you take care of {}?",
    "Where do people usually keep {}?",
    "How would you describe {} to a child?",
)
DOINGS = (
    "cooking", "cycling", "camping", "chess", "dancing", "drawing", "hiking", "juggling", "knitting", "painting",
    "photography", "pottery", "reading", "rowing", "sailing", "singing", "skating", "skiing", "surfing", "swimming",
    "theatre", "volunteering", "walking", "woodworking", "writing", "yoga", "board games", "bird watching",
    "running", "cooking for friends", "a picnic", "a museum visit", "a day at the beach", "learning the piano",
    "keeping a diary", "collecting stamps", "riding horses", "stargazing", "moving house", "a road trip",
)  # fmt: skip
ABOUT_DOINGS = (
    "Give me one tip for {}.",
    "Why do people enjoy {}?",
    "What do I need for {}?",
    "What is hard about {}?",
)
SMALL_WORDS = frozenset((
    "a", "an", "the", "and", "or", "but", "of", "to", "in", "on", "at", "for", "with", "from", "by", "as", "is",
    "are", "was", "be", "been", "do", "does", "did", "can", "could", "would", "will", "should", "you", "your", "i",
    "me", "my", "we", "our", "they", "their", "it", "its", "he", "she", "this", "that", "these", "those", "what",
    "why", "how", "where", "when", "who", "which", "there", "people", "usually", "keep", "give", "one", "tip",
    "need", "enjoy", "used", "hard", "about", "describe", "child", "take", "care", "say", "make", "more", "have",
    "has", "not",
))  # fmt: skip
"""Words that say nothing about what was asked."""


def written() -> dict[str, str]:
    """Return question → answer, as people wrote them."""
    lines = WRITTEN.read_text(encoding="utf-8").splitlines()
    return {line["prompt"]: line["answer"] for line in map(json.loads, lines)}


def prompts(count: int, batch: int, seed: int) -> list[dict[str, Any]]:
    """Return everyday questions as import lines. Batch 1 has answers by hand; 2 and 3 part the rest between them.

    The key is what a question is about, so no topic stands on both sides of the split.
    """
    if batch == 1:
        asked = [(question, question) for question in written()]
    else:
        asked = [(template.format(thing), thing) for thing in THINGS for template in ABOUT_THINGS]
        asked += [(template.format(doing), doing) for doing in DOINGS for template in ABOUT_DOINGS]
        random.Random(f"everyday/{seed}").shuffle(asked)
        asked = asked[:LATER_FROM] if batch == 2 else asked[LATER_FROM:]
    if count > len(asked):
        raise ValueError(f"there are {len(asked)} everyday questions in batch {batch}, not {count}")
    return [
        {"prompt": question, "id": f"everyday-{batch}-{number:03d}", "key": topic, "category": "everyday",
         "language": "en", "licence": "Apache-2.0", "source": "customer" if batch == 3 else "labeler"}
        for number, (question, topic) in enumerate(asked[:count], start=1)
    ]  # fmt: skip


LATER_FROM = 300
"""How many of the questions belong to batch 2."""


def demonstrate(prompt: Messages, rng: random.Random) -> str:
    """Return the answer that was written by hand for this question."""
    return written()[prompt[-1]["content"]]


def score(prompt: Messages, completion: str, finished: bool) -> float:
    """Return 0 to 4 points: one sentence, short, complete, on topic. Deterministic; it does not judge truth."""
    text = completion.strip()
    words = re.findall(r"[\w'’-]+", text)
    ends = re.findall(r"[.!?]+(?=[\s\"')]|$)", text)
    one_sentence = (
        len(ends) <= 1 and "\n" not in text and not re.search(r"^\s*([-*#•]|\d+[.)])\s", text) and bool(words)
    )
    short = SHORTEST <= len(words) <= LONGEST
    complete = finished and text.endswith((".", "!", "?"))
    return float(one_sentence + short + complete + on_topic(prompt[-1]["content"], text))


def on_topic(question: str, answer: str) -> bool:
    """Whether the answer shares a word that matters with the question (by its first five letters) and adds others."""
    asked, said = _stems(question), _stems(answer)
    return bool(asked & said) and bool(said - asked)


def _stems(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"[a-z]+", text.lower()) if word not in SMALL_WORDS}


SMOLLM2 = Scenario(
    name="smollm2",
    title="Short answers",
    base="smollm2",
    convert="smollm2",
    guidelines=GUIDELINES,
    prompts=prompts,
    demonstrate=demonstrate,
    oracle=score,
    top=4.0,
    sizes=Sizes(
        written=72, prompts=300, later_prompts=48, compared=64, compared_valid=16, compared_again=24, held_out=48
    ),
    stages={
        "sft": {"batch_size": 8, "epochs": 2, "learning_rate": 2e-5, "max_length": 160, "eval_every": 0},
        "reward": {"batch_size": 8, "epochs": 1, "learning_rate": 2e-5, "max_length": 160, "eval_every": 0},
        "ppo": {
            "updates": 8, "episodes_per_update": 32, "minibatches": 2, "inner_epochs": 1, "micro_batch_size": 8,
            "learning_rate": 2e-6, "value_learning_rate": 1e-5, "max_prompt_length": 96, "max_new_tokens": 48,
        },
        "generate": {"batch_size": 32, "max_new_tokens": 48},
        "score": {"batch_size": 4, "max_length": 160},
    },
)  # fmt: skip
