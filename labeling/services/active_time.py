"""Active time: what the page counted, never more than the clock on the wall."""

from __future__ import annotations

from datetime import datetime, timedelta

from labeling.models import Assignment


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
