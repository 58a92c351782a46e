"""Reviewing: the work that waits, and one piece of it with its verdicts and its thread."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import person, require
from accounts.exceptions import VolantError
from accounts.permissions import can_review
from labeling import reviewing
from labeling.current_answers import current_answers, revisions_of
from labeling.models import Assignment, AssignmentState, Comparison, Demonstration, Review
from labeling.services import reviews, texts
from labeling.views.mending import Mending, mending_of
from labeling.views.threads import thread_context

PAGE_SIZE = 30


@never_cache
@require(can_review)
@require_GET
def review_list(request: HttpRequest) -> HttpResponse:
    """List what waits for review, disagreements first; ``?show=sent_back`` and ``reviewed`` list the rest."""
    standing = request.GET.get("show", "new")
    if standing not in reviewing.STANDINGS:
        standing = "new"
    before = request.GET.get("before", "")
    work = reviewing.submitted_work(request.user, standing)
    paged = before.isascii() and before.isdecimal() and len(before) < 19
    if paged:
        work = work.filter(pk__lt=int(before))
    rows = list(work[: PAGE_SIZE + 1])
    shown = rows[:PAGE_SIZE]
    context = {
        "standing": standing,
        "rows": reviewing.lines(shown),
        "disagreements": reviewing.disagreements(request.user) if standing == "new" and not paged else [],
        "newest_tasks": reviewing.TASKS_COMPARED,
        "older": f"?show={standing}&before={shown[-1].pk}" if len(rows) > PAGE_SIZE else "",
        "newer": f"?show={standing}" if paged else "",
    }
    return render(request, "labeling/review.html", context)


def _reviewed(request: HttpRequest, pk: int) -> Assignment:
    """Return work that I may review; 404 for my own and for other projects'."""
    mine = Assignment.objects.reviewable_by(request.user)
    return get_object_or_404(mine.select_related("task__project", "task__prompt", "labeler"), pk=pk)


@never_cache
@require(can_review)
@require_http_methods(["GET", "POST"])
def review_one(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one piece of work beside the others of its task; POST approves it or sends it back."""
    assignment = _reviewed(request, pk)
    refusal = None
    if request.method == "POST":
        try:
            reviews.review(
                reviewer=person(request),
                assignment=assignment,
                revision=_whole(request.POST, "revision") or 0,
                verdict=request.POST.get("verdict", ""),
                comment=request.POST.get("comment", ""),
                score=_whole(request.POST, "score"),
            )
        except VolantError as error:
            refusal = error
        else:
            messages.success(request, gettext("Stored. The labeler sees it in My work."))
            return redirect("labeling:review")
    return _page(request, assignment, refusal)


@never_cache
@require(can_review)
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Mend somebody's answer as its next revision, with a reason; what stood there stays."""
    assignment = _reviewed(request, pk)
    answer = current_answers([assignment]).get(assignment.pk)
    if not isinstance(answer, Demonstration | Comparison):
        raise Http404
    mending = mending_of(answer, request.POST if request.method == "POST" else None)
    refusal = None
    if request.method == "POST":
        try:
            _save(request, assignment, mending)
        except VolantError as error:
            refusal = error
        else:
            messages.success(request, gettext("Saved as the next revision; the labeler sees it in My work."))
            return redirect("labeling:review")
    context: dict[str, Any] = {
        "reviewing": True,
        "answer": answer,
        "assignment": assignment,
        "project": assignment.task.project,
        "prompt": assignment.task.prompt,
        "draft": mending.draft,
        "refusal": refusal,
        "max_note": texts.MAX_NOTE,
        **mending.context,
    }
    return render(request, mending.template, context, status=refusal.status if refusal else 200)


def _save(request: HttpRequest, assignment: Assignment, mending: Mending) -> None:
    said: dict[str, Any] = {
        "reviewer": person(request),
        "assignment": assignment,
        "revision": _whole(request.POST, "revision") or 0,
        "reason": request.POST.get("reason", ""),
    }
    if mending.judgement is not None:
        reviews.edit_comparison(judgement=mending.judgement, **said)
    else:
        reviews.edit_demonstration(text=mending.draft["text"], **said)


def _page(request: HttpRequest, assignment: Assignment, refusal: VolantError | None) -> HttpResponse:
    answer = current_answers([assignment]).get(assignment.pk)
    context: dict[str, Any] = {
        **thread_context(request, assignment),
        "answer": answer,
        "submitted": assignment.state == AssignmentState.SUBMITTED,
        "refusal": refusal,
        "scores": reviews.SCORES,
        "max_comment": reviews.MAX_COMMENT,
        "history": Review.objects.filter(assignment=assignment).select_related("reviewer"),
        "revisions": revisions_of(assignment),
        **reviewing.side_by_side(assignment),
    }
    return render(request, "labeling/review_one.html", context, status=refusal.status if refusal else 200)


def _whole(form: QueryDict, name: str) -> int | None:
    text = form.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else None
