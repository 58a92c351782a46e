"""The flags of a prompt [P7]: what is stored, what is refused, and that nothing is ever answered for the labeler."""

from __future__ import annotations

import pytest
from django.test import Client
from rest_framework.test import APIClient

from labeling import prompt_flags
from labeling.exceptions import AlreadyAnswered, AnswerRefused
from labeling.models import Assignment, Demonstration
from labeling.services import answers, drafts, revisions
from tests.factories import AssignmentFactory

TABLE_7 = [
    "ambiguous",
    "sensitive content",
    "identity dependent",
    "closed domain",
    "continuation style",
    "requests opinionated content",
    "requests advice",
    "requests moral judgement",
    "contains explicit safety constraints",
    "contains other explicit constraints",
    "intent unclear",
]


@pytest.fixture
def assignment(db: None) -> Assignment:
    return AssignmentFactory()


def submit(assignment: Assignment, flags: list[str] | None) -> Demonstration:
    return answers.submit_demonstration(
        token=assignment.token, labeler=assignment.labeler, text="An answer.", prompt_flags=flags
    )


def test_the_flags_are_those_of_table_7() -> None:
    assert [str(flag.label) for flag in prompt_flags.flags_of("table7")] == TABLE_7
    keys = [flag.key for flag in prompt_flags.flags_of()]
    assert len(set(keys)) == len(keys) == 11


@pytest.mark.parametrize(
    ("chosen", "none", "stored"),
    [([], False, None), ([], True, []), (["ambiguous"], False, ["ambiguous"]), (["ambiguous"], True, ["ambiguous"])],
)
def test_nothing_ticked_is_unanswered(chosen: list[str], none: bool, stored: list[str] | None) -> None:
    assert prompt_flags.read_flags(chosen, none=none) == stored


@pytest.mark.parametrize("flags", [None, [], ["requests_advice"]])
def test_flags_are_stored_with_the_answer(assignment: Assignment, flags: list[str] | None) -> None:
    assert submit(assignment, flags).prompt_flags == flags
    assert Demonstration.objects.get().prompt_flags == flags


def test_flags_stand_in_the_order_of_their_set(assignment: Assignment) -> None:
    answer = submit(assignment, ["intent_unclear", "ambiguous", "intent_unclear"])
    assert answer.prompt_flags == ["ambiguous", "intent_unclear"]


@pytest.mark.parametrize("flags", [["unheard of"], "ambiguous", {"ambiguous": True}, [["ambiguous"]], [1]])
def test_what_is_no_flag_is_refused_and_nothing_is_stored(assignment: Assignment, flags: object) -> None:
    with pytest.raises(AnswerRefused) as refusal:
        submit(assignment, flags)  # type: ignore[arg-type]
    assert "ambiguous" in str(refusal.value) and "prompt_flags" in refusal.value.fields
    assert not Demonstration.objects.exists()


def test_the_same_answer_with_other_flags_is_another_answer(assignment: Assignment) -> None:
    first = submit(assignment, ["ambiguous"])
    assert submit(assignment, ["ambiguous"]) == first
    with pytest.raises(AlreadyAnswered):
        submit(assignment, [])
    assignment.refresh_from_db()
    assert assignment.draft["prompt_flags"] == [] and Demonstration.objects.count() == 1


def test_a_revision_keeps_the_flags_unless_it_changes_them(assignment: Assignment) -> None:
    first = submit(assignment, ["ambiguous"])
    second = revisions.revise_demonstration(actor=assignment.labeler, previous=first, text="Better.")
    assert second.prompt_flags == ["ambiguous"]
    third = revisions.revise_demonstration(actor=assignment.labeler, previous=second, text="Better.", prompt_flags=None)
    assert third.prompt_flags is None
    first.refresh_from_db()
    assert first.prompt_flags == ["ambiguous"]


def test_flags_through_the_page(assignment: Assignment, client: Client) -> None:
    client.force_login(assignment.labeler)
    drafts.save_draft(
        token=assignment.token, labeler=assignment.labeler, draft={"text": "", "prompt_flags": []}, base_version=0
    )
    page = client.get(f"/tasks/{assignment.token}/").content.decode()
    assert 'name="prompt_flags_none" value="1" checked' in page and page.count('name="prompt_flag"') == 11
    body = {"text": "Yes.", "prompt_flag": ["ambiguous", "requests_advice"], "then": "stop"}
    assert client.post(f"/tasks/{assignment.token}/submit/", body).status_code == 302
    answer = Demonstration.objects.get()
    assert answer.prompt_flags == ["ambiguous", "requests_advice"]
    page = client.get(f"/my-work/answers/{answer.pk}/").content.decode()
    assert 'value="requests_advice" checked' in page
    client.post(f"/my-work/answers/{answer.pk}/", {"text": "No.", "prompt_flags_none": "1", "reason": "looked again"})
    assert Demonstration.objects.current().get().prompt_flags == []


def test_a_refused_form_keeps_its_flags(assignment: Assignment, client: Client) -> None:
    client.force_login(assignment.labeler)
    refused = client.post(f"/tasks/{assignment.token}/submit/", {"text": " ", "prompt_flag": "ambiguous"})
    assert refused.status_code == 400 and 'value="ambiguous" checked' in refused.content.decode()


def test_flags_through_the_api(assignment: Assignment) -> None:
    me = APIClient()
    me.force_authenticate(assignment.labeler)
    place = f"/api/v1/assignments/{assignment.token}/demonstration/"
    refused = me.post(place, {"text": "Yes.", "prompt_flags": ["odd"]})
    assert refused.status_code == 400 and refused.json()["error"]["fields"]["prompt_flags"]
    assert me.post(place, {"text": "Yes.", "prompt_flags": ["ambiguous"]}).json()["prompt_flags"] == ["ambiguous"]
