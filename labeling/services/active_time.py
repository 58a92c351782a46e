"""Active time: what the page counted, never more than the clock on the wall."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from accounts.models import User
from labeling.models import Assignment

LONGEST_STRETCH = 86_400


def count_active(assignment: Assignment, seconds: int, *, now: datetime) -> list[str]:
    """Add `seconds` with signs of life to a locked assignment; returns the columns that the caller is to save.

    No more is added than has passed since time was last counted, else since the task was opened: a page that lies, or
    two tabs of the same task, cannot make more time than there was.
    """
    if seconds <= 0:
        return []
    marks = [assignment.opened_at or assignment.claimed_at, assignment.claimed_at, assignment.active_counted_at]
    since = max(mark for mark in marks if mark is not None)
    passed = max(0, int((now - since).total_seconds()))
    assignment.active_seconds += min(seconds, passed)
    # Whole seconds only: the fraction is counted next time instead of being lost at each save.
    assignment.active_counted_at = since + timedelta(seconds=passed)
    return ["active_seconds", "active_counted_at"]


# GREATEST passes over what is null.
_LAST = """
UPDATE labeling_assignment
SET active_seconds = active_seconds + LEAST(%(seconds)s, GREATEST(0, FLOOR(EXTRACT(
        EPOCH FROM ended_at - GREATEST(opened_at, claimed_at, active_counted_at)))))::int,
    active_counted_at = ended_at
WHERE token = %(token)s AND labeler_id = %(labeler)s AND state = 'submitted'
"""


def count_last(*, token: uuid.UUID, labeler: User, seconds: int) -> None:
    """Add what the page counted between the last draft and the submission; the same again adds nothing."""
    if seconds > 0:
        values: dict[str, Any] = {"seconds": min(seconds, LONGEST_STRETCH), "token": token, "labeler": labeler.pk}
        with connection.cursor() as cursor:
            cursor.execute(_LAST, values)
