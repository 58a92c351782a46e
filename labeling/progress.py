"""Where a round stands, in figures: what the Loop page and its API show."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone

from labeling.models import (
    Assignment,
    AssignmentState,
    Comparison,
    Demonstration,
    Project,
    Prompt,
    Round,
    Slot,
    SlotState,
    TaskKind,
)

ACTIVE_WITHIN = timedelta(minutes=15)


@dataclass(frozen=True)
class KindProgress:
    """The wanted judgements of one kind in a round."""

    kind: str
    open: int
    held: int
    done: int

    @property
    def total(self) -> int:
        return self.open + self.held + self.done

    @property
    def left(self) -> int:
        return self.open + self.held


@dataclass(frozen=True)
class LabelCount:
    """Current labels of one split and source; `simulated` and `surplus` are parts of `count`."""

    split: str
    source: str
    count: int
    simulated: int = 0
    surplus: int = 0


@dataclass(frozen=True)
class ProjectProgress:
    round: Round | None
    tasks: list[KindProgress]
    """Of the open round, or of the last one when none is open."""
    demonstrations: list[LabelCount]
    comparisons: list[LabelCount]
    """Of the whole project."""
    prompts: list[LabelCount]
    labelers_active: int
    """People who claimed, saved or submitted in the last 15 minutes."""
    next_free_at: datetime | None
    """When the first lease of the round runs out."""

    def tasks_of(self, kind: str) -> KindProgress:
        return next((progress for progress in self.tasks if progress.kind == kind), KindProgress(kind, 0, 0, 0))

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values for the API."""
        return {
            "round": {"number": self.round.number, "state": self.round.state} if self.round else None,
            "tasks": [{**asdict(row), "total": row.total} for row in self.tasks],
            "demonstrations": [asdict(row) for row in self.demonstrations],
            "comparisons": [asdict(row) for row in self.comparisons],
            "prompts": [asdict(row) for row in self.prompts],
            "labelers_active": self.labelers_active,
            "next_free_at": self.next_free_at.isoformat() if self.next_free_at else None,
        }


def project_progress(project: Project) -> ProjectProgress:
    """Return the figures of a project in six counting queries."""
    current = Round.objects.current(project) or Round.objects.filter(project=project).order_by("-number").first()
    slots = Slot.objects.filter(round=current) if current else Slot.objects.none()
    leases = slots.filter(state=SlotState.HELD).order_by("held_until")
    return ProjectProgress(
        round=current,
        tasks=_tasks(current),
        demonstrations=_labels(Demonstration, project),
        comparisons=_labels(Comparison, project),
        prompts=[
            LabelCount(str(row["split"]), str(row["source"]), int(str(row["count"])))
            for row in Prompt.objects.in_project(project).counts()
        ],
        labelers_active=_active(project),
        next_free_at=leases.values_list("held_until", flat=True).first(),
    )


def _tasks(current: Round | None) -> list[KindProgress]:
    if current is None:
        return []
    by_kind: dict[str, dict[str, int]] = {}
    for kind, state, number in Slot.objects.counted(current):
        by_kind.setdefault(kind, {})[state] = number
    return [
        KindProgress(
            kind=str(kind),
            **{str(state): by_kind[kind].get(state, 0) for state in (SlotState.OPEN, SlotState.HELD, SlotState.DONE)},
        )
        for kind in TaskKind
        if kind in by_kind
    ]


def _labels(model: type[Demonstration | Comparison], project: Project) -> list[LabelCount]:
    rows = (
        model.objects.filter(project=project, is_current=True)
        .order_by("prompt__split", "prompt__source")
        .values("prompt__split", "prompt__source")
        .annotate(
            n=Count("pk"),
            played=Count("pk", filter=Q(simulated=True)),
            late=Count("pk", filter=Q(surplus=True)),
        )
    )
    return [
        LabelCount(row["prompt__split"], row["prompt__source"], row["n"], row["played"], row["late"]) for row in rows
    ]


def _active(project: Project) -> int:
    since = timezone.now() - ACTIVE_WITHIN
    recent = Q(claimed_at__gte=since) | Q(draft_saved_at__gte=since) | Q(ended_at__gte=since)
    mine = Assignment.objects.filter(recent, task__project=project).exclude(state=AssignmentState.RELEASED)
    return mine.aggregate(n=Count("labeler", distinct=True))["n"]
