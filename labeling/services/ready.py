"""Tasks kept ready: claimed ahead of the labeler's asking, at most one each, and nobody's loss."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from accounts.models import User
from labeling.services.claims import ELIGIBLE, values_of
from labeling.services.standing import Standing

KEPT = timedelta(minutes=5)
"""As long as a browser keeps a page that it prefetched."""

_OWN = "lease.labeler_id = %(labeler)s AND lease.state = 'active' AND lease.opened_at IS NULL"
_OF_QUEUE = "slot.round_id = %(round)s AND slot.kind = ANY(%(kinds)s) AND slot.lane_id = ANY(%(lanes)s::bigint[])"

# Slot before assignment, as everywhere; whether the lease is still there is looked at when its row is changed.
# The templates are filled with fixed texts of this module, never with input.
_PROLONG_TEMPLATE = """
WITH kept AS MATERIALIZED (
    SELECT slot.id FROM labeling_slot slot JOIN labeling_assignment lease ON lease.slot_id = slot.id
    WHERE {own} AND slot.state = 'held' AND {queue} FOR UPDATE OF slot
), mine AS (
    UPDATE labeling_assignment lease SET expires_at = %(until)s, opened_at = %(opened)s
    FROM kept WHERE lease.slot_id = kept.id AND {own}
    RETURNING lease.slot_id, lease.token
)
UPDATE labeling_slot SET held_until = %(until)s FROM mine WHERE labeling_slot.id = mine.slot_id RETURNING mine.token
"""
_GIVE_BACK = """
WITH kept AS MATERIALIZED (
    SELECT slot.id FROM labeling_slot slot JOIN labeling_assignment lease ON lease.slot_id = slot.id
    WHERE {which}
), gone AS (
    DELETE FROM labeling_assignment lease USING kept
    WHERE lease.slot_id = kept.id AND lease.state = 'active' AND lease.opened_at IS NULL
    RETURNING lease.slot_id
)
UPDATE labeling_slot SET state = 'open', held_until = NULL FROM gone WHERE labeling_slot.id = gone.slot_id
"""
_PROLONG = _PROLONG_TEMPLATE.format(own=_OWN, queue=_OF_QUEUE)
_GIVE_BACK_OWN = _GIVE_BACK.format(which=f"{_OWN} FOR UPDATE OF slot")
_GIVE_UP_ONE = _GIVE_BACK.format(
    which=f"""lease.state = 'active' AND lease.opened_at IS NULL AND lease.labeler_id <> %(labeler)s
      AND slot.state = 'held' AND {_OF_QUEUE} AND {ELIGIBLE}
    ORDER BY slot.priority DESC, lease.claimed_at DESC LIMIT 1 FOR UPDATE OF slot SKIP LOCKED"""
)


def kept_until(standing: Standing, now: datetime) -> datetime:
    """Return when a task that is kept ready from `now` on goes back."""
    return min(now + KEPT, standing.lease_end(now))


def prolong(standing: Standing, *, kinds: list[str], now: datetime) -> uuid.UUID | None:
    """Keep what is kept ready for the labeler, if it is of these kinds, and return its token."""
    return _prolong(standing, kinds, until=kept_until(standing, now), opened=None)


def open_kept(standing: Standing, *, kinds: list[str], now: datetime, until: datetime) -> uuid.UUID | None:
    """Give what is kept ready to its labeler with a full lease, if it is of these kinds, and return its token."""
    return _prolong(standing, kinds, until=until, opened=now)


def _prolong(standing: Standing, kinds: list[str], *, until: datetime, opened: datetime | None) -> uuid.UUID | None:
    with connection.cursor() as cursor:
        cursor.execute(_PROLONG, values_of(standing, kinds) | {"until": until, "opened": opened})
        row = cursor.fetchone()
        return row[0] if row else None


def give_back(labeler: User) -> int:
    """Put what is kept ready for the labeler back into the queue, as if it had never been claimed."""
    return _give_back(_GIVE_BACK_OWN, {"labeler": labeler.pk})


def give_up_one(standing: Standing, *, kinds: list[str]) -> int:
    """Put one task that is kept ready for somebody else back, for this labeler who would go without; 1 if there is one.

    Who has not seen a task loses nothing, and nobody waits for what nobody works on.
    """
    return _give_back(_GIVE_UP_ONE, values_of(standing, kinds))


def _give_back(statement: str, values: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount
