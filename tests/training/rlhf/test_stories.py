"""The story grammar: what it writes, what the oracle says, and that the shipped prompts are its own."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from training.rlhf.records import Prompt, read_records
from training.rlhf.stories import (
    BASE,
    LABELER,
    REQUESTS,
    THINGS,
    Habits,
    Request,
    article,
    corpus,
    draw_prompt,
    oracle,
    prompts,
    read_request,
    write_demonstration,
    write_story,
)

ASKED = [{"role": "user", "content": "Tell a story about a shy fox named Mia who finds a lantern."}]
GOOD = (
    "Once there was a shy fox named Mia. One morning Mia found a lantern under a bridge. Then a sad hare came along "
    "and wanted to see it. Mia shared the lantern with the hare, and they became friends. The end."
)


def parts(completion: str, finished: bool = True) -> tuple[bool, bool, bool, bool]:
    score = oracle(ASKED, completion, finished)
    return score.name, score.subject, score.finish, score.kind


def test_a_good_story_has_all_four_points():
    assert oracle(ASKED, GOOD, True).total == 4


@pytest.mark.parametrize(
    ("completion", "finished", "expected"),
    [
        (GOOD.replace("Mia", "Leo"), True, (False, True, True, True)),
        (GOOD.replace("Mia found", "Leo found"), True, (False, True, True, True)),
        (GOOD.replace("fox", "owl"), True, (True, False, True, True)),
        (GOOD.replace("lantern", "kite"), True, (True, False, True, True)),
        (GOOD.removesuffix(" The end."), True, (True, True, False, True)),
        (GOOD, False, (True, True, False, True)),
        (GOOD.replace("shared the lantern with", "laughed at"), True, (True, True, True, False)),
        (GOOD.replace("and they became friends", "and then broke the lantern"), True, (True, True, True, False)),
        ("", True, (False, False, False, False)),
        ("Mia Mia Mia foxes lanterns The end.", True, (True, False, True, False)),
    ],
)
def test_each_point_can_be_lost_alone(completion: str, finished: bool, expected: tuple[bool, ...]):
    assert parts(completion, finished) == expected


def test_line_breaks_are_spaces():
    assert oracle(ASKED, GOOD.replace(". ", ".\n") + "\n", True).total == 4


def test_every_wording_is_read_back():
    for wording in REQUESTS:
        text = wording.format(name="Otto", animal="owl", a_trait=article("old"), a_thing=article("umbrella"))
        assert read_request([{"role": "user", "content": text}]) == Request("Otto", "owl", "old", "umbrella")


def test_other_prompts_are_refused():
    with pytest.raises(ValueError, match="not a story prompt"):
        oracle([{"role": "user", "content": "What is two and two?"}], GOOD, True)


def mean_total(habits: Habits, count: int = 1500) -> float:
    rng = random.Random(3)
    drawn = [draw_prompt(rng) for _ in range(count)]
    return sum(oracle(p, write_story(p, habits, rng), True).total for p in drawn) / count


def test_the_base_writer_is_mediocre_and_the_labeler_good():
    assert mean_total(Habits(1, 1, 1, 1), 300) == 4
    assert 1.8 < mean_total(BASE) < 2.4
    assert 3.4 < mean_total(LABELER) < 3.9


def test_each_habit_moves_its_own_point():
    perfect = {"name": 1.0, "subject": 1.0, "finish": 1.0, "kind": 1.0}
    rng = random.Random(1)
    for habit in perfect:
        habits = Habits(**(perfect | {habit: 0.0}))
        for _ in range(50):
            prompt = draw_prompt(rng)
            score = vars(oracle(prompt, write_story(prompt, habits, rng), True))
            assert {name for name, point in score.items() if not point} == {habit}


def test_stories_vary_and_seeds_repeat():
    stories = {write_demonstration(ASKED, random.Random(seed)) for seed in range(200)}
    assert len(stories) > 190
    assert write_demonstration(ASKED, random.Random(5)) == write_demonstration(ASKED, random.Random(5))
    assert [t.text for t in corpus(20, 4)] == [t.text for t in corpus(20, 4)] != [t.text for t in corpus(20, 5)]


def test_corpus_is_rendered_in_the_chat_template_of_our_bases():
    from tests.training.rlhf.conftest import make_tokenizer

    tokenizer = make_tokenizer()
    for document in corpus(20, 0):
        asked = document.text.split("<|im_start|>user\n")[1].split("<|im_end|>")[0]
        rendered = tokenizer.apply_chat_template(
            [{"role": "user", "content": asked}], add_generation_prompt=True, tokenize=False
        )
        assert document.text.startswith(rendered)
        assert document.text.endswith("<|im_end|>")


def test_prompts_are_distinct_and_each_has_its_key():
    drawn = list(prompts(300, 9))
    assert len({p.prompt[0]["content"] for p in drawn}) == len({p.key for p in drawn}) == 300
    assert any(article(thing) in p.prompt[0]["content"] for p in drawn for thing in THINGS)


def test_the_command_makes_the_shipped_prompts_again(tiny_base: Path, tmp_path: Path):
    command = ["prompts", "--count", "400", "--seed", "1", "--out", str(tmp_path / "prompts.jsonl")]
    subprocess.run([sys.executable, "-m", "training.rlhf.stories", *command], check=True)
    assert (tmp_path / "prompts.jsonl").read_bytes() == (tiny_base / "prompts.jsonl").read_bytes()
    assert len(list(read_records(Prompt, tiny_base / "prompts.jsonl"))) == 400


def test_the_grammar_needs_no_torch():
    code = "import sys, training.rlhf.stories; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
