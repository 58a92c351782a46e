"""Storing tasks with their slots: which queue a slot stands in, and how many judgements its task wants."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from labeling.models import Lane, Project, Prompt, Round, Slot, Task

BATCH = 1000
Qualification = tuple[str, str, bool]
"""Language, skill, sensitive: what tells one lane from another."""


def add_tasks(tasks: Sequence[Task], *, round: Round, judgements: int | None = None, priority: int = 0) -> None:
    """Store new tasks of one round with their slots. The caller has checked that they may exist.

    `judgements` None: as the project says, more of them for its sample of overlapping tasks (`judgements_wanted`).
    """
    prompts = _prompts(tasks)
    lanes = open_lanes(round.project, {_wants(task, prompts) for task in tasks})
    Task.objects.bulk_create(tasks, batch_size=BATCH)
    slots: Iterable[Slot] = (
        Slot(
            task=task,
            number=number,
            project_id=task.project_id,
            round_id=task.round_id,
            kind=task.kind,
            lane=lanes[_wants(task, prompts)],
            priority=priority,
        )
        for task in tasks
        for number in range(1, (judgements or judgements_wanted(round, task, prompts)) + 1)
    )
    Slot.objects.bulk_create(slots, batch_size=BATCH)


def judgements_wanted(round: Round, task: Task, prompts: dict[int, Prompt]) -> int:
    """Return how many judgements a task gets: the project's number, more for its even sample of overlapping tasks.

    The sample follows from round, kind and prompt alone, so that asking again draws the same one.
    """
    project = round.project
    if task.prompt_id is None:
        return project.judgements_per_task
    drawn = hashlib.sha256(f"{round.number}/{task.kind}/{prompts[task.prompt_id].sha256}".encode()).digest()
    overlaps = int.from_bytes(drawn[:8]) < project.overlap_share * 2**64
    return max(project.judgements_per_task, project.overlap_judgements) if overlaps else project.judgements_per_task


def open_lanes(project: Project, wanted: set[Qualification]) -> dict[Qualification, Lane]:
    """Return the project's lane for each qualification, made where there was none."""
    Lane.objects.bulk_create(
        [Lane(project=project, language=one, skill=two, sensitive=three) for one, two, three in sorted(wanted)],
        ignore_conflicts=True,
    )
    known = {(lane.language, lane.skill, lane.sensitive): lane for lane in Lane.objects.filter(project=project)}
    return {qualification: known[qualification] for qualification in wanted}


def _prompts(tasks: Sequence[Task]) -> dict[int, Prompt]:
    pks = {task.prompt_id for task in tasks if task.prompt_id is not None}
    return Prompt.objects.only("sha256", "language", "skill", "sensitive").in_bulk(list(pks))


def _wants(task: Task, prompts: dict[int, Prompt]) -> Qualification:
    if task.prompt_id is None:
        return str(task.brief.get("language", "")), str(task.brief.get("skill", "")), False
    prompt = prompts[task.prompt_id]
    return prompt.language, prompt.skill, prompt.sensitive
