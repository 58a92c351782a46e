"""What the Compare page is given and what its form sends back, for every kind of form and mode."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from labeling.built_in_forms import ATTRIBUTES, INSTRUCTGPT, TOXICITY
from labeling.judgement_forms import as_json
from labeling.judgements import ComparisonJudgement
from labeling.models import Assignment, Comparison, JudgementForm
from labeling.services.judging import asked_for
from labeling.views.judgement import compare_context, draft_of, read_comparison
from tests.factories import AssignmentFactory, CompareTaskFactory, ProjectFactory, RoundFactory


def lease(form: Any = INSTRUCTGPT, **settings: Any) -> Assignment:
    project = ProjectFactory(**settings)
    JudgementForm.objects.create(project=project, version=1, name="asked", fields=as_json(form))
    made: Assignment = AssignmentFactory(
        task=CompareTaskFactory(round=RoundFactory(project=project), outputs=["one", "two"])
    )
    return made


def posted(**values: Any) -> QueryDict:
    form = QueryDict(mutable=True)
    for name, value in values.items():
        form.setlist(name, value if isinstance(value, list) else [value])
    return form


def test_the_form_of_the_page_is_read_by_kind() -> None:
    form = posted(
        rank_7="1", rank_8="2", answer_7_quality="6", answer_7_hallucination="on", answer_8_constraint="none",
        no_flag_7="on", note="hm", none_acceptable="on", prompt_flag=["ambiguous"], edited_text="better", strength="",
    )  # fmt: skip
    said = read_comparison(form, INSTRUCTGPT)
    flags = {field.key: False for field in INSTRUCTGPT if field.kind == "flag"}
    assert said.answers == {7: {**flags, "quality": 6, "hallucination": True}, 8: {"constraint": "none"}}
    assert (said.ranks, said.strength, said.prompt_flags) == ({7: 1, 8: 2}, None, ["ambiguous"])
    assert (said.note, said.none_acceptable, said.edited_text) == ("hm", True, "better")


def test_what_nobody_touched_is_absent_and_what_is_no_answer_is_left_to_the_service() -> None:
    form = posted(
        answer_7_quality="", answer_7_charm="5", answer_8_quality="6.5", rank_7="first", rank_x="1", strength="-3"
    )
    said = read_comparison(form, INSTRUCTGPT)
    assert said.answers == {7: {"charm": "5"}, 8: {"quality": "6.5"}}
    assert (said.ranks, said.strength) == ({7: "first"}, -3)


def test_older_drafts_are_read_and_nonsense_in_a_draft_is_passed_over() -> None:
    old = {"ranks": {"7": 1}, "qualities": {"7": 5, "8": None}, "none_acceptable": True, "note": "hm"}
    said = ComparisonJudgement.from_draft(old)
    assert (said.ranks, said.answers, said.none_acceptable, said.note) == ({7: 1}, {7: {"quality": 5}}, True, "hm")
    strange = {"ranks": [1], "answers": {"7": 5, "x": {}}, "strength": True, "note": 4, "prompt_flags": [1, "a"]}
    assert ComparisonJudgement.from_draft(strange) == ComparisonJudgement(prompt_flags=["a"])


pks = st.integers(1, 10**9)
answers = st.dictionaries(pks, st.dictionaries(st.sampled_from(["quality", "tone"]), st.integers(0, 7), min_size=1))


@given(st.builds(
    ComparisonJudgement, ranks=st.dictionaries(pks, st.integers(1, 12)), answers=answers,
    strength=st.none() | st.integers(-4, 4), none_acceptable=st.booleans(),
    prompt_flags=st.none() | st.lists(st.sampled_from(["ambiguous", "sensitive_content"]), max_size=2),
))  # fmt: skip
def test_a_draft_keeps_a_whole_judgement(said: ComparisonJudgement) -> None:
    assert ComparisonJudgement.from_draft(json.loads(json.dumps(said.as_draft()))) == said


@pytest.mark.django_db
def test_the_page_shows_the_draft_in_the_order_shown() -> None:
    held = lease()
    held.shown_order = held.shown_order[::-1]
    first, second = held.shown_order
    draft = ComparisonJudgement(
        ranks={first: 2},
        answers={first: {"quality": 6, "violent": True, "gone": 1}, second: {"quality": 9}},
    ).as_draft()
    shown = compare_context(held, draft, asked_for(held))
    one, two = shown["outputs"]
    assert (one.completion.pk, one.letter, one.rank, two.letter, two.rank) == (first, "A", 2, "B", None)
    told = {question.field.key: question.value for question in one.questions if question.answered}
    assert told == {"quality": 6, "violent": True}, "what the form does not ask is not shown"
    assert not any(question.answered for question in two.questions), "no default, and nothing out of range"
    assert [option.value for option in one.questions[0].options if option.checked] == ["6"]
    assert (shown["mode"], shown["strengths"], shown["overall"], shown["edit_step"]) == (
        "ranking",
        [],
        "quality",
        False,
    )
    assert len(one.flags) == 10 and not one.no_flag


@pytest.mark.django_db
def test_no_flag_applies_is_an_answer_of_its_own() -> None:
    held = lease()
    first, _second = held.shown_order
    said = read_comparison(posted(**{f"no_flag_{first}": "on"}), INSTRUCTGPT)
    one, two = compare_context(held, said.as_draft(), asked_for(held))["outputs"]
    assert one.no_flag and not two.no_flag and not any(flag.value for flag in one.flags)


@pytest.mark.django_db
@pytest.mark.parametrize(("mode", "levels"), [("strength", 4), ("seven_point", 3)])
def test_a_pair_offers_every_strength_on_both_sides_of_the_tie(mode: str, levels: int) -> None:
    held = lease(TOXICITY, compare_mode=mode)
    shown = compare_context(held, {"strength": -1}, asked_for(held))
    values = [one.value for one in shown["strengths"]]
    assert values == list(range(-levels, levels + 1)) and shown["mode"] == mode and shown["overall"] is None
    assert [one.value for one in shown["strengths"] if one.checked] == [-1]
    assert [one.letter for one in shown["strengths"]] == ["A"] * levels + [""] + ["B"] * levels
    texts = [one.text for one in shown["strengths"]]
    assert texts[:levels] == texts[:levels:-1] and len(set(texts)) == levels + 1


@pytest.mark.django_db
@pytest.mark.parametrize("mode", ["ranking", "strength"])
def test_the_page_submits_what_it_showed(client: Client, mode: str) -> None:
    held = lease(ATTRIBUTES, compare_mode=mode, edit_step=True, ratings_first=True)
    first, second = held.shown_order
    client.force_login(held.labeler)
    address = f"/tasks/{held.token}/submit/"
    order = {f"rank_{first}": "2", f"rank_{second}": "1"} if mode == "ranking" else {"strength": "3"}
    given = {f"answer_{pk}_{field.key}": "3" for pk in held.shown_order for field in ATTRIBUTES}
    unrated = client.post(address, {**order, "edited_text": "two, mended"})
    assert unrated.status_code == 400 and "rates first" in unrated.content.decode()
    assert unrated.context["draft"]["edited_text"] == "two, mended", "nothing that was typed is lost"
    sent = client.post(address, {**order, **given, "edited_text": "two, mended", "note": "hm", "then": "stop"})
    assert sent.status_code == 302
    row = Comparison.objects.get()
    assert row.summary() == "B > A" and (row.edited_text, row.edited_from_id) == ("two, mended", second)
    assert [output.answers["verbosity"] for output in row.judged.all()] == [3, 3]
    stored = draft_of(row)
    assert stored["strength"] == (None if mode == "ranking" else 3)
    assert ComparisonJudgement.from_draft(stored).answers[first] == dict.fromkeys([f.key for f in ATTRIBUTES], 3)
