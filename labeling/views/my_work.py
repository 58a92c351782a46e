"""A labeler's own answers: the list, and mending one until it is frozen into a dataset."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import person, require
from accounts.exceptions import VolantError
from accounts.permissions import can_label
from labeling.models import Assignment, AssignmentState, Comparison, Demonstration
from labeling.services import revisions, texts
from labeling.services.judging import asked_before
from labeling.views.judgement import compare_context, draft_of, read_comparison, read_demonstration

PAGE_SIZE = 50


@never_cache
@require(can_label)
@require_GET
def my_work(request: HttpRequest) -> HttpResponse:
    """List what I submitted or skipped, newest first."""
    ended = Assignment.objects.of(person(request)).filter(
        state__in=[AssignmentState.SUBMITTED, AssignmentState.SKIPPED]
    )
    before = parse_datetime(request.GET.get("before", "")) if request.GET.get("before") else None
    if before is not None:
        ended = ended.filter(ended_at__lt=before)
    page = list(ended.select_related("task__prompt", "task__project").order_by("-ended_at")[: PAGE_SIZE + 1])
    shown = page[:PAGE_SIZE]
    context = {
        "rows": _with_answers(shown),
        "older": shown[-1].ended_at.isoformat() if len(page) > PAGE_SIZE and shown[-1].ended_at else "",
        "paged": before is not None,
    }
    return render(request, "labeling/my_work.html", context)


def _with_answers(assignments: list[Assignment]) -> list[tuple[Assignment, Demonstration | Comparison | None]]:
    found: dict[int | None, Demonstration | Comparison] = {}
    for demonstration in Demonstration.objects.current().filter(assignment__in=assignments):
        found[demonstration.assignment_id] = demonstration
    for comparison in Comparison.objects.current().filter(assignment__in=assignments).prefetch_related("judged"):
        found[comparison.assignment_id] = comparison
    return [(assignment, found.get(assignment.pk)) for assignment in assignments]


@never_cache
@require(can_label)
@require_http_methods(["GET", "POST"])
def demonstration(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an answer of mine, and store its next revision."""
    mine = Demonstration.objects.filter(labeler=person(request)).select_related("prompt", "project")
    answer = get_object_or_404(mine, pk=pk)
    if not answer.is_current:
        return _newest(request, mine.current().filter(assignment=answer.assignment_id))
    draft: dict[str, Any] = {"text": answer.text, "note": answer.note, "prompt_flags": answer.prompt_flags}
    refusal = None
    if request.method == "POST":
        draft = read_demonstration(request.POST)
        try:
            revisions.revise_demonstration(
                actor=person(request),
                previous=answer,
                text=draft["text"],
                note=draft["note"],
                prompt_flags=draft["prompt_flags"],
                reason=request.POST.get("reason", ""),
            )
        except VolantError as error:
            refusal = error
        else:
            return _saved(request)
    context = {"max_answer": texts.MAX_ANSWER}
    return _page(request, "labeling/revise_demonstration.html", answer, draft, refusal, context)


@never_cache
@require(can_label)
@require_http_methods(["GET", "POST"])
def comparison(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a comparison of mine, and store its next revision."""
    mine = Comparison.objects.filter(labeler=person(request)).select_related("prompt", "project", "assignment__task")
    answer = get_object_or_404(mine.exclude(assignment=None), pk=pk)
    if not answer.is_current:
        return _newest(request, mine.current().filter(assignment=answer.assignment_id))
    draft, refusal, asked = draft_of(answer), None, asked_before(answer)
    if request.method == "POST":
        judgement = read_comparison(request.POST, asked.form.fields)
        draft = judgement.as_draft()
        try:
            revisions.revise_comparison(
                actor=person(request),
                previous=answer,
                judgement=judgement,
                reason=request.POST.get("reason", ""),
            )
        except VolantError as error:
            refusal = error
        else:
            return _saved(request)
    assert answer.assignment is not None
    context = compare_context(answer.assignment, draft, asked)
    return _page(request, "labeling/revise_comparison.html", answer, draft, refusal, context)


def _newest(request: HttpRequest, current: Any) -> HttpResponse:
    """A link to an older revision leads to the list; the newest stands there."""
    newest = current.first()
    if newest is None:
        return redirect("labeling:my_work")
    return redirect(f"labeling:my_{newest._meta.model_name}", pk=newest.pk)


def _saved(request: HttpRequest) -> HttpResponse:
    messages.success(request, gettext("Saved as a new revision; the earlier one is kept."))
    return redirect("labeling:my_work")


def _page(
    request: HttpRequest,
    template: str,
    answer: Demonstration | Comparison,
    draft: dict[str, Any],
    refusal: VolantError | None,
    more: dict[str, Any],
) -> HttpResponse:
    context = {
        "answer": answer,
        "project": answer.project,
        "prompt": answer.prompt,
        "draft": draft,
        "refusal": refusal,
        "max_note": texts.MAX_NOTE,
        **more,
    }
    return render(request, template, context, status=refusal.status if refusal else 200)
