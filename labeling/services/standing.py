"""Where a labeler stands in a project: one query that every claim begins with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection

from accounts.models import User
from labeling.models import Membership, Project
from labeling.services.leases import labeler_lock


@dataclass(frozen=True)
class LaneRow:
    """A lane as the claim needs it."""

    pk: int
    language: str
    skill: str
    sensitive: bool


@dataclass(frozen=True)
class Standing:
    """A member, the project as it is now, its open round and its lanes, apart: those for this member and the rest."""

    labeler: User
    membership: Membership
    project_id: int
    paused: bool
    lease: timedelta
    round_id: int | None
    unread_guidelines: bool
    lanes: list[LaneRow] = field(default_factory=list)
    closed_lanes: list[LaneRow] = field(default_factory=list)

    @property
    def lane_pks(self) -> list[int]:
        return [lane.pk for lane in self.lanes]

    def lease_end(self, now: datetime) -> datetime:
        return now + self.lease


# By hand, because it stands before every judgement and the ORM takes longer to write it than PostgreSQL to answer it.
# The guidelines' rule is that of `Acknowledgement.objects.wanted_in`.
_STANDING = """
SELECT
    pg_advisory_xact_lock(%(lock)s, %(key)s),
    member.languages, member.skills, member.shows_sensitive,
    project.paused, project.lease_minutes,
    (SELECT turn.id FROM labeling_round turn WHERE turn.project_id = project.id AND turn.state = 'open'),
    project.guidelines ~ '\\S' AND NOT EXISTS (
        SELECT 1 FROM labeling_acknowledgement seen
        WHERE seen.project_id = project.id AND seen.user_id = member.user_id
          AND seen.version = project.guidelines_version
    ),
    (SELECT jsonb_agg(jsonb_build_array(lane.id, lane.language, lane.skill, lane.sensitive))
     FROM labeling_lane lane WHERE lane.project_id = project.id)
FROM labeling_membership member JOIN labeling_project project ON project.id = member.project_id
WHERE member.project_id = %(project)s AND member.user_id = %(labeler)s
"""


def stand(*, labeler: User, project: Project) -> Standing | None:
    """Read a labeler's standing, with the labeler's other requests waiting as in `serialize_labeler`.

    None when they are no member. Everything comes in one query; what follows it is what must be newest.
    """
    lock, key = labeler_lock(labeler)
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"lock": lock, "key": key, "project": project.pk, "labeler": labeler.pk})
        row = cursor.fetchone()
    if row is None:
        return None
    _lock, languages, skills, shows_sensitive, paused, minutes, turn, unread, lanes = row
    member = Membership(
        project_id=project.pk,
        user_id=labeler.pk,
        languages=json.loads(languages),
        skills=json.loads(skills),
        shows_sensitive=shows_sensitive,
    )
    open_lanes: list[LaneRow] = []
    closed_lanes: list[LaneRow] = []
    for one in json.loads(lanes or "[]"):
        lane = LaneRow(*one)
        fits = member.may_take(language=lane.language, skill=lane.skill, sensitive=lane.sensitive)
        (open_lanes if fits else closed_lanes).append(lane)
    lease = timedelta(minutes=minutes)
    return Standing(labeler, member, project.pk, paused, lease, turn, unread, open_lanes, closed_lanes)
