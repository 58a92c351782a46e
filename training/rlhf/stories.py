"""A small story grammar: the text, the prompts and the judge of tests and of the quick demo. Standard library only.

A prompt asks for a story about a hero with a name and an animal who finds a thing. A story has an opening, a find,
a meeting, an ending (kind or unkind) and a closing line. `Habits` says how often a writer gets each part right:
the base corpus is written by a fluent writer who heeds the prompt only so-so (`BASE`), demonstrations by people who
nearly always do (`LABELER`). `oracle` is the documented judge, 0 to 4 points.

    python -m training.rlhf.stories corpus --count 40000 --seed 1 --out train.jsonl
    python -m training.rlhf.stories prompts --count 400 --seed 1 --out prompts.jsonl
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.rlhf.records import Messages, Prompt, Text, write_records


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NAMES = _words(
    "Mia Leo Ada Tom Zoe Max Ivy Sam Lily Otto Nora Finn Ruby Hugo Ella Jack Maya Theo Anna Oscar "
    "Luna Felix Clara Emil Rosa Bruno Greta Ivan Tessa Milo"
)
ANIMALS = _words(
    "fox owl bear hare mouse badger otter hedgehog squirrel wolf deer frog duck goat rabbit beaver crow turtle cat mole"
)
TRAITS = _words("shy brave clever small old young quiet curious proud lazy gentle hungry cheerful lonely busy sleepy")
MOODS = _words("sad tired cold hungry lonely lost little poor frightened wet")
THINGS = _words(
    "lantern key kite drum map bell boat hat coin ring umbrella apple mirror feather book basket scarf whistle "
    "candle button ladder blanket cake shell"
)
PLACES = (
    "by the river", "near the old mill", "in a quiet wood", "at the edge of a village", "on a green hill",
    "under a tall oak", "beside the lake", "in a little house",
)  # fmt: skip
SPOTS = (
    "under a bridge", "behind a rock", "in the long grass", "on the path", "near a well", "in a hollow tree",
    "on the sand", "beside the road", "under the snow", "by the gate",
)  # fmt: skip
TIMES = _words("morning evening day night afternoon")
WEATHERS = _words("sunny rainy windy cold bright foggy")

REQUESTS = (
    "Tell a story about {a_trait} {animal} named {name} who finds {a_thing}.",
    "Write a short story about {name}, {a_trait} {animal} who finds {a_thing}.",
    "{name} is {a_trait} {animal}. Tell me how {name} finds {a_thing}.",
    "Please tell me a story in which {a_trait} {animal} called {name} finds {a_thing}.",
    "I would like a story about {a_thing} and {a_trait} {animal} called {name}.",
)
OPENINGS = (
    "Once there was {a_trait} {animal} named {name}.",
    "{name} was {a_trait} {animal} who lived {place}.",
    "There once lived {a_trait} {animal} called {name} {place}.",
    "Long ago, {a_trait} {animal} named {name} lived {place}.",
)
FINDS = (
    "One {time} {name} found {a_thing} {spot}.",
    "On {a_weather} {time}, {name} saw {a_thing} {spot}.",
    "{name} went for a walk and found {a_thing} {spot}.",
    "One {time}, {spot}, there lay {a_thing}, and {name} picked it up.",
)
MEETINGS = (
    "Soon {a_mood} {other} came by and asked about the {thing}.",
    "Then {a_mood} {other} came along and wanted to see it.",
    "{a_mood_first} {other} stopped to look at the {thing}.",
    "Just then {a_mood} {other} came out of the trees.",
)
KIND = (
    "{name} shared the {thing} with the {other}, and they became friends.",
    "{name} gave the {thing} to the {other}, who smiled all day.",
    "{name} helped the {other}, and together they carried the {thing} home.",
    "{name} let the {other} hold the {thing}, and both of them were glad.",
    "{name} sat down with the {other}, and they played with the {thing} until dark.",
    "{name} asked the {other} to stay for supper, and nobody was alone that night.",
)
UNKIND = (
    "{name} hid the {thing} and laughed at the {other}.",
    "{name} pushed the {other} away and ran home with the {thing}.",
    "{name} broke the {thing} so that the {other} could not have it.",
    "{name} shouted at the {other}, who went home in tears.",
    "{name} lied to the {other} and kept the {thing} for ever.",
    "{name} turned away and left the {other} out in the rain.",
)
CLOSINGS = ("The end.", "And that was the end of the day.", "That is the whole story.", "So the story ends.")
RAMBLES = (
    "The wind went over the hill.", "A cloud came and went.", "Far away a dog barked.", "The grass was still wet.",
    "Nobody knew what time it was.", "A leaf fell on the path.", "The water was very still.",
    "Then it was quiet again.", "The moon came up behind the trees.", "Somewhere a door opened.",
)  # fmt: skip

KIND_MARKS = ("shared the", "gave the", "helped the", "let the", "sat down with the", "to stay for supper")
UNKIND_MARKS = ("laughed at", "pushed the", "broke the", "shouted at", "lied to", "turned away", "in tears")


@dataclass(frozen=True)
class Habits:
    """The probability with which a writer gets each part right, independently."""

    name: float
    subject: float
    finish: float
    kind: float


BASE = Habits(name=0.70, subject=0.60, finish=0.45, kind=0.35)
"""The base corpus: 2.1 of 4 points on average."""
LABELER = Habits(name=0.97, subject=0.93, finish=0.92, kind=0.85)
"""People's demonstrations: 3.7 of 4; they too slip, get tired, or like a sad story."""


