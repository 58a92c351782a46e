"""Texts that cannot be stored as they come, through every door: what PostgreSQL cannot hold, what is far too long."""

from __future__ import annotations

import pytest
from django.test import Client

from labeling.judgements import ComparisonJudgement
from labeling.models import Assignment, Comparison, Demonstration
from labeling.services import answers
from tests.factories import AssignmentFactory, CompareTaskFactory, TaskFactory, UserFactory

pytestmark = pytest.mark.django_db

JSON = {"accept": "application/json"}


def lease(client: Client, kind: str = "write") -> Assignment:
    task = TaskFactory() if kind == "write" else CompareTaskFactory(outputs=["one", "two"])
    made = AssignmentFactory(task=task, labeler=UserFactory(member_of=task.project))
    client.force_login(made.labeler)
    return made


def test_a_nul_in_the_note_of_a_skip(client: Client) -> None:
    skipped = lease(client)
    assert client.post(f"/tasks/{skipped.token}/skip/", {"reason": "other", "skip_note": "a\x00b "}).status_code == 302
    skipped.refresh_from_db()
    assert (skipped.state, skipped.skip_note) == ("skipped", "ab")


@pytest.mark.parametrize("field", ["note", "edited_text"])
def test_a_nul_in_another_judgement_after_the_submission_is_kept_as_the_draft(client: Client, field: str) -> None:
    compared = lease(client, "compare")
    compared.task.project.edit_step = True
    compared.task.project.save()
    first, second = compared.shown_order
    there = f"/tasks/{compared.token}/submit/"
    assert client.post(there, {f"rank_{first}": 1, f"rank_{second}": 2}, headers=JSON).status_code == 200
    late = client.post(there, {f"rank_{first}": 2, f"rank_{second}": 1, field: "a\x00b"}, headers=JSON)
    assert (late.status_code, late.json()["error"]["code"]) == (409, "already_answered")
    compared.refresh_from_db()
    assert compared.draft[field] == "ab"


@pytest.mark.parametrize("door", ["page", "api"])
@pytest.mark.parametrize("kind", ["write", "compare"])
def test_the_reason_of_a_revision_has_a_limit_like_any_note(client: Client, kind: str, door: str) -> None:
    given = lease(client, kind)
    ranks = {pk: number for number, pk in enumerate(given.shown_order, start=1)}
    if kind == "write":
        pk = answers.submit_demonstration(token=given.token, labeler=given.labeler, text="An answer.").pk
    else:
        judgement = ComparisonJudgement(ranks=ranks)
        pk = answers.submit_comparison(token=given.token, labeler=given.labeler, judgement=judgement).pk
    words = {"text": "Another answer.", "reason": "r" * 200_000}
    if door == "page":
        place = f"/my-work/{'answers' if kind == 'write' else 'comparisons'}/{pk}/"
        refused = client.post(place, words | {f"rank_{pk}": rank for pk, rank in ranks.items()})
    else:
        body = words | {"revision": 1, "ranks": {str(pk): 1 for pk in ranks}}
        there = f"/api/v1/assignments/{given.token}/revisions/"
        refused = client.post(there, body, content_type="application/json")
        assert refused.json()["error"]["fields"] == {"reason": ["A note has at most 2000 characters."]}
    assert refused.status_code == 400 and "at most 2000 characters" in refused.content.decode()
    assert (Demonstration if kind == "write" else Comparison).objects.get().reason == ""
