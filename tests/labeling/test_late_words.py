"""Words that stand in no answer are on the page of their task: of a task passed over, and sent after the submission."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from labeling.models import Assignment
from labeling.services import drafts, queue
from tests.factories import AssignmentFactory, CompareTaskFactory, TaskFactory, UserFactory

pytestmark = pytest.mark.django_db


def lease(client: Client, task: Any) -> Assignment:
    made: Assignment = AssignmentFactory(task=task, labeler=UserFactory(member_of=task.project))
    client.force_login(made.labeler)
    return made


def page(client: Client, held: Assignment) -> str:
    return client.get(f"/tasks/{held.token}/").content.decode()


def test_what_was_sent_after_the_submission_is_shown(client: Client) -> None:
    held = lease(client, TaskFactory())
    drafts.save_draft(token=held.token, labeler=held.labeler, draft={"text": "First words."}, base_version=0)
    client.post(f"/tasks/{held.token}/submit/", {"text": "First words."})
    assert "First words." not in page(client, held), "they are in the answer"
    late = client.post(f"/tasks/{held.token}/submit/", {"text": "Later words.", "note": "A later note."}, follow=True)
    assert late.redirect_chain == [(f"/tasks/{held.token}/", 302)]
    assert "Later words." in late.content.decode() and "A later note." in late.content.decode()


def test_of_a_comparison_passed_over_the_edit_and_the_note_are_shown(client: Client) -> None:
    held = lease(client, CompareTaskFactory())
    draft = {"edited_text": "A better answer.", "note": "All poor.", "ranks": {}}
    drafts.save_draft(token=held.token, labeler=held.labeler, draft=draft, base_version=0)
    queue.skip(token=held.token, labeler=held.labeler, reason="other")
    assert "A better answer." in page(client, held) and "All poor." in page(client, held)


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("kind", ["write", "compare", "plain", "few_shot"])
@pytest.mark.parametrize(
    "draft",
    [
        {"text": [1], "note": {}, "prompt_flags": 7, "pairs": 3, "category": []},
        {"text": 5, "note": None, "prompt_flags": {"a": 1}, "pairs": [1, {"query": 1}], "category": {"a": 1}},
        {"ranks": [1], "answers": {"1": 5}, "strength": "x", "edited_text": {}, "qualities": 5, "pairs": [{}] * 50},
        {"ranks": {"1": 10**4000}, "strength": 10**4000, "answers": {"x": {"quality": 10**4000}}},
    ],
)
def test_a_draft_of_any_shape_breaks_no_page(client: Client, kind: str, draft: dict[str, Any], ends: bool) -> None:
    brief = {"kind": kind}
    tasks = {"write": TaskFactory, "compare": CompareTaskFactory}
    held = lease(client, tasks[kind]() if kind in tasks else TaskFactory(prompt=None, kind="prompt", brief=brief))
    drafts.save_draft(token=held.token, labeler=held.labeler, draft=draft, base_version=0)
    if ends:
        queue.skip(token=held.token, labeler=held.labeler, reason="other")
    for place in (f"/tasks/{held.token}/", f"/api/v1/assignments/{held.token}/", "/", "/my-work/"):
        assert client.get(place).status_code == 200