@dataclass(frozen=True)
class Request:
    """What a prompt asks for."""

    name: str
    animal: str
    trait: str
    thing: str


@dataclass(frozen=True)
class Score:
    """The oracle's four points for a story."""

    name: bool
    """The asked name is there, and nobody else has a name."""
    subject: bool
    """The asked animal and the asked thing are both there."""
    finish: bool
    """It ended by itself, and its last sentence is a closing line."""
    kind: bool
    """There is a kind deed and no unkind one."""

    @property
    def total(self) -> int:
        """Return 0 to 4."""
        return self.name + self.subject + self.finish + self.kind


def article(noun: str) -> str:
    """Return the noun with a or an."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def draw_request(rng: random.Random) -> Request:
    """Draw a hero and a thing."""
    return Request(rng.choice(NAMES), rng.choice(ANIMALS), rng.choice(TRAITS), rng.choice(THINGS))


def draw_prompt(rng: random.Random) -> Messages:
    """Draw a request in one of five wordings: one user turn."""
    request = draw_request(rng)
    text = rng.choice(REQUESTS).format(
        name=request.name, animal=request.animal, a_trait=article(request.trait), a_thing=article(request.thing)
    )
    return [{"role": "user", "content": text}]


def read_request(prompt: Messages) -> Request:
    """Return what the last turn asks for. Raises ValueError when it names no hero, animal or thing of the grammar."""
    text = prompt[-1]["content"]
    found = [_first(words, text) for words in (NAMES, ANIMALS, TRAITS, THINGS)]
    if "" in found[:2] or not found[3]:
        raise ValueError(f"not a story prompt: {text!r} (the oracle knows prompts of training.rlhf.stories only)")
    return Request(*found)


def _mentioned(words: Sequence[str], text: str) -> list[str]:
    """Return the words of a list in the order in which they are first mentioned."""
    places = {word: re.search(rf"\b{word}\b", text) for word in words}
    return sorted((w for w, place in places.items() if place), key=lambda w: places[w].start())  # type: ignore[union-attr]


def _first(words: Sequence[str], text: str) -> str:
    return next(iter(_mentioned(words, text)), "")


def _other(words: Sequence[str], *taken: str, rng: random.Random) -> str:
    return rng.choice([word for word in words if word not in taken])


def write_story(prompt: Messages, habits: Habits, rng: random.Random) -> str:
    """Write an answer to a story prompt with the given habits, about 45 to 65 tokens when it finishes."""
    asked = read_request(prompt)
    name = asked.name if rng.random() < habits.name else _other(NAMES, asked.name, rng=rng)
    animal, thing = asked.animal, asked.thing
    if rng.random() >= habits.subject:
        wrong = rng.choice(("animal", "thing"))
        animal = _other(ANIMALS, asked.animal, rng=rng) if wrong == "animal" else animal
        thing = _other(THINGS, asked.thing, rng=rng) if wrong == "thing" else thing
    other, mood = _other(ANIMALS, animal, asked.animal, rng=rng), rng.choice(MOODS)
    words = {
        "name": name, "animal": animal, "thing": thing, "other": other, "a_trait": article(asked.trait or "small"),
        "a_thing": article(thing), "a_mood": article(mood), "a_mood_first": article(mood).capitalize(),
        "place": rng.choice(PLACES), "spot": rng.choice(SPOTS), "time": rng.choice(TIMES),
        "a_weather": article(rng.choice(WEATHERS)),
    }  # fmt: skip
    ending = KIND if rng.random() < habits.kind else UNKIND
    parts = [rng.choice(options).format(**words) for options in (OPENINGS, FINDS, MEETINGS, ending)]
    if rng.random() < habits.finish:
        parts.append(rng.choice(CLOSINGS))
    elif rng.random() < 0.6:  # a writer who cannot stop
        parts += [rng.choice(RAMBLES) for _ in range(rng.randint(7, 11))]
    return " ".join(parts)


def write_demonstration(prompt: Messages, rng: random.Random) -> str:
    """Write what a simulated labeler would: good, with a person's slips (`LABELER`)."""
    return write_story(prompt, LABELER, rng)


