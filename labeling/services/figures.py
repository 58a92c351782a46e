"""Counting large tables where nobody waits for it: after a request or an import, and once a minute."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction
from django.db.models import Count, Max
from django.utils import timezone

from labeling.models import Project, Prompt, PromptFigures, Round, RoundFigures, RoundState, Slot, SlotState


@transaction.atomic
def count_round(round: Round) -> None:
    """Store how many of the round's wanted judgements are open, held and done, a row for each kind."""
    Round.objects.select_for_update(no_key=True).get(pk=round.pk)
    counts: dict[str, dict[str, int]] = {}
    for kind, state, number in Slot.objects.counted(round):
        counts.setdefault(kind, {})[state] = number
    now = timezone.now()
    RoundFigures.objects.filter(round=round).exclude(kind__in=counts).delete()
    RoundFigures.objects.bulk_create(
        [
            RoundFigures(
                round=round,
                kind=kind,
                counted_at=now,
                open=states.get(SlotState.OPEN, 0),
                held=states.get(SlotState.HELD, 0),
                done=states.get(SlotState.DONE, 0),
            )
            for kind, states in counts.items()
        ],
        update_conflicts=True,
        unique_fields=["round", "kind"],
        update_fields=["open", "held", "done", "counted_at"],
    )


@transaction.atomic
def count_prompts(project: Project) -> None:
    """Store how many prompts of each split, source, category and language the project has."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    names = ("split", "source", "category", "language")
    prompts = Prompt.objects.in_project(project).order_by().values(*names)
    counted = prompts.annotate(count=Count("pk"), newest=Max("pk"))
    now = timezone.now()
    PromptFigures.objects.filter(project=project).delete()
    PromptFigures.objects.bulk_create(PromptFigures(project=project, counted_at=now, **row) for row in counted)


def refresh() -> None:
    """Count what may have changed: the open rounds, and the prompts of projects that have newer ones."""
    for current in Round.objects.filter(state=RoundState.OPEN):
        count_round(current)
    for project in _grown():
        count_prompts(project)


def _grown() -> Iterator[Project]:
    for project in Project.objects.annotate(counted=Max("prompt_figures__newest")):
        newest = Prompt.objects.in_project(project).order_by("-pk").values_list("pk", flat=True).first()
        if newest is not None and newest != project.counted:
            yield project
