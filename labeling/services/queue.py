"""The queue: one path by which work is given out, given back and found again."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import can_label
from labeling.exceptions import AlreadyAnswered, AnswerRefused
from labeling.models import Assignment, AssignmentState, Project, SlotState, TaskKind
from labeling.services import ready
from labeling.services.claims import claim_slot
from labeling.services.leases import hold, lock_lease, serialize_labeler
from labeling.services.nothing import Nothing, refuse_new_work, why_nothing
from labeling.services.standing import Standing, stand
from labeling.services.texts import check_note

SKIP_REASONS = {
    "expertise": _("outside my expertise"),
    "harmful": _("harmful or upsetting"),
    "broken": _("broken"),
    "unclear": _("unclear"),
    "language": _("wrong language"),
    "other": _("something else"),
}
_TRIES = 3


@dataclass(frozen=True)
class Claim:
    """Either the token of a lease or the reason why there is none."""

    token: uuid.UUID | None = None
    nothing: Nothing | None = None

    @cached_property
    def assignment(self) -> Assignment | None:
        """The leased assignment with slot, task, prompt, project and round, read when it is asked for."""
        related = ("slot", "task__project", "task__prompt", "task__round", "labeler")
        return Assignment.objects.select_related(*related).get(token=self.token) if self.token else None


@transaction.atomic
def claim_next(*, labeler: User, project: Project, kind: str | None = None) -> Claim:
    """Give the labeler the next judgement of `kind` (any kind when None), or say why there is none.

    First what they already hold; then what was kept ready for them; then what they held, if a slot of its task is open
    again; then a new one they are qualified for: by priority, then at random, never the same task twice, never a
    prompt that they wrote themselves. What is in hand goes on under the guidelines it began under; nothing new is given
    out before the newest are read.
    """
    now = timezone.now()
    standing = stand(labeler=labeler, project=project) if can_label(labeler) else None
    if standing is None:
        return Claim(nothing=Nothing("not_member"))
    kinds: list[str] = [kind] if kind else list(TaskKind.values)
    in_hand = _in_hand(standing, kinds)
    token = _resume(standing, in_hand, AssignmentState.ACTIVE, now=now)
    if token is not None:
        return Claim(token)
    refusal = refuse_new_work(standing)
    if refusal is not None:
        ready.give_back(labeler)
        return Claim(nothing=refusal)
    return _take(standing, in_hand, kinds, now=now)


def _take(standing: Standing, in_hand: list[_InHand], kinds: list[str], *, now: datetime) -> Claim:
    until = standing.lease_end(now)
    if any(lease.kept_ready for lease in in_hand):
        token = ready.open_kept(standing, kinds=kinds, now=now, until=until)
        if token is not None:
            return Claim(token)
        ready.give_back(standing.labeler)
    token = _resume(standing, in_hand, AssignmentState.EXPIRED, now=now)
    nothing = Nothing("done")
    for _attempt in range(_TRIES):
        token = token or claim_slot(standing, kinds=kinds, now=now, until=until, seen=True)
        if token is not None:
            return Claim(token)
        freed = release_expired(now=now, round_id=standing.round_id) or ready.give_up_one(standing, kinds=kinds)
        if freed:
            continue
        nothing, open_now = why_nothing(standing, kinds=kinds, now=now)
        # Open slots that others are claiming at this very moment were skipped; look again before saying no.
        if not open_now:
            break
    return Claim(nothing=nothing)


@dataclass(frozen=True)
class _InHand:
    token: uuid.UUID
    state: str
    kept_ready: bool
    wanted: bool
    """Of the project and a kind that is asked for; an expired one: of the open round, with a slot that is open."""


# By hand, as the query of `stand`.
_IN_HAND = """
SELECT lease.token, lease.state, lease.opened_at IS NULL,
    task.project_id = %(project)s AND task.kind = ANY(%(kinds)s) AND (
        lease.state = 'active' OR task.round_id = %(round)s
        AND (SELECT bool_or(slot.state = 'open') FROM labeling_slot slot WHERE slot.task_id = task.id)
    )
