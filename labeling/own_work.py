"""What a labeler did: the list with its filters and search, and their own figures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, Func, OuterRef, Q, QuerySet, Sum, TextField
from django.utils import timezone

from accounts.models import User
from labeling.current_answers import KINDS, any_answer, with_standing
from labeling.models import Assignment, AssignmentState, Review, TaskKind, ThreadMessage, Verdict, WrittenPrompt

STATES = ("unread", "sent_back", "skipped", "surplus", "frozen")
LONGEST_QUERY = 200


@dataclass(frozen=True)
class Wanted:
    """What to list; empty is everything. `state` is one of STATES."""

    query: str = ""
    kind: str = ""
    project: str = ""
    state: str = ""

    def as_query(self) -> dict[str, str]:
        """Return what is not empty, for an address."""
        named = {"q": self.query, "kind": self.kind, "project": self.project, "state": self.state}
        return {name: value for name, value in named.items() if value}


def read_wanted(given: Mapping[str, Any]) -> Wanted:
    """Read the filters of an address; what makes no sense filters nothing."""
    kind, state = str(given.get("kind", "")), str(given.get("state", ""))
    return Wanted(
        query=str(given.get("q", "")).replace("\x00", "").strip()[:LONGEST_QUERY],
        kind=kind if kind in TaskKind.values else "",
        project=str(given.get("project", "")).replace("\x00", ""),
        state=state if state in STATES else "",
    )


def own_work(labeler: User, wanted: Wanted) -> QuerySet[Assignment]:
    """Return what `labeler` submitted or skipped, newest first, with `verdict` and whether there is anything `unread`.

    Ordered by when it ended and, at the same moment, by pk: `older_than` goes on from there.
    """
    ended: QuerySet[Assignment] = Assignment.objects.of(labeler).filter(
        state__in=[AssignmentState.SUBMITTED, AssignmentState.SKIPPED]
    )
    if wanted.kind:
        ended = ended.filter(task__kind=wanted.kind)
    if wanted.project:
        ended = ended.filter(task__project__slug=wanted.project)
    if wanted.query:
        ended = _searched(ended, wanted.query)
    work: QuerySet[Any] = with_news(ended, labeler)
    conditions: Mapping[str, Q] = {
        "unread": Q(unread=True),
        "sent_back": Q(verdict=Verdict.SENT_BACK),
        "skipped": Q(state=AssignmentState.SKIPPED),
        "surplus": any_answer(surplus=True),
        "frozen": any_answer(frozen_at__isnull=False),
    }
    if wanted.state:
        work = work.filter(conditions[wanted.state])
    return work.select_related("task__prompt", "task__project").order_by("-ended_at", "-pk")


def with_news(work: QuerySet[Assignment], labeler: User) -> QuerySet[Any]:
    """Add `verdict`, what reviewers last said of the newest revision, and whether there is anything `unread`."""
    return with_standing(work).annotate(unread=_unread(labeler))


def older_than(work: QuerySet[Assignment], ended_at: datetime, pk: int) -> QuerySet[Assignment]:
    """Return what stands after that row."""
    return work.filter(Q(ended_at__lt=ended_at) | Q(ended_at=ended_at, pk__lt=pk))


def _unread(labeler: User) -> Exists | Q:
    reviews = Review.objects.unseen_by(labeler).filter(assignment=OuterRef("pk"))
    answers = ThreadMessage.objects.unseen_by(labeler).filter(assignment=OuterRef("pk"))
    return Q(Exists(reviews)) | Q(Exists(answers))


def _searched(work: QuerySet[Assignment], query: str) -> QuerySet[Assignment]:
    """Match the words as they stand, in the prompt and in the newest answer, whatever their case.

    Plain containment within one's own rows, which the labeler's index bounds, and no trigram index: trigrams find
    nothing of one or two characters, which is what Chinese words are, and each submission would pay for them.
    """
    # JSON keeps line breaks and quotes escaped.
    escaped = json.dumps(query, ensure_ascii=False)[1:-1]
    found = Q(conversation__icontains=escaped) | Q(task__prompt__reference__icontains=query)
    found |= Q(Exists(_few_shot(escaped)))
    for model in KINDS:
        texts = Q(note__icontains=query)
        for column in ("text", "edited_text", "use_case"):
            if any(field.name == column for field in model._meta.get_fields()):
                texts |= Q(**{f"{column}__icontains": query})
        answers = model.objects.filter(assignment=OuterRef("pk"), is_current=True).filter(texts)
        found |= Q(Exists(answers))
    return work.alias(conversation=_texts_in("task__prompt__messages", "$[*].content")).filter(found)


def _few_shot(escaped: str) -> QuerySet[WrittenPrompt]:
    newest = WrittenPrompt.objects.filter(assignment=OuterRef("pk"), is_current=True)
    return newest.alias(said=_texts_in("pairs", "$[*].*")).filter(said__icontains=escaped)


def _texts_in(column: str, path: str) -> Func:
    """Return what `path` finds in JSON, as text: without the names of its keys, which are nobody's words."""
    return Func(column, template=f"jsonb_path_query_array(%(expressions)s, '{path}')::text", output_field=TextField())


@dataclass(frozen=True)
class Figures:
    """How much was submitted, and in how much active time, within one stretch of days."""

    today: int
    week: int
    all: int
    today_seconds: int
    week_seconds: int
    all_seconds: int


_FIGURES = tuple(Figures.__dataclass_fields__)


def figures(labeler: User) -> list[tuple[str, Figures]]:
    """Return the labeler's own figures by kind of task, and for all kinds together under ""; one query.

    Days begin at midnight in the labeler's own zone; seven days are today and the six before it.
    """
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    today, week = Q(ended_at__gte=midnight), Q(ended_at__gte=midnight - timedelta(days=6))
    done = Assignment.objects.of(labeler).filter(state=AssignmentState.SUBMITTED)
    rows: Iterable[Any] = (
        done.order_by()
        .values("task__kind")
        .annotate(
            today=Count("pk", filter=today),
            week=Count("pk", filter=week),
            all=Count("pk"),
            today_seconds=Sum("active_seconds", filter=today, default=0),
            week_seconds=Sum("active_seconds", filter=week, default=0),
            all_seconds=Sum("active_seconds", default=0),
        )
    )
    by_kind: dict[str, Any] = {str(row["task__kind"]): {name: row[name] for name in _FIGURES} for row in rows}
    found = [(str(kind), Figures(**by_kind[kind])) for kind in TaskKind.values if kind in by_kind]
    if len(found) > 1:
        found.append(("", Figures(**{name: sum(getattr(row, name) for _kind, row in found) for name in _FIGURES})))
    return found
