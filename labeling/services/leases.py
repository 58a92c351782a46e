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


def serialize_labeler(labeler: User) -> None:
    """Let this labeler's other requests wait until this transaction ends: two tabs never claim twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LABELER_LOCK, labeler.pk % 2**31])


def lock_lease(*, token: uuid.UUID | str, labeler: User) -> Assignment:
    """Return the labeler's assignment with that token, it and its slot locked. Raises AssignmentNotFound."""
    serialize_labeler(labeler)
    try:
        found = Assignment.objects.of(labeler).filter(token=token).values_list("pk", "slot_id").first()
    except ValidationError:  # not a UUID
        found = None
    if found is None:
        raise AssignmentNotFound
    slot = Slot.objects.select_for_update().get(pk=found[1])
    assignment = (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("task__project", "task__prompt", "task__round", "labeler")
        .get(pk=found[0])
    )
    assignment.slot = slot
    return assignment


def lease_end(project: Project, now: datetime) -> datetime:
    return now + timedelta(minutes=project.lease_minutes)


def hold(assignment: Assignment, *, now: datetime) -> bool:
    """Renew a locked lease; take its slot again if it ran out and nobody else has the slot. Saves both rows.

    Returns whether the labeler holds the slot afterwards. A submitted, skipped or released one is left alone.
    """
    slot, until = assignment.slot, lease_end(assignment.task.project, now)
    if assignment.state == AssignmentState.EXPIRED and slot.state == SlotState.OPEN:
        assignment.state = AssignmentState.ACTIVE
    if assignment.state != AssignmentState.ACTIVE:
        return False
    slot.state, slot.held_until = SlotState.HELD, until
    slot.save(update_fields=["state", "held_until"])
    assignment.expires_at = until
    assignment.save(update_fields=["state", "expires_at"])
    return True


def fill_slot(assignment: Assignment) -> bool:
    """Mark a slot of the locked assignment's task as done and return True; False when none is left (surplus).

    An active lease fills its own slot, even overdue: it became *expired* if somebody else could have taken it. Any
    other may still fill its old slot, or another of the same task, when that is open.
    """
    slot: Slot | None = assignment.slot
    if assignment.state != AssignmentState.ACTIVE and assignment.slot.state != SlotState.OPEN:
        slot = (
            Slot.objects.select_for_update(skip_locked=True)
            .filter(task=assignment.task, state=SlotState.OPEN)
            .order_by("number")
            .first()
        )
    if slot is None:
        return False
    slot.state, slot.held_until = SlotState.DONE, None
    slot.save(update_fields=["state", "held_until"])
    assignment.slot = slot
    return True