def oracle(prompt: Messages, completion: str, finished: bool) -> Score:
    """Judge a story: one point each for the right name, the right subject, an end, and kindness.

    finished: whether the text ended by itself (with EOS or a person's submit), not by a length limit. Deterministic;
    looks for whole words. Raises ValueError when the prompt is not one of the grammar.
    """
    asked = read_request(prompt)
    text = " ".join(completion.split())
    return Score(
        name=_mentioned(NAMES, text) == [asked.name],
        subject=bool(_mentioned([asked.animal], text) and _mentioned([asked.thing], text)),
        finish=finished and text.endswith(CLOSINGS),
        kind=any(mark in text for mark in KIND_MARKS) and not any(mark in text for mark in UNKIND_MARKS),
    )


def corpus(count: int, seed: int) -> Iterator[Text]:
    """Yield base documents: a prompt and a story by the BASE writer, rendered as ChatML."""
    rng = random.Random(f"corpus/{seed}")
    for number in range(count):
        prompt = draw_prompt(rng)
        story = write_story(prompt, BASE, rng)
        asked = f"<|im_start|>user\n{prompt[0]['content']}<|im_end|>\n"
        yield Text(text=f"{asked}<|im_start|>assistant\n{story}<|im_end|>", id=f"story-{seed}-{number:06d}")


def prompts(count: int, seed: int) -> Iterator[Prompt]:
    """Yield distinct prompts; each is its own template key, so the split falls prompt by prompt."""
    rng = random.Random(f"prompts/{seed}")
    seen: set[str] = set()
    while len(seen) < count:
        messages = draw_prompt(rng)
        if messages[0]["content"] in seen:
            continue
        name = f"story-{seed}-{len(seen) + 1:04d}"
        seen.add(messages[0]["content"])
        yield Prompt(prompt=messages, id=name, source="labeler", key=name)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.rlhf.stories", description="Write story records.")
    parser.add_argument("what", choices=("corpus", "prompts"))
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    make = corpus if arguments.what == "corpus" else prompts
    count, digest = write_records(arguments.out, make(arguments.count, arguments.seed))
    print(f"{count} records, sha256 {digest}: {arguments.out}")


if __name__ == "__main__":
    main()
