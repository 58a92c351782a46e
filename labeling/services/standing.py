"""Where a labeler stands in a project: one query that every claim begins with."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, Subquery, TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import JSONObject

from accounts.models import User
from labeling.models import Acknowledgement, Lane, Membership, Project, Round, RoundState
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
    round_id: int | None
    unread_guidelines: bool
    lanes: list[LaneRow] = field(default_factory=list)
    closed_lanes: list[LaneRow] = field(default_factory=list)

    @property
    def project(self) -> Project:
        return self.membership.project

    @property
    def lane_pks(self) -> list[int]:
        return [lane.pk for lane in self.lanes]


def stand(*, labeler: User, project: Project) -> Standing | None:
    """Read a labeler's standing, with the labeler's other requests waiting as in `serialize_labeler`.

    None when they are no member. Everything comes in one query; what follows it is what must be newest.
    """
    here = Project.objects.filter(pk=OuterRef("project"))
    current = Round.objects.filter(project=OuterRef("project"), state=RoundState.OPEN)
    lanes = Lane.objects.filter(project__in=here).values(
        row=JSONObject(pk=F("pk"), language=F("language"), skill=F("skill"), sensitive=F("sensitive"))
    )
    # As `Acknowledgement.objects.wanted_in`, in this one query.
    read = Acknowledgement.objects.filter(
        project=OuterRef("project"), user=OuterRef("user"), version=OuterRef("project__guidelines_version")
    )
    membership = (
        Membership.objects.filter(project=project, user=labeler)
        .select_related("project")
        .annotate(
            turn=RawSQL("pg_advisory_xact_lock(%s, %s)", labeler_lock(labeler), output_field=TextField()),
            has_read=Exists(read),
            round_id=Subquery(current.values("pk")[:1]),
            lanes=ArraySubquery(lanes),
        )
        .first()
    )
    if membership is None:
        return None
    open_lanes: list[LaneRow] = []
    closed_lanes: list[LaneRow] = []
    for row in membership.lanes:
        lane = LaneRow(**row)
        fits = membership.may_take(language=lane.language, skill=lane.skill, sensitive=lane.sensitive)
        (open_lanes if fits else closed_lanes).append(lane)
    unread = bool(membership.project.guidelines.strip()) and not membership.has_read
    return Standing(labeler, membership, membership.round_id, unread, open_lanes, closed_lanes)
