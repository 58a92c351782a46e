"""Questions about a task: the labeler's panel, and the list of what reviewers have not answered yet."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import person, require
from accounts.exceptions import VolantError
from accounts.permissions import can_label, can_review
from labeling.models import Assignment, ThreadMessage
from labeling.services import threads
from labeling.views.scope import assignment_for

PAGE_SIZE = 50
FRAGMENT = "X-Fragment"
"""Sent by static/js/thread.js, which puts the answer into the page instead of leaving it."""


@never_cache
@require(can_label)
@require_http_methods(["GET", "POST"])
def thread(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """Show what was asked and answered about a task of mine; POST asks."""
    assignment = assignment_for(request, token)
    refusal = None
    if request.method == "POST":
        refusal = _post(request, assignment)
        if refusal is None and FRAGMENT not in request.headers:
            messages.success(request, gettext("Sent. The answer will be here and in My work."))
            return redirect("labeling:thread", token=token)
    fresh = threads.mark_seen(labeler=person(request), assignment=assignment)
    context = {**thread_context(request, assignment), "fresh": fresh, "refusal": refusal}
    status = refusal.status if refusal else 200
    template = "labeling/_thread.html" if FRAGMENT in request.headers else "labeling/thread.html"
    return render(request, template, context, status=status)


def _post(request: HttpRequest, assignment: Assignment) -> VolantError | None:
    try:
        threads.post_message(author=person(request), assignment=assignment, text=request.POST.get("message", ""))
    except VolantError as refusal:
        return refusal
    return None


def thread_context(request: HttpRequest, assignment: Assignment) -> dict[str, Any]:
    """Return what `labeling/_thread.html` needs to show the thread of an assignment."""
    written = ThreadMessage.objects.filter(assignment=assignment).select_related("author")
    return {
        "assignment": assignment,
        "project": assignment.task.project,
        "prompt": assignment.task.prompt,
        "thread_messages": written,
        "message_typed": request.POST.get("message", ""),
        "max_message": threads.MAX_MESSAGE,
    }


@never_cache
@require(can_review)
@require_GET
def questions(request: HttpRequest) -> HttpResponse:
    """List the questions that nobody has answered, longest waiting first."""
    waiting = ThreadMessage.objects.for_reviewer(request.user).unanswered()
    after = request.GET.get("after", "")
    if after.isascii() and after.isdecimal() and len(after) < 19:
        waiting = waiting.filter(pk__gt=int(after))
    rows = list(
        waiting.select_related("author", "assignment__task__project", "assignment__task__prompt").order_by("pk")[
            : PAGE_SIZE + 1
        ]
    )
    context = {
        "rows": rows[:PAGE_SIZE],
        "older": f"?after={rows[PAGE_SIZE - 1].pk}" if len(rows) > PAGE_SIZE else "",
        "newer": "?" if after else "",
    }
    return render(request, "labeling/questions.html", context)


@require(can_review)
@require_POST
def reply(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer a labeler about work that I may review."""
    assignment = get_object_or_404(Assignment.objects.reviewable_by(request.user), pk=pk)
    refusal = _post(request, assignment)
    if refusal is not None:
        messages.error(request, str(refusal.message))
    else:
        messages.success(request, gettext("Sent. The labeler sees it in My work."))
    return redirect("labeling:review_one", pk=pk)
