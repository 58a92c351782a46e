"""The queue: one path by which work is given out, given back and found again."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db import connection, transaction
from django.db.models import Exists, Min, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import can_label
from labeling.exceptions import AlreadyAnswered, AnswerRefused
from labeling.models import (
    Acknowledgement,
    Assignment,
    AssignmentState,
    Membership,
    Project,
    Round,
    Slot,
    SlotState,
    TaskKind,
)
from labeling.services.leases import hold, lease_end, lock_lease, serialize_labeler

Reason = Literal["done", "reserved", "not_member", "paused", "no_open_round", "none_left_for_you", "guidelines"]
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
class Nothing:
    """Why there is no work right now. `until`: when the first reserved task may come free."""

    reason: Reason
    until: datetime | None = None


@dataclass(frozen=True)
class Claim:
    """Either an assignment, with task, prompt and project loaded, or the reason why there is none."""

    assignment: Assignment | None = None
    nothing: Nothing | None = None


# One statement picks, holds and leases. {among} is a fixed text of this module, never input.
_CLAIM = """
WITH picked AS (
    SELECT slot.id, slot.task_id
    FROM labeling_slot slot
    JOIN labeling_task task ON task.id = slot.task_id
    LEFT JOIN labeling_prompt prompt ON prompt.id = task.prompt_id
    WHERE slot.round_id = %(round)s AND slot.kind = %(kind)s AND slot.state = 'open'
      AND prompt.author_id IS DISTINCT FROM %(labeler)s
      AND {among}
    ORDER BY slot.priority DESC, slot.random_key
    LIMIT 1
    FOR UPDATE OF slot SKIP LOCKED
), held AS (
    UPDATE labeling_slot SET state = 'held', held_until = %(until)s
    FROM picked WHERE labeling_slot.id = picked.id
    RETURNING labeling_slot.id, labeling_slot.task_id
)
INSERT INTO labeling_assignment (
    token, slot_id, task_id, labeler_id, state, claimed_at, expires_at, shown_order, draft, draft_version,
    skip_reason, skip_note, active_seconds
)
SELECT %(token)s, held.id, held.task_id, %(labeler)s, 'active', %(now)s, %(until)s,
    COALESCE(
        (SELECT jsonb_agg(output.id ORDER BY random()) FROM labeling_completion output
         WHERE output.task_id = held.task_id),
        '[]'
    ),
    '{{}}', 0, '', '', 0
FROM held
ON CONFLICT (task_id, labeler_id) DO UPDATE
    SET slot_id = excluded.slot_id, state = 'active', claimed_at = excluded.claimed_at,
        expires_at = excluded.expires_at
