"""What reviewers read: the work that waits for them, and one piece of it beside what others said of the same task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from accounts.permissions import Actor
from labeling.current_answers import CurrentAnswer, current_answers, with_standing
from labeling.models import (
    Assignment,
    AssignmentState,
    Comparison,
    Completion,
    JudgedOutput,
    Slot,
    SlotState,
    TaskKind,
    Verdict,
)
from labeling.services.judging import asked_before
from labeling.statistics.disagreement import pairwise_disagreement

STANDINGS = ("new", "sent_back", "reviewed")
TASKS_COMPARED = 300
"""How many of the newest tasks with several judgements are looked through for disagreements."""


def submitted_work(actor: Actor, standing: str) -> QuerySet[Assignment]:
    """Return what `actor` may review, newest first: *new*, *sent_back* or *reviewed*."""
    work = with_standing(Assignment.objects.reviewable_by(actor).filter(state=AssignmentState.SUBMITTED))
    conditions: Mapping[str, dict[str, Any]] = {
        "new": {"verdict": None, "current_revision__isnull": False},
        "sent_back": {"verdict": Verdict.SENT_BACK},
        "reviewed": {"verdict__in": [Verdict.APPROVED, Verdict.EDITED]},
    }
    shown = work.filter(**conditions[standing]).select_related("task__prompt", "task__project", "labeler")
    return shown.order_by("-pk")


@dataclass(frozen=True)
class Line:
    """A row of the list: the work, its newest answer, and what of it fits on a line, in the reviewer's letters."""

    work: Assignment
    answer: CurrentAnswer | None
    text: str


def lines(work: Sequence[Assignment]) -> list[Line]:
    """Return the rows of a page of the list; four queries, however long it is."""
    answers = current_answers(work)
    tasks = [one.task_id for one in work if one.task.kind == TaskKind.COMPARE]
    letters: dict[int, str] = {}
    for pk, position in Completion.objects.filter(task__in=tasks).values_list("pk", "position"):
        letters[pk] = chr(ord("A") + position - 1)
    found = []
    for one in work:
        answer = answers.get(one.pk)
        text = _ranking(answer, letters) if isinstance(answer, Comparison) else answer.text if answer else ""
        found.append(Line(one, answer, text))
    return found


@dataclass(frozen=True)
class Disagreement:
    """A task whose labelers do not agree; `first` is the judgement that waits for review."""

    first: Assignment
    judgements: int
    share: float

    @property
    def percent(self) -> int:
        return round(100 * self.share)


def disagreements(actor: Actor) -> list[Disagreement]:
    """Return the tasks with several judgements, one of them unreviewed, that lie apart; the farthest apart first.

    Only the newest tasks are looked through: a list that one person can read needs no more, and the cost stays put.
    """
    tasks = _judged_often(actor)
    waiting: dict[int, Assignment] = {}
    for assignment in submitted_work(actor, "new").filter(task__in=tasks):
        waiting.setdefault(assignment.task_id, assignment)
    rankings: dict[int, list[dict[int, int]]] = {}
    judged = Comparison.objects.current().filter(assignment__task__in=list(waiting)).select_related("assignment")
    for comparison in judged.prefetch_related("judged"):
        assert comparison.assignment is not None
        ranks = {output.completion_id: output.rank for output in comparison.judged.all()}
        rankings.setdefault(comparison.assignment.task_id, []).append(ranks)
    found = []
    for task, first in waiting.items():
        share = pairwise_disagreement(rankings.get(task, []))
        if share:
            found.append(Disagreement(first, len(rankings[task]), share))
    return sorted(found, key=lambda one: (-one.share, -one.first.pk))


def _judged_often(actor: Actor) -> list[int]:
    """A second slot that is done means a second judgement; its unique index is walked from the newest task."""
    projects = Assignment.objects.reviewable_by(actor).values("task__project")
    done = Slot.objects.filter(
        number__gte=2, state=SlotState.DONE, kind=TaskKind.COMPARE, project__in=projects.distinct()
    )
    tasks = done.order_by("-task_id").values_list("task_id", flat=True)[: TASKS_COMPARED * 2]
    return list(dict.fromkeys(tasks))[:TASKS_COMPARED]


@dataclass(frozen=True)
class Said:
    """What one labeler said of one output: rank, and each answer with the name of its field."""

    labeler: str
    rank: int
    answers: list[tuple[str, Any]]


@dataclass(frozen=True)
class ReviewedOutput:
    """One output as the reviewer sees it. Its letter goes by the order of storage, which says nothing of the policy."""

    letter: str
    completion: Completion
    said: list[Said]


@dataclass(frozen=True)
class Judge:
    """One labeler's whole judgement, in the reviewer's letters."""

    answer: Comparison
    labeler: str
    ranking: str
    under_review: bool


def side_by_side(assignment: Assignment) -> dict[str, Any]:
    """Return the answers of all labelers to the task of `assignment`, the one under review first."""
    others = Assignment.objects.filter(task=assignment.task_id, state=AssignmentState.SUBMITTED)
    work = sorted(others.select_related("labeler"), key=lambda one: (one.pk != assignment.pk, one.pk))
    answers = current_answers(work)
    shown: list[tuple[Assignment, CurrentAnswer]] = [(one, answers[one.pk]) for one in work if one.pk in answers]
    if assignment.task.kind != TaskKind.COMPARE:
        return {"answers": shown}
    comparisons = [(one, answer) for one, answer in shown if isinstance(answer, Comparison)]
    outputs = list(assignment.task.completions.order_by("position"))
    letters = {output.pk: chr(ord("A") + output.position - 1) for output in outputs}
    return {
        "judges": [
            Judge(answer, str(one.labeler), _ranking(answer, letters), one.pk == assignment.pk)
            for one, answer in comparisons
        ],
        "outputs": [ReviewedOutput(letters[output.pk], output, _said(output, comparisons)) for output in outputs],
        "disagreement": pairwise_disagreement(
            [{judged.completion_id: judged.rank for judged in answer.judged.all()} for _one, answer in comparisons]
        ),
    }


def _ranking(answer: Comparison, letters: Mapping[int, str]) -> str:
    groups: dict[int, list[str]] = {}
    for judged in answer.judged.all():
        groups.setdefault(judged.rank, []).append(letters[judged.completion_id])
    return " > ".join(" = ".join(sorted(groups[rank])) for rank in sorted(groups))


def _said(output: Completion, comparisons: list[tuple[Assignment, Comparison]]) -> list[Said]:
    found = []
    for assignment, answer in comparisons:
        judged = next((one for one in answer.judged.all() if one.completion_id == output.pk), None)
        if judged is not None:
            found.append(Said(str(assignment.labeler), judged.rank, _named(judged, answer)))
    return found


def _named(judged: JudgedOutput, answer: Comparison) -> list[tuple[str, Any]]:
    """Label each answer in the reader's language; a flag that was not raised says nothing that a reviewer must read."""
    named = [(str(field.shown().label), judged.given.get(field.key)) for field in asked_before(answer).form.fields]
    return [(label, value) for label, value in named if value is not None and value is not False]
