"""Revisions, reviews, questions and one's own figures by program: the same services, the same rules as on the pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from labeling.judgements import ComparisonJudgement
from labeling.models import Assignment, Comparison, Demonstration, Project
from labeling.services import answers
from tests.factories import (
    AssignmentFactory,
    CompareTaskFactory,
    ProjectFactory,
    ReviewerFactory,
    RoundFactory,
    TaskFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

API = "/api/v1"


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="helper")


@pytest.fixture
def ada(project: Project) -> User:
    return UserFactory(member_of=project, username="ada")


@pytest.fixture
def rita(project: Project) -> User:
    return ReviewerFactory(member_of=project, username="rita")


@pytest.fixture
def written(project: Project, ada: User) -> Assignment:
    work = AssignmentFactory(task=TaskFactory(round=RoundFactory(project=project)), labeler=ada)
    answers.submit_demonstration(token=work.token, labeler=ada, text="An answer.")
    return work


@pytest.fixture
def ranked(project: Project, ada: User) -> Assignment:
    turn = project.rounds.first() or RoundFactory(project=project)
    work = AssignmentFactory(task=CompareTaskFactory(round=turn, outputs=["one", "two"]), labeler=ada)
    ranks = {pk: number for number, pk in enumerate(work.shown_order, start=1)}
    answers.submit_comparison(token=work.token, labeler=ada, judgement=ComparisonJudgement(ranks=ranks))
    return work


def code(answer: Any) -> str:
    return str(answer.json()["error"]["code"])


def test_a_labeler_revises_until_it_is_frozen(ada: User, written: Assignment, ranked: Assignment) -> None:
    me = client_of(ada)
    place = f"{API}/assignments/{written.token}/revisions/"
    body = {"revision": 1, "text": "A better answer.", "reason": "clearer"}
    assert me.post(place, body, format="json").status_code == 201
    assert code(me.post(place, body, format="json")) == "already_revised"
    rows = me.get(place).json()
    assert [(row["revision"], row["says"]["text"], row["actor"], row["reason"]) for row in rows] == [
        (1, "An answer.", "ada", ""), (2, "A better answer.", "ada", "clearer"),
    ]  # fmt: skip
    Demonstration.objects.update(frozen_at=timezone.now())
    assert me.post(place, {**body, "revision": 2}, format="json").status_code == 409
    first, second = ranked.shown_order
    place = f"{API}/assignments/{ranked.token}/revisions/"
    assert me.post(place, {"revision": 1, "ranks": {str(first): 1}}, format="json").status_code == 400
    turned = {"revision": 1, "ranks": {str(first): 2, str(second): 1}, "reason": "turned round"}
    assert me.post(place, turned, format="json").json()["says"]["summary"] == "B > A"
    assert Comparison.objects.count() == 2


def test_a_review_by_program(ada: User, rita: User, written: Assignment) -> None:
    me, reviewer = client_of(ada), client_of(rita)
    listed = reviewer.get(f"{API}/review/").json()["results"]
    assert [(row["id"], row["labeler"], row["verdict"]) for row in listed] == [(written.pk, "ada", None)]
    place = f"{API}/review/{written.pk}/"
    shown = reviewer.get(place).json()
    assert shown["answers"][0]["text"] == "An answer." and shown["disagreement"] is None
    sent_back = {"revision": 1, "verdict": "sent_back"}
    assert "comment" in reviewer.post(place, sent_back, format="json").json()["error"]["fields"]
    said = reviewer.post(place, {**sent_back, "comment": "Longer.", "score": 3}, format="json")
    assert said.status_code == 201 and said.json()["score"] == 3
    assert [row["id"] for row in reviewer.get(f"{API}/review/?show=sent_back").json()["results"]] == [written.pk]
    mine = me.get(f"{API}/my-work/?state=sent_back").json()["results"]
    assert [(row["verdict"], row["unread"]) for row in mine] == [("sent_back", True)]
    feedback = me.get(f"{API}/assignments/{written.token}/reviews/").json()
    assert [(row["reviewer"], row["comment"]) for row in feedback] == [("rita", "Longer.")]
    assert me.get(f"{API}/my-work/").json()["results"][0]["unread"] is False
    edit = {"revision": 1, "text": "A longer answer.", "reason": "done myself"}
    assert reviewer.post(f"{place}edit/", edit, format="json").json()["verdict"] == "edited"
    assert code(reviewer.post(f"{place}edit/", edit, format="json")) == "already_revised"


def test_a_comparison_under_review_names_no_policy(rita: User, ranked: Assignment) -> None:
    reviewer = client_of(rita)
    shown = reviewer.get(f"{API}/review/{ranked.pk}/")
    assert set(shown.json()["outputs"].values()) == {"one", "two"}
    assert not {"policy", "checkpoint", "sample"} & set(str(shown.json()).replace('"', " ").replace("'", " ").split())
    first, second = ranked.shown_order
    turned = {"revision": 1, "ranks": {str(first): 2, str(second): 1}, "reason": "the second"}
    assert reviewer.post(f"{API}/review/{ranked.pk}/edit/", turned, format="json").status_code == 201


def test_questions_by_program(ada: User, rita: User, written: Assignment) -> None:
    me, reviewer = client_of(ada), client_of(rita)
    place = f"{API}/assignments/{written.token}/thread/"
    assert me.post(place, {"text": " "}, format="json").status_code == 400
    assert me.post(place, {"text": "Why?"}, format="json").status_code == 201
    assert [row["work"] for row in reviewer.get(f"{API}/questions/").json()["results"]] == [written.pk]
    assert reviewer.post(f"{API}/review/{written.pk}/thread/", {"text": "So."}, format="json").status_code == 201
    assert reviewer.get(f"{API}/questions/").json()["results"] == []
    assert [(row["author"], row["text"]) for row in me.get(place).json()] == [("ada", "Why?"), ("rita", "So.")]


def test_own_figures(ada: User, written: Assignment) -> None:
    Assignment.objects.update(active_seconds=90)
    said = client_of(ada).get(f"{API}/my-work/figures/").json()
    assert (said["write"]["today"], said["write"]["all_seconds"]) == (1, 90)


def test_who_may(ada: User, rita: User, written: Assignment, project: Project) -> None:
    rival, stranger = client_of(UserFactory(member_of=project)), client_of(ReviewerFactory())
    for path in ("thread/", "reviews/", "revisions/"):
        assert rival.get(f"{API}/assignments/{written.token}/{path}").status_code == 404
    for path in ("review/", f"review/{written.pk}/", "questions/"):
        assert client_of(ada).get(f"{API}/{path}").status_code == 403, path
    assert stranger.get(f"{API}/review/{written.pk}/").status_code == 404
    assert stranger.get(f"{API}/review/").json()["results"] == []
    own = AssignmentFactory(task=TaskFactory(round=RoundFactory(project=ProjectFactory())), labeler=rita)
    assert client_of(rita).get(f"{API}/review/{own.pk}/").status_code == 404
