"""What became of a piece of work: its newest answer of whatever kind, and how reviewers stand to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from labeling.models import Assignment, Comparison, Demonstration, Review, WrittenPrompt

CurrentAnswer = Demonstration | Comparison | WrittenPrompt
KINDS: tuple[Any, ...] = (Demonstration, Comparison, WrittenPrompt)


def current_answers(assignments: Iterable[Assignment]) -> dict[int, CurrentAnswer]:
    """Return the newest revision by assignment pk, with what a list or a page of it shows; three queries."""
    wanted = [assignment.pk for assignment in assignments]
    found: dict[int, CurrentAnswer] = {}
    for kind in KINDS:
        rows = kind.objects.filter(assignment__in=wanted, is_current=True).select_related("project")
        if kind is Comparison:
            rows = rows.select_related("form").prefetch_related("judged")
        found |= {answer.assignment_id: answer for answer in rows if answer.assignment_id is not None}
    return found


def revisions_of(assignment: Assignment) -> list[CurrentAnswer]:
    """Return every revision of the answer, oldest first."""
    found: list[CurrentAnswer] = []
    for kind in KINDS:
        rows = kind.objects.filter(assignment=assignment).select_related("actor")
        if kind is Comparison:
            rows = rows.prefetch_related("judged")
        found += rows.order_by("revision")
    return found


def with_standing(work: QuerySet[Assignment]) -> QuerySet[Assignment]:
    """Add `current_revision`, and `verdict`: the last word of a reviewer on that revision, None for no word yet."""
    newest = [
        Subquery(kind.objects.filter(assignment=OuterRef("pk"), is_current=True).values("revision")[:1])
        for kind in KINDS
    ]
    words = Review.objects.filter(assignment=OuterRef("pk"), revision=OuterRef("current_revision")).order_by("-pk")
    return work.annotate(current_revision=Coalesce(*newest, output_field=IntegerField())).annotate(
        verdict=Subquery(words.values("verdict")[:1])
    )


def any_answer(**condition: bool) -> Q:
    """Return the condition that the newest revision of an assignment's answer is such: ``any_answer(surplus=True)``."""
    found = Q()
    for kind in KINDS:
        found |= Q(Exists(kind.objects.filter(assignment=OuterRef("pk"), is_current=True, **condition)))
    return found
