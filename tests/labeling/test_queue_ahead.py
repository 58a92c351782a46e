"""What is kept ready: at most one, for some minutes, nobody's begun work and nobody's loss."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import User
from labeling.models import Assignment, AssignmentState, Project, Round, Slot, SlotState
from labeling.services import drafts, queue
from tests.factories import AssignmentFactory, ProjectFactory, RoundFactory, TaskFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def turn() -> Round:
    return RoundFactory()


@pytest.fixture
def labeler(turn: Round) -> User:
    return UserFactory(member_of=turn.project)


def begin(labeler: User, turn: Round) -> Assignment:
    assignment = queue.claim_next(labeler=labeler, project=turn.project, kind="write").assignment
    assert assignment is not None
    return assignment


def keep(labeler: User, beside: Assignment) -> Assignment | None:
    return queue.keep_ready(token=beside.token, labeler=labeler)[1].assignment


def kept(labeler: User, beside: Assignment) -> Assignment:
    found = keep(labeler, beside)
    assert found is not None
    return found


def held_slots() -> int:
    return Slot.objects.filter(state=SlotState.HELD).count()


def test_one_more_is_kept_and_asking_again_keeps_the_same(turn: Round, labeler: User) -> None:
    TaskFactory.create_batch(5, round=turn)
    beside = begin(labeler, turn)
    ahead = kept(labeler, beside)
    assert ahead.kept_ready and ahead.task_id != beside.task_id
    assert ahead.expires_at < timezone.now() + timedelta(minutes=6)
    assert kept(labeler, beside).token == ahead.token and held_slots() == 2


def test_the_next_claim_gives_it_out_with_a_full_lease(turn: Round, labeler: User) -> None:
    TaskFactory.create_batch(5, round=turn)
    beside = begin(labeler, turn)
    ahead = kept(labeler, beside)
    queue.skip(token=beside.token, labeler=labeler, reason="other")
    following = begin(labeler, turn)
    assert following.token == ahead.token and following.opened_at is not None
    assert following.expires_at > timezone.now() + timedelta(minutes=19)
    assert following.slot.held_until == following.expires_at


def test_asking_without_submitting_gives_back_what_is_in_hand(turn: Round, labeler: User) -> None:
    TaskFactory.create_batch(3, round=turn)
    beside = begin(labeler, turn)
    keep(labeler, beside)
    assert begin(labeler, turn).token == beside.token


def test_it_goes_back_without_a_trace_when_its_time_is_over(turn: Round, labeler: User) -> None:
    TaskFactory.create_batch(2, round=turn)
    beside = begin(labeler, turn)
    ahead = kept(labeler, beside)
    assert queue.release_expired(now=timezone.now() + timedelta(minutes=6)) == 1
    assert not Assignment.objects.filter(pk=ahead.pk).exists() and held_slots() == 1
    assert kept(labeler, beside).task_id == ahead.task_id, "it may come again: it was never seen"


def test_stopping_gives_it_back_and_work_in_hand_stays(turn: Round, labeler: User) -> None:
    TaskFactory.create_batch(3, round=turn)
    beside = begin(labeler, turn)
    keep(labeler, beside)
    queue.stop(labeler=labeler)
    assert list(Assignment.objects.of(labeler)) == [beside] and held_slots() == 1


def test_a_pause_and_a_closed_round_take_it_back(turn: Round, labeler: User) -> None:
    TaskFactory.create_batch(3, round=turn)
    beside = begin(labeler, turn)
    keep(labeler, beside)
    Project.objects.filter(pk=turn.project_id).update(paused=True)
    _beside, claim = queue.keep_ready(token=beside.token, labeler=labeler)
    assert claim.nothing is not None and claim.nothing.reason == "paused" and held_slots() == 1


def test_who_would_go_without_gets_what_is_only_kept_for_another(turn: Round, labeler: User) -> None:
    TaskFactory.create_batch(2, round=turn)
    beside = begin(labeler, turn)
    ahead = kept(labeler, beside)
    other = UserFactory(member_of=turn.project)
    assert begin(other, turn).task_id == ahead.task_id
    nothing = queue.claim_next(labeler=UserFactory(member_of=turn.project), project=turn.project).nothing
    assert nothing is not None and nothing.reason == "reserved", "what is seen is nobody else's"
    queue.skip(token=beside.token, labeler=labeler, reason="other")
    nothing = queue.claim_next(labeler=labeler, project=turn.project).nothing
    assert nothing is not None and nothing.reason == "reserved"


def test_kept_ready_in_one_project_is_given_back_for_work_in_another(turn: Round, labeler: User) -> None:
    TaskFactory.create_batch(2, round=turn)
    keep(labeler, begin(labeler, turn))
    there = RoundFactory(project=ProjectFactory())
    TaskFactory.create_batch(2, round=there)
    UserFactory._meta.model.objects.get(pk=labeler.pk).projects.add(there.project)
    keep(labeler, begin(labeler, there))
    assert Assignment.objects.of(labeler).kept_ready().get().task.round == there


def test_the_database_refuses_a_second_one(labeler: User) -> None:
    AssignmentFactory(labeler=labeler, opened_at=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        AssignmentFactory(labeler=labeler, opened_at=None)


def test_a_draft_or_a_look_makes_it_begun(turn: Round, labeler: User) -> None:
    TaskFactory.create_batch(2, round=turn)
    beside = begin(labeler, turn)
    ahead = kept(labeler, beside)
    drafts.save_draft(token=ahead.token, labeler=labeler, draft={"text": "A word"}, base_version=0)
    ahead.refresh_from_db()
    assert not ahead.kept_ready
    queue.release_expired(now=timezone.now() + timedelta(hours=1))
    ahead.refresh_from_db()
    assert ahead.state == AssignmentState.EXPIRED and ahead.draft == {"text": "A word"}


def test_fetching_a_page_ahead_opens_nothing_and_reading_it_does(client: Client, turn: Round, labeler: User) -> None:
    TaskFactory.create_batch(3, round=turn)
    client.force_login(labeler)
    beside = begin(labeler, turn)
    said = client.post(f"/tasks/{beside.token}/ready/").json()
    assert not said["lease"]["expired"] and said["until"]
    page = client.get(said["next"], headers={"sec-purpose": "prefetch"})
    assert page.status_code == 200 and "data-kept-ready" in page.content.decode()
    assert Assignment.objects.of(labeler).kept_ready().count() == 1
    assert "data-kept-ready" not in client.get(said["next"]).content.decode()
    assert not Assignment.objects.of(labeler).kept_ready().exists()


def test_it_is_not_begun_work_anywhere(client: Client, turn: Round, labeler: User) -> None:
    TaskFactory.create_batch(3, round=turn)
    client.force_login(labeler)
    beside = begin(labeler, turn)
    ahead = kept(labeler, beside)
    listed = [row["token"] for row in client.get("/api/v1/my-work/").json()["results"]]
    assert listed == [str(beside.token)]
    page = client.get("/").content.decode()
    assert str(beside.token) in page and str(ahead.token) not in page
    assert not Assignment.objects.of(labeler).kept_ready().exists(), "a look at Work gives it back"


def test_programs_keep_one_ready_too(client: Client, turn: Round, labeler: User) -> None:
    TaskFactory.create_batch(2, round=turn)
    client.force_login(labeler)
    beside = begin(labeler, turn)
    ahead = client.post(f"/api/v1/assignments/{beside.token}/ready/").json()["assignment"]
    client.post(f"/api/v1/assignments/{beside.token}/demonstration/", {"text": "Mine."})
    following = client.post(f"/api/v1/projects/{turn.project.slug}/next/").json()["assignment"]
    assert following["token"] == ahead["token"]


def test_another_persons_token_keeps_nothing(client: Client, turn: Round, labeler: User) -> None:
    TaskFactory.create_batch(2, round=turn)
    beside = begin(labeler, turn)
    client.force_login(UserFactory(member_of=turn.project))
    assert client.post(f"/tasks/{beside.token}/ready/").status_code == 404
    assert held_slots() == 1