RETURNING id
"""
_CLAIM_NEW = _CLAIM.format(
    among="""NOT EXISTS (
        SELECT 1 FROM labeling_assignment mine WHERE mine.task_id = slot.task_id AND mine.labeler_id = %(labeler)s
      )"""
)
# The labeler's own expired assignment comes back with its token, order and draft when a slot of its task is open.
_CLAIM_AGAIN = _CLAIM.format(among="slot.task_id = ANY(%(expired)s)")


@transaction.atomic
def claim_next(*, labeler: User, project: Project, kind: str | None = None) -> Claim:
    """Give the labeler the next judgement of `kind` (any kind when None), or say why there is none.

    First what they already hold; then what they held, if its slot is open again; then a new one: by priority, then at
    random, never twice the same task, never a prompt that they wrote themselves. What is in hand goes on under the
    guidelines it began under; nothing new is given out before the newest are read.
    """
    now = timezone.now()
    serialize_labeler(labeler)
    if not can_label(labeler) or not Membership.objects.filter(project=project, user=labeler).exists():
        return Claim(nothing=Nothing("not_member"))
    kinds: list[str] = [kind] if kind else [TaskKind.WRITE, TaskKind.COMPARE]
    held = _resume(labeler=labeler, project=project, kinds=kinds, now=now)
    if held is not None:
        return Claim(assignment=held)
    if Project.objects.filter(pk=project.pk, paused=True).exists():
        return Claim(nothing=Nothing("paused"))
    current = Round.objects.current(project)
    if current is None:
        return Claim(nothing=Nothing("no_open_round"))
    if Acknowledgement.objects.wanted_in(projects=[project.pk], user=labeler):
        return Claim(nothing=Nothing("guidelines"))
    nothing = Nothing("done")
    for _attempt in range(_TRIES):
        for wanted in kinds:
            pk = _claim(labeler=labeler, project=project, round=current, kind=wanted, now=now)
            if pk is not None:
                return Claim(assignment=_load(pk))
        released = release_expired(now=now, round=current)
        nothing, open_now = _why_nothing(labeler=labeler, round=current, kinds=kinds, now=now)
        # Open slots that others are claiming at this very moment were skipped; look again before saying no.
        if not released and not open_now:
            break
    return Claim(nothing=nothing)


def _resume(*, labeler: User, project: Project, kinds: list[str], now: datetime) -> Assignment | None:
    mine = Assignment.objects.of(labeler).filter(
        task__project=project, task__kind__in=kinds, state=AssignmentState.ACTIVE
    )
    for token in mine.order_by("claimed_at").values_list("token", flat=True):
        assignment = lock_lease(token=token, labeler=labeler)
        if hold(assignment, now=now):
            return _load(assignment.pk)
    return None


def _claim(*, labeler: User, project: Project, round: Round, kind: str, now: datetime) -> int | None:
    values: dict[str, Any] = {
        "round": round.pk,
        "kind": str(kind),
        "labeler": labeler.pk,
        "now": now,
        "until": lease_end(project, now),
        "token": uuid.uuid4(),
    }
    expired = Assignment.objects.of(labeler).filter(state=AssignmentState.EXPIRED, task__round=round, task__kind=kind)
    values["expired"] = list(expired.values_list("task_id", flat=True))
    with connection.cursor() as cursor:
        for statement in (_CLAIM_AGAIN, _CLAIM_NEW) if values["expired"] else (_CLAIM_NEW,):
            cursor.execute(statement, values)
            row = cursor.fetchone()
            if row is not None:
                return int(row[0])
    return None


def _load(pk: int) -> Assignment:
    return Assignment.objects.select_related("slot", "task__project", "task__prompt", "task__round", "labeler").get(
        pk=pk
    )


def open_to(*, labeler: User, round: Round, kinds: list[str]) -> QuerySet[Slot]:
    """Return the round's slots that are not done and that this labeler may fill, now or later."""
    ended = Assignment.objects.filter(task=OuterRef("task"), labeler=labeler).exclude(state=AssignmentState.EXPIRED)
    return (
        Slot.objects.filter(round=round, kind__in=kinds)
        .exclude(state=SlotState.DONE)
        .exclude(Q(task__prompt__author=labeler, task__prompt__author__isnull=False))
        .exclude(Exists(ended))
    )


def _why_nothing(*, labeler: User, round: Round, kinds: list[str], now: datetime) -> tuple[Nothing, bool]:
    mine = open_to(labeler=labeler, round=round, kinds=kinds)
    until = mine.filter(state=SlotState.HELD).aggregate(first=Min("held_until"))["first"]
    open_now = mine.filter(state=SlotState.OPEN).exists()
    if until is not None or open_now:
        return Nothing("reserved", until=max(until or now, now)), open_now
    left = Slot.objects.filter(round=round, kind__in=kinds).exclude(state=SlotState.DONE).exists()
    return Nothing("none_left_for_you" if left else "done"), False


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
    assignment.skip_reason, assignment.skip_note = reason, note.strip()
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


_RELEASE = """
WITH overdue AS (
    SELECT id FROM labeling_slot
    WHERE state = 'held' AND held_until <= %(now)s AND (%(round)s::bigint IS NULL OR round_id = %(round)s::bigint)
    ORDER BY id
    FOR UPDATE SKIP LOCKED
), ended AS (
    UPDATE labeling_assignment SET state = 'expired'
    FROM overdue WHERE labeling_assignment.slot_id = overdue.id AND labeling_assignment.state = 'active'
)
UPDATE labeling_slot SET state = 'open', held_until = NULL FROM overdue WHERE labeling_slot.id = overdue.id
"""


def release_expired(*, now: datetime, round: Round | None = None) -> int:
    """Open the slots whose lease ran out and return how many. Drafts stay; their owners may still submit."""
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, {"now": now, "round": round.pk if round else None})
        return cursor.rowcount