FROM labeling_assignment lease JOIN labeling_task task ON task.id = lease.task_id
WHERE lease.labeler_id = %(labeler)s AND lease.state IN ('active', 'expired')
ORDER BY lease.claimed_at
"""


def _in_hand(standing: Standing, kinds: list[str]) -> list[_InHand]:
    """Return what the labeler holds or held, in any project, the oldest first."""
    values = {"labeler": standing.labeler.pk, "project": standing.project_id, "round": standing.round_id}
    with connection.cursor() as cursor:
        cursor.execute(_IN_HAND, values | {"kinds": [str(kind) for kind in kinds]})
        return [
            _InHand(token, state, kept_ready=state == AssignmentState.ACTIVE and unseen, wanted=bool(wanted))
            for token, state, unseen, wanted in cursor.fetchall()
        ]


def _resume(standing: Standing, in_hand: list[_InHand], state: str, *, now: datetime) -> uuid.UUID | None:
    for lease in in_hand:
        if lease.state != state or lease.kept_ready or not lease.wanted:
            continue
        if hold(lock_lease(token=lease.token, labeler=standing.labeler), now=now):
            return lease.token
    return None


@transaction.atomic
def keep_ready(*, token: uuid.UUID | str, labeler: User) -> tuple[Assignment, Claim]:
    """Keep one more task of the same kind ready beside the one that `token` leases, so that it opens at once.

    It is reserved for a few minutes, is nobody's begun work until `claim_next` gives it out or its page is opened, and
    goes back to the queue when the time is over, when the labeler stops, or when somebody else would go without.
    Asking again prolongs it. The task of the token itself counts as seen; it comes back first.
    """
    now = timezone.now()
    beside = lock_lease(token=token, labeler=labeler)
    hold(beside, now=now)
    standing = stand(labeler=labeler, project=beside.task.project) if can_label(labeler) else None
    refusal = Nothing("not_member") if standing is None else refuse_new_work(standing)
    if standing is None or refusal is not None:
        ready.give_back(labeler)
        return beside, Claim(nothing=refusal)
    kinds = [beside.task.kind]
    kept = ready.prolong(standing, kinds=kinds, now=now)
    if kept is None:
        ready.give_back(labeler)
        kept = claim_slot(standing, kinds=kinds, now=now, until=ready.kept_until(standing, now), seen=False)
    return beside, Claim(kept) if kept else Claim(nothing=why_nothing(standing, kinds=kinds, now=now)[0])


@transaction.atomic
def stop(*, labeler: User) -> None:
    """Put back what is kept ready for the labeler: they do not go on for now."""
    serialize_labeler(labeler)
    ready.give_back(labeler)


@transaction.atomic
def open_task(*, token: uuid.UUID | str, labeler: User) -> Assignment:
    """Give a task that was only kept ready the full lease, because its labeler sees it now."""
    assignment = lock_lease(token=token, labeler=labeler)
    if assignment.state == AssignmentState.ACTIVE and assignment.opened_at is None:
        hold(assignment, now=timezone.now())
    return assignment


@transaction.atomic
def renew(*, token: uuid.UUID | str, labeler: User) -> Assignment:
    """Prolong a lease as a sign of life. One that ran out is taken again if its slot is open, else left expired."""
    assignment = lock_lease(token=token, labeler=labeler)
    hold(assignment, now=timezone.now())
    return assignment


@transaction.atomic
def skip(*, token: uuid.UUID | str, labeler: User, reason: str, note: str = "") -> Assignment:
    """Pass a task over for good, saying why; its slot is free for others, its draft stays."""
    if reason not in SKIP_REASONS:
        raise AnswerRefused(fields={"reason": [_("Choose one of the reasons.")]})
    assignment = lock_lease(token=token, labeler=labeler)
    assignment.skip_reason, assignment.skip_note = reason, check_note(note)
    return _give_back(assignment, AssignmentState.SKIPPED)


@transaction.atomic
def release(*, token: uuid.UUID | str, labeler: User) -> Assignment:
    """Give a task back without a judgement; others get it."""
    return _give_back(lock_lease(token=token, labeler=labeler), AssignmentState.RELEASED)


def _give_back(assignment: Assignment, state: AssignmentState) -> Assignment:
    if assignment.state == AssignmentState.SUBMITTED:
        raise AlreadyAnswered(_("This task was submitted already. Revise your answer in My work."))
    if assignment.state == AssignmentState.ACTIVE:
        assignment.slot.state, assignment.slot.held_until = SlotState.OPEN, None
        assignment.slot.save(update_fields=["state", "held_until"])
    assignment.state, assignment.ended_at = state, timezone.now()
    assignment.save(update_fields=["state", "ended_at", "skip_reason", "skip_note"])
    return assignment


# What was only kept ready leaves no trace: its labeler never saw it and may be given it again.
_RELEASE = """
WITH overdue AS (
    SELECT id FROM labeling_slot
    WHERE state = 'held' AND held_until <= %(now)s AND (%(round)s::bigint IS NULL OR round_id = %(round)s::bigint)
    ORDER BY id
    FOR UPDATE SKIP LOCKED
), ended AS (
    UPDATE labeling_assignment SET state = 'expired'
    FROM overdue
    WHERE labeling_assignment.slot_id = overdue.id AND labeling_assignment.state = 'active' AND opened_at IS NOT NULL
), gone AS (
    DELETE FROM labeling_assignment USING overdue
    WHERE labeling_assignment.slot_id = overdue.id AND labeling_assignment.state = 'active' AND opened_at IS NULL
)
UPDATE labeling_slot SET state = 'open', held_until = NULL FROM overdue WHERE labeling_slot.id = overdue.id
"""


def release_expired(*, now: datetime, round_id: int | None = None) -> int:
    """Open the slots whose lease ran out and return how many. Drafts stay; their owners may still submit."""
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, {"now": now, "round": round_id})
        return cursor.rowcount
