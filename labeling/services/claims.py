"""The one statement that gives a slot out. Its shape leaves the planner no choice; docs/decisions/ say why."""

from __future__ import annotations

import random
import uuid
from datetime import datetime
from typing import Any

from django.db import connection

from labeling.services.standing import Standing

# Of `slot`, for %(labeler)s: no task twice, whatever became of it, and none whose prompt is one's own. Scalar
# subqueries and not joins: they are looked up slot by slot through an index, whatever the statistics say.
ELIGIBLE = """
NOT COALESCE((
    SELECT true FROM labeling_assignment mine
    WHERE mine.task_id = slot.task_id AND mine.labeler_id = %(labeler)s LIMIT 1
), false)
AND (
    SELECT prompt.author_id FROM labeling_task task JOIN labeling_prompt prompt ON prompt.id = task.prompt_id
    WHERE task.id = slot.task_id
) IS DISTINCT FROM %(labeler)s
"""
_OPEN = "slot.round_id = %(round)s AND slot.kind = queue.kind AND slot.lane_id = queue.lane AND slot.state = 'open'"

# `queue`: the lanes with work for the labeler, the highest priority first; among equals the lane whose next slot from
# a random place on is nearest, so that a lane is chosen as often as its share of the slots.
# `picked`: in that order, the first slot from that place on that nobody else is taking at this moment; behind it the
# same priority from its beginning, then the lower ones. Entering anywhere keeps claimers out of each other's way, and
# out of the index entries of slots that are taken already: those pile up where everybody enters.
_TEMPLATE = """
WITH queue AS MATERIALIZED (
    SELECT queue.lane, queue.kind, head.priority
    FROM (SELECT lane, kind FROM unnest(%(lanes)s::bigint[]) lane, unnest(%(kinds)s::text[]) kind) queue
    CROSS JOIN LATERAL (
        SELECT slot.priority FROM labeling_slot slot WHERE {open} AND {eligible}
        ORDER BY slot.priority DESC, slot.random_key LIMIT 1
    ) head
    ORDER BY head.priority DESC, (
        SELECT slot.random_key FROM labeling_slot slot
        WHERE {open} AND slot.priority = head.priority AND slot.random_key >= %(enter)s
        ORDER BY slot.random_key LIMIT 1
    ) NULLS LAST
), picked AS MATERIALIZED (
    SELECT slot.id, slot.task_id
    FROM queue CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT slot.id, slot.task_id FROM labeling_slot slot
            WHERE {open} AND slot.priority = queue.priority AND slot.random_key >= %(enter)s AND {eligible}
            ORDER BY slot.random_key LIMIT 1 FOR UPDATE OF slot SKIP LOCKED
        ) after
        UNION ALL SELECT * FROM (
            SELECT slot.id, slot.task_id FROM labeling_slot slot
            WHERE {open} AND slot.priority = queue.priority AND slot.random_key < %(enter)s AND {eligible}
            ORDER BY slot.random_key LIMIT 1 FOR UPDATE OF slot SKIP LOCKED
        ) before
        UNION ALL SELECT * FROM (
            SELECT slot.id, slot.task_id FROM labeling_slot slot
            WHERE {open} AND slot.priority < queue.priority AND {eligible}
            ORDER BY slot.priority DESC, slot.random_key LIMIT 1 FOR UPDATE OF slot SKIP LOCKED
        ) below
        LIMIT 1
    ) slot
    LIMIT 1
), held AS (
    UPDATE labeling_slot SET state = 'held', held_until = %(until)s
    FROM picked WHERE labeling_slot.id = picked.id
    RETURNING labeling_slot.id, labeling_slot.task_id
)
INSERT INTO labeling_assignment (
    token, slot_id, task_id, labeler_id, state, claimed_at, expires_at, opened_at, shown_order, draft, draft_version,
    skip_reason, skip_note, active_seconds
)
SELECT %(token)s, held.id, held.task_id, %(labeler)s, 'active', %(now)s, %(until)s, %(opened)s,
    COALESCE(
        (SELECT jsonb_agg(output.id ORDER BY random()) FROM labeling_completion output
         WHERE output.task_id = held.task_id),
        '[]'
    ),
    '{{}}', 0, '', '', 0
FROM held
RETURNING id
"""
# Filled with fixed texts of this module, never with input.
_CLAIM = _TEMPLATE.format(open=_OPEN, eligible=ELIGIBLE)


def values_of(standing: Standing, kinds: list[str]) -> dict[str, Any]:
    """Return what statements about a labeler's open lanes are filled with."""
    return {
        "labeler": standing.labeler.pk,
        "round": standing.round_id,
        "lanes": standing.lane_pks,
        "kinds": [str(kind) for kind in kinds],
    }


def claim_statement(
    standing: Standing, *, kinds: list[str], now: datetime, until: datetime, seen: bool
) -> tuple[str, dict[str, Any], uuid.UUID]:
    token = uuid.uuid4()
    values = values_of(standing, kinds) | {
        "enter": random.random(),
        "now": now,
        "until": until,
        "opened": now if seen else None,
        "token": token,
    }
    return _CLAIM, values, token


def claim_slot(standing: Standing, *, kinds: list[str], now: datetime, until: datetime, seen: bool) -> uuid.UUID | None:
    """Lease an open slot to the labeler until `until` and return the token, or None when there is none to take.

    `seen` False: the task is only kept ready. The caller holds the labeler's lock.
    """
    statement, values, token = claim_statement(standing, kinds=kinds, now=now, until=until, seen=seen)
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return token if cursor.fetchone() is not None else None
