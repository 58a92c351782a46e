"""Rounds, and the tasks that fill them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.permissions import Actor, can_research
from labeling.exceptions import InvalidInput, NotAllowed, RoundRefused
from labeling.models import CompareMode, Completion, Project, Prompt, Round, RoundState, Task, TaskKind
from labeling.services.figures import count_round
from labeling.services.judging import MAX_OUTPUTS
from labeling.services.new_tasks import BATCH, add_tasks

MAX_PRIORITY = 1000


@dataclass(frozen=True)
class NewOutput:
    """An output to be judged. Which policy wrote it stays with the caller."""

    text: str
    finished: bool = True


def open_round(*, actor: Actor, project: Project) -> Round:
    """Open the project's next round. Raises RoundRefused while one is open."""
    if not can_research(actor):
        raise NotAllowed
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        current = Round.objects.current(project)
        if current is not None:
            raise RoundRefused(_("Round %(number)d is open. Close it first.") % {"number": current.number})
        last = Round.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0
        return Round.objects.create(project=project, number=last + 1)


@transaction.atomic
def close_round(*, actor: Actor, round: Round) -> Round:
    """Close a round: nothing of it is given out any more. What is being worked on can still be submitted."""
    if not can_research(actor):
        raise NotAllowed
    locked = Round.objects.select_for_update(no_key=True).get(pk=round.pk)
    if locked.state != RoundState.OPEN:
        raise RoundRefused(_("This round is closed already."))
    locked.state = RoundState.CLOSED
    locked.closed_at = timezone.now()
    locked.save(update_fields=["state", "closed_at"])
    round.refresh_from_db()
    return round


@transaction.atomic
def request_demonstrations(
    *, actor: Actor, round: Round, prompts: QuerySet[Prompt], judgements: int | None = None, priority: int = 0
) -> int:
    """Ask for an answer to each prompt and return how many tasks that made.

    A prompt that the round already asks about, or of another project, is passed over.
    """
    _check(actor=actor, round=round, judgements=judgements, priority=priority)
    wanted = prompts.filter(project_id=round.project_id).exclude(tasks__in=_tasks(round, TaskKind.WRITE))
    pks = list(dict.fromkeys(wanted.values_list("pk", flat=True)))
    tasks = [_task(round, pk, TaskKind.WRITE) for pk in pks]
    add_tasks(tasks, round=round, judgements=judgements, priority=priority)
    count_round(round)
    return len(tasks)


@transaction.atomic
def request_comparisons(
    *,
    actor: Actor,
    round: Round,
    outputs: Mapping[int, Sequence[NewOutput]],
    judgements: int | None = None,
    priority: int = 0,
) -> list[Task]:
    """Ask for a ranking of each prompt's outputs: `outputs` maps a prompt's pk to them.

    Texts that differ at most in white space at their ends become one completion; a prompt that is left with fewer than
    two, or that the round already compares, gets no task. A project of pairs takes two outputs of a prompt; which two,
    where there are more, is for the caller to draw, so more are refused. The tasks come back with `completions`
    prefetched, in their random order of storage; within a task the text without its ends is unique, so the caller finds
    its own outputs again by it.
    """
    _check(actor=actor, round=round, judgements=judgements, priority=priority)
    taken = set(_tasks(round, TaskKind.COMPARE).filter(prompt__in=list(outputs)).values_list("prompt_id", flat=True))
    known = set(Prompt.objects.filter(project_id=round.project_id, pk__in=list(outputs)).values_list("pk", flat=True))
    merged = {pk: _merge(given) for pk, given in outputs.items() if pk in known and pk not in taken}
    most = MAX_OUTPUTS if round.project.compare_mode == CompareMode.RANKING else 2
    for pk, distinct in merged.items():
        if len(distinct) > most:
            raise InvalidInput(
                _("Prompt %(pk)d has %(n)d outputs; at most %(max)d are compared at a time.")
                % {"pk": pk, "n": len(distinct), "max": most}
            )
    tasks = [_task(round, pk, TaskKind.COMPARE) for pk, distinct in merged.items() if len(distinct) >= 2]
    add_tasks(tasks, round=round, judgements=judgements, priority=priority)
    completions: list[Completion] = []
    for task in tasks:
        assert task.prompt_id is not None
        distinct = merged[task.prompt_id]
        random.shuffle(distinct)
        completions += [
            Completion(task=task, position=position, text=output.text, finished=output.finished)
            for position, output in enumerate(distinct, start=1)
        ]
    Completion.objects.bulk_create(completions, batch_size=BATCH)
    count_round(round)
    pks = [task.pk for task in tasks]
    return list(Task.objects.filter(pk__in=pks).select_related("prompt").prefetch_related("completions"))


def _check(*, actor: Actor, round: Round, judgements: int | None, priority: int) -> None:
    if not can_research(actor):
        raise NotAllowed
    # Locked, so that two requests for the same prompts follow each other and closing waits.
    if Round.objects.select_for_update(no_key=True).get(pk=round.pk).state != RoundState.OPEN:
        raise RoundRefused(_("This round is closed. Open the next one."))
    if judgements is not None and not 1 <= judgements <= 10:
        raise InvalidInput(fields={"judgements": [_("1 to 10 judgements a task.")]})
    if abs(priority) > MAX_PRIORITY:
        raise InvalidInput(fields={"priority": [_("A priority from −1000 to 1000; higher comes first.")]})


def _tasks(round: Round, kind: str) -> QuerySet[Task]:
    return Task.objects.filter(round=round, kind=kind)


def _task(round: Round, prompt_pk: int, kind: str) -> Task:
    return Task(project_id=round.project_id, round=round, prompt_id=prompt_pk, kind=kind)


def _merge(outputs: Sequence[NewOutput]) -> list[NewOutput]:
    merged: dict[str, NewOutput] = {}
    for output in outputs:
        first = merged.setdefault(output.text.strip(), output)
        merged[output.text.strip()] = NewOutput(first.text, first.finished or output.finished)
    return list(merged.values())
