"""What queue, drafts and answers share: locking a labeler's lease, renewing it, taking its slot.

Locks are always taken in one order, labeler → slot → assignment, so that they cannot wait for each other.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import connection

from accounts.models import User
from labeling.exceptions import AssignmentNotFound
from labeling.models import Assignment, AssignmentState, Project, Slot, SlotState

# Any number will do, as long as no other advisory lock of the project uses it.
_LABELER_LOCK = 20220


def labeler_lock(labeler: User) -> list[int]:
    """Return the two numbers of the advisory lock that stands for a labeler."""
    return [_LABELER_LOCK, labeler.pk % 2**31]


def serialize_labeler(labeler: User) -> None:
    """Let this labeler's other requests wait until this transaction ends: two tabs never claim twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", labeler_lock(labeler))


def lock_lease(*, token: uuid.UUID | str, labeler: User) -> Assignment:
    """Return the labeler's assignment with that token, its slot and then itself locked. Raises AssignmentNotFound."""
    serialize_labeler(labeler)
    leases = Assignment.objects.of(labeler).select_for_update(of=("slot", "self"))
    try:
        found = leases.select_related("slot", "task__project", "task__prompt", "task__round").get(token=token)
    except (Assignment.DoesNotExist, ValidationError) as error:  # the latter: not a UUID
        raise AssignmentNotFound from error
    found.labeler = labeler
    return found


def lease_end(project: Project, now: datetime) -> datetime:
    return now + timedelta(minutes=project.lease_minutes)


def hold(assignment: Assignment, *, now: datetime) -> bool:
    """Renew a locked lease as a sign of life of who sees the task; take a slot again if it ran out. Saves both rows.

    One that ran out gets its slot back, or another of the same task, if one is open. Returns whether the labeler holds
    a slot afterwards. A submitted, skipped or released one is left alone.
    """
    if assignment.state == AssignmentState.EXPIRED:
        slot = _open_slot(assignment)
        if slot is not None:
            assignment.slot, assignment.state = slot, AssignmentState.ACTIVE
    if assignment.state != AssignmentState.ACTIVE:
        return False
    until = lease_end(assignment.task.project, now)
    assignment.slot.state, assignment.slot.held_until = SlotState.HELD, until
    assignment.slot.save(update_fields=["state", "held_until"])
    assignment.expires_at = until
    assignment.opened_at = assignment.opened_at or now
    assignment.save(update_fields=["slot", "state", "expires_at", "opened_at"])
    return True


def _open_slot(assignment: Assignment) -> Slot | None:
    """Return the slot of a locked assignment, else another of its task, that is open; locked."""
    if assignment.slot.state == SlotState.OPEN:
        return assignment.slot
    others = Slot.objects.select_for_update(skip_locked=True).filter(task=assignment.task, state=SlotState.OPEN)
    return others.order_by("number").first()


def fill_slot(assignment: Assignment) -> bool:
    """Mark a slot of the locked assignment's task as done and return True; False when none is left (surplus).

    An active lease fills its own slot, even overdue: it became *expired* if somebody else could have taken it. Any
    other may still fill its old slot, or another of the same task, when that is open.
    """
    slot = assignment.slot if assignment.state == AssignmentState.ACTIVE else _open_slot(assignment)
    if slot is None:
        return False
    slot.state, slot.held_until = SlotState.DONE, None
    slot.save(update_fields=["state", "held_until"])
    assignment.slot = slot
    return True
