"""Why there is nothing for a labeler: said exactly, and never "done" while anything is open or held."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db import connection
from django.db.models import Exists, Min, OuterRef, Q, QuerySet

from labeling.models import Assignment, AssignmentState, Slot, SlotState
from labeling.services.standing import LaneRow, Standing

Reason = Literal[
    "done", "reserved", "not_member", "not_qualified", "paused", "no_open_round", "none_left_for_you", "guidelines"
]  # fmt: skip
REASONS: tuple[Reason, ...] = (
    "done",
    "reserved",
    "not_member",
    "not_qualified",
    "paused",
    "no_open_round",
    "none_left_for_you",
    "guidelines",
)


@dataclass(frozen=True)
class Nothing:
    """Why there is no work right now.

    `until`: when the first reserved task may come free. `languages`, `skills`, `sensitive`: what open work asks for
    that this labeler does not have, or does not want to see.
    """

    reason: Reason
    until: datetime | None = None
    languages: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    sensitive: bool = False


def refuse_new_work(standing: Standing) -> Nothing | None:
    """Return why a member is given nothing new, whatever is open; None when nothing stands against it."""
    if standing.paused:
        return Nothing("paused")
    if standing.round_id is None:
        return Nothing("no_open_round")
    if standing.unread_guidelines:
        return Nothing("guidelines")
    return None


def open_to(standing: Standing, kinds: Iterable[str]) -> QuerySet[Slot]:
    """Return the round's slots that this labeler may fill, unless they are done."""
    ended = Assignment.objects.filter(task=OuterRef("task"), labeler=standing.labeler)
    return (
        _slots(standing, kinds)
        .filter(lane__in=standing.lane_pks)
        .exclude(Q(task__prompt__author=standing.labeler, task__prompt__author__isnull=False))
        .exclude(Exists(ended.exclude(state=AssignmentState.EXPIRED)))
    )


def _slots(standing: Standing, kinds: Iterable[str]) -> QuerySet[Slot]:
    # Callers add the state, for each has an index of its own: "not done" would look at every slot that is.
    return Slot.objects.filter(round=standing.round_id, kind__in=[str(kind) for kind in kinds])


def why_nothing(standing: Standing, *, kinds: list[str], now: datetime) -> tuple[Nothing, bool]:
    """Return the reason, and whether an open slot is there all the same (others are taking it at this moment)."""
    mine = open_to(standing, kinds)
    until = mine.filter(state=SlotState.HELD).aggregate(first=Min("held_until"))["first"]
    open_now = mine.filter(state=SlotState.OPEN).exists()
    if until is not None or open_now:
        return Nothing("reserved", until=max(until or now, now)), open_now
    wanted = _open_lanes(standing, standing.closed_lanes, kinds)
    if wanted:
        return _not_qualified(standing, wanted), False
    everybody = _slots(standing, kinds)
    left = any(everybody.filter(state=state).exists() for state in (SlotState.OPEN, SlotState.HELD))
    return Nothing("none_left_for_you" if left else "done"), False


def _not_qualified(standing: Standing, wanted: list[LaneRow]) -> Nothing:
    member = standing.membership
    languages = {
        lane.language for lane in wanted if not member.may_take(language=lane.language, skill="", sensitive=False)
    }
    skills = {lane.skill for lane in wanted if not member.may_take(language="", skill=lane.skill, sensitive=False)}
    hidden = not member.shows_sensitive and any(lane.sensitive for lane in wanted)
    return Nothing("not_qualified", languages=tuple(sorted(languages)), skills=tuple(sorted(skills)), sensitive=hidden)


_LANES_WITH_WORK = """
SELECT lane FROM unnest(%(lanes)s::bigint[]) lane
WHERE EXISTS (
    SELECT 1 FROM unnest(%(kinds)s::text[]) kind, LATERAL (
        SELECT 1 FROM labeling_slot slot
        WHERE slot.round_id = %(round)s AND slot.kind = kind AND slot.lane_id = lane AND slot.state = 'open' LIMIT 1
    ) found
)
"""


def _open_lanes(standing: Standing, lanes: list[LaneRow], kinds: list[str]) -> list[LaneRow]:
    """Return those of `lanes` in which a slot is open, each found by one look into the index."""
    if not lanes:
        return []
    values: dict[str, Any] = {
        "lanes": [lane.pk for lane in lanes],
        "kinds": [str(kind) for kind in kinds],
        "round": standing.round_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LANES_WITH_WORK, values)
        found = {row[0] for row in cursor.fetchall()}
    return [lane for lane in lanes if lane.pk in found]
