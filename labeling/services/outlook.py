"""What a labeler would find if they asked: for the Work page, which gives nothing out."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.models import User
from accounts.permissions import can_label
from labeling.models import Assignment, Project, SlotState, TaskKind
from labeling.services import queue
from labeling.services.nothing import Nothing, open_to, refuse_new_work, why_nothing
from labeling.services.standing import Standing, stand

CAP = 1000
"""Pages count up to here and then say "1,000+": what a count costs does not grow with the queue."""


@dataclass(frozen=True)
class Outlook:
    """Tasks by kind, up to CAP, or why there are none."""

    waiting: dict[str, int] = field(default_factory=dict)
    nothing: Nothing | None = None


@transaction.atomic
def look(*, labeler: User, project: Project) -> Outlook:
    """Return how much waits for the labeler in a project, by the same rules as `claim_next`."""
    now = timezone.now()
    standing = stand(labeler=labeler, project=project) if can_label(labeler) else None
    if standing is None:
        return Outlook(nothing=Nothing("not_member"))
    refusal = refuse_new_work(standing)
    if refusal is not None:
        return Outlook(nothing=refusal)
    kinds: list[str] = list(TaskKind.values)
    waiting = _count(standing, kinds)
    if not any(waiting.values()) and queue.release_expired(now=now, round_id=standing.round_id):
        waiting = _count(standing, kinds)
    if not any(waiting.values()):
        waiting = _kept_by_others(standing, kinds)
    if any(waiting.values()):
        return Outlook(waiting=waiting)
    return Outlook(nothing=why_nothing(standing, kinds=kinds, now=now)[0])


def _count(standing: Standing, kinds: list[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for kind in kinds:
        # Two slots of one task are one task; three times the cap covers the usual overlap without counting on.
        slots = open_to(standing, [kind]).filter(state=SlotState.OPEN)
        counts[kind] = min(len(set(slots.order_by().values_list("task_id", flat=True)[: 3 * CAP])), CAP)
    return counts


def _kept_by_others(standing: Standing, kinds: list[str]) -> dict[str, int]:
    """Count what is only kept ready for others: `claim_next` takes it rather than send anybody away."""
    kept = Assignment.objects.kept_ready().filter(slot=OuterRef("pk"))
    slots = open_to(standing, kinds).filter(Exists(kept), state=SlotState.HELD)
    found = slots.order_by().values_list("kind", "task_id")[:CAP]
    return {kind: len({task for of, task in found if of == kind}) for kind in kinds}
