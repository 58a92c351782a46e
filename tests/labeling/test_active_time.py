"""Active time: added by the server as the page counted it, and never more than has passed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from labeling.models import Assignment
from labeling.services import drafts
from labeling.services.active_time import count_active
from tests.factories import AssignmentFactory

pytestmark = pytest.mark.django_db


def opened(minutes_ago: float) -> Assignment:
    return AssignmentFactory(claimed_at=timezone.now() - timedelta(minutes=minutes_ago))


def save(assignment: Assignment, text: str, seconds: int) -> Assignment:
    assignment.refresh_from_db()
    drafts.save_draft(
        token=assignment.token,
        labeler=assignment.labeler,
        draft={"text": text},
        base_version=assignment.draft_version,
        active_seconds=seconds,
    )
    assignment.refresh_from_db()
    return assignment


def test_drafts_add_up() -> None:
    assignment = opened(10)
    assert save(assignment, "a", 40).active_seconds == 40
    Assignment.objects.update(active_counted_at=timezone.now() - timedelta(seconds=90))
    assert save(assignment, "ab", 30).active_seconds == 70


def test_never_more_than_the_wall_clock() -> None:
    assert save(opened(1), "a", 5_000).active_seconds in (60, 61)


def test_two_tabs_do_not_count_twice() -> None:
    assignment = opened(1)
    save(assignment, "a", 60)
    # The other tab counted the same minute.
    assert save(assignment, "a", 60).active_seconds in (60, 61)


def test_a_prefetched_task_counts_from_when_it_was_opened() -> None:
    assignment = opened(10)
    Assignment.objects.update(opened_at=timezone.now() - timedelta(seconds=20))
    assert save(assignment, "a", 300).active_seconds in (20, 21)


def test_nonsense_adds_nothing() -> None:
    assert save(opened(1), "a", -5).active_seconds == 0
    assert save(opened(0), "a", 10).active_seconds <= 1


def test_the_last_stretch_comes_with_the_submission(client: Client) -> None:
    assignment = opened(2)
    save(assignment, "a", 30)
    Assignment.objects.update(active_counted_at=timezone.now() - timedelta(seconds=50))
    client.force_login(assignment.labeler)
    for _again in range(2):
        client.post(f"/tasks/{assignment.token}/submit/", {"text": "an answer", "active_seconds": "20"})
        assignment.refresh_from_db()
        assert assignment.active_seconds == 50
    other = opened(1)
    client.force_login(other.labeler)
    client.post(f"/tasks/{other.token}/submit/", {"text": "an answer", "active_seconds": "99999999"})
    other.refresh_from_db()
    assert other.active_seconds in (60, 61)


@given(
    saves=st.lists(
        st.tuples(st.floats(0, 120, allow_nan=False), st.integers(-5, 200)),
        max_size=12,
    )
)
def test_the_sum_is_bounded_and_loses_less_than_it_rounds(saves: list[tuple[float, int]]) -> None:
    start = timezone.now()
    assignment = Assignment(claimed_at=start)
    now, honest = start, 0
    for passed, told in saves:
        now += timedelta(seconds=passed)
        before = assignment.active_seconds
        count_active(assignment, told, now=now)
        assert assignment.active_seconds >= before
        honest += max(told, 0)
    assert assignment.active_seconds <= min(honest, (now - start).total_seconds())


def test_saving_each_second_loses_no_fraction() -> None:
    start = timezone.now()
    assignment, now = Assignment(claimed_at=start), start
    for _save in range(50):
        now += timedelta(seconds=1.9)
        count_active(assignment, 2, now=now)
    assert assignment.active_seconds == 95
