"""What waits, and the preview, through the API."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from labeling.models import Membership
from labeling.services import queue
from tests.factories import CompareTaskFactory, PromptFactory, RoundFactory, TaskFactory, UserFactory

pytestmark = pytest.mark.django_db


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_what_waits_is_said_and_nothing_is_given_out() -> None:
    current = RoundFactory()
    TaskFactory.create_batch(2, round=current)
    CompareTaskFactory(round=current)
    labeler = UserFactory(member_of=current.project)
    (row,) = client_of(labeler).get("/api/v1/work/").json()
    assert row["project"] == current.project.slug
    assert row["waiting"] == {"write": 2, "compare": 1, "prompt": 0}
    assert row["nothing"] is None and row["begun"] == []
    claim = queue.claim_next(labeler=labeler, project=current.project, kind="write")
    assert claim.assignment is not None
    (row,) = client_of(labeler).get("/api/v1/work/").json()
    assert [begun["token"] for begun in row["begun"]] == [str(claim.assignment.token)]
    assert row["waiting"]["write"] == 1


def test_why_there_is_nothing() -> None:
    current = RoundFactory()
    TaskFactory(round=current, prompt=PromptFactory(project=current.project, language="zh"))
    labeler = UserFactory(member_of=current.project)
    Membership.objects.filter(user=labeler).update(languages=["en"])
    (row,) = client_of(labeler).get("/api/v1/work/").json()
    assert row["nothing"]["reason"] == "not_qualified"
    assert row["nothing"]["languages"] == ["zh"]


def test_the_preview_is_what_the_page_shows() -> None:
    client = client_of(UserFactory())
    html = client.post("/api/v1/preview/", {"text": "**bold** <script>alert(1)</script>"}, format="json").json()["html"]
    assert "<strong>bold</strong>" in html and "<script>" not in html
    refused = client.post("/api/v1/preview/", {"text": "x" * 100_001}, format="json")
    assert refused.status_code == 400
    assert "text" in refused.json()["error"]["fields"]
    assert APIClient().post("/api/v1/preview/", {"text": "x"}, format="json").status_code == 401
