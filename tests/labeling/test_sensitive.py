"""Sensitive content: behind a veil on every page that shows it, and left to those who want to see it."""

from __future__ import annotations

import pytest
from django.test import Client

from labeling.models import Demonstration
from tests.factories import AssignmentFactory, MembershipFactory, PromptFactory, TaskFactory

pytestmark = pytest.mark.django_db

VEIL = "data-sensitive"


@pytest.mark.parametrize("sensitive", [True, False])
def test_a_sensitive_prompt_is_veiled_wherever_a_labeler_reads_it(client: Client, sensitive: bool) -> None:
    prompt = PromptFactory(text="a grim question", sensitive=sensitive)
    labeler = MembershipFactory(project=prompt.project).user
    task = TaskFactory(prompt=prompt, round__project=prompt.project)
    assignment = AssignmentFactory(task=task, labeler=labeler)
    client.force_login(labeler)
    assert ("a grim question" in client.get("/").content.decode()) is not sensitive
    page = client.get(f"/tasks/{assignment.token}/").content.decode()
    assert (VEIL in page) is sensitive
    client.post(f"/tasks/{assignment.token}/submit/", {"text": "an answer"})
    answer = Demonstration.objects.get()
    assert ("a grim question" in client.get("/my-work/").content.decode()) is not sensitive
    assert (VEIL in client.get(f"/my-work/answers/{answer.pk}/").content.decode()) is sensitive
