"""A labeler's own answers: the list, and mending one until it is frozen into a dataset."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import person, require
from accounts.exceptions import VolantError
from accounts.permissions import can_label
from labeling import own_work as reading
from labeling.current_answers import current_answers, revisions_of
from labeling.models import Comparison, Demonstration, Project, Review, TaskKind
from labeling.services import reviews, revisions, texts, threads
from labeling.views.mending import Mending, mending_of

PAGE_SIZE = 50
STATE_NAMES = {
    "unread": _("with something new"),
    "sent_back": _("sent back"),
    "skipped": _("skipped"),
    "surplus": _("second opinions"),
    "frozen": _("frozen"),
}


@never_cache
@require(can_label)
@require_GET
def my_work(request: HttpRequest) -> HttpResponse:
    """List what I submitted or skipped, newest first, with my own figures."""
    labeler, wanted = person(request), reading.read_wanted(request.GET)
    work = reading.own_work(labeler, wanted)
    after = _read_place(request.GET.get("before", ""))
    if after is not None:
        work = reading.older_than(work, *after)
    page = list(work[: PAGE_SIZE + 1])
    shown = page[:PAGE_SIZE]
    found = current_answers(shown)
    kept = wanted.as_query()
    older = {**kept, "before": f"{shown[-1].ended_at.isoformat()} {shown[-1].pk}"} if len(page) > PAGE_SIZE else {}  # type: ignore[union-attr]
    context = {
        "rows": [(assignment, found.get(assignment.pk)) for assignment in shown],
        "older": f"?{urlencode(older)}" if older else "",
        "newer": f"?{urlencode(kept)}" if after is not None else "",
        "wanted": wanted,
        "filtered": bool(kept),
        "states": STATE_NAMES,
        "kinds": TaskKind.choices,
        "projects": Project.objects.visible_to(labeler).only("slug", "name")[:50],
        "figures": [(TaskKind(kind).label if kind else "", row) for kind, row in reading.figures(labeler)],
    }
    return render(request, "labeling/my_work.html", context)


def _read_place(text: str) -> tuple[datetime, int] | None:
    """Read where the last page ended; nonsense is the first page."""
    moment, _space, pk = text.rpartition(" ")
    try:
        ended_at = parse_datetime(moment)
    except ValueError:
        return None
    if ended_at is None or ended_at.tzinfo is None or not (pk.isascii() and pk.isdecimal() and len(pk) < 19):
        return None
    return ended_at, int(pk)


@never_cache
@require(can_label)
@require_http_methods(["GET", "POST"])
def demonstration(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an answer of mine, and store its next revision."""
    mine = Demonstration.objects.filter(labeler=person(request))
    answer = get_object_or_404(mine.select_related("prompt", "project", "assignment__task__project"), pk=pk)
    if not answer.is_current:
        return _newest(request, mine.current().filter(assignment=answer.assignment_id))
    mending = mending_of(answer, request.POST if request.method == "POST" else None)
    refusal = None
    if request.method == "POST":
        try:
            revisions.revise_demonstration(
                actor=person(request), previous=answer, reason=request.POST.get("reason", ""), **mending.draft
            )
        except VolantError as error:
            refusal = error
        else:
            return _saved(request)
    return _page(request, answer, mending, refusal)


@never_cache
@require(can_label)
@require_http_methods(["GET", "POST"])
def comparison(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a comparison of mine, and store its next revision."""
    mine = Comparison.objects.filter(labeler=person(request)).exclude(assignment=None)
    answer = get_object_or_404(mine.select_related("prompt", "project", "form", "assignment__task__project"), pk=pk)
    if not answer.is_current:
        return _newest(request, mine.current().filter(assignment=answer.assignment_id))
    mending = mending_of(answer, request.POST if request.method == "POST" else None)
    refusal = None
    if mending.judgement is not None:
        try:
            revisions.revise_comparison(
                actor=person(request),
                previous=answer,
                judgement=mending.judgement,
                reason=request.POST.get("reason", ""),
            )
        except VolantError as error:
            refusal = error
        else:
            return _saved(request)
    return _page(request, answer, mending, refusal)


def _newest(request: HttpRequest, current: Any) -> HttpResponse:
    """A link to an older revision leads to the newest one."""
    newest = current.first()
    if newest is None:
        return redirect("labeling:my_work")
    return redirect(f"labeling:my_{newest._meta.model_name}", pk=newest.pk)


def _saved(request: HttpRequest) -> HttpResponse:
    messages.success(request, gettext("Saved as a new revision; the earlier one is kept."))
    return redirect("labeling:my_work")


def _page(
    request: HttpRequest, answer: Demonstration | Comparison, mending: Mending, refusal: VolantError | None
) -> HttpResponse:
    """Show the form with what reviewers said of the work and its revisions; looking at it is having seen it."""
    context: dict[str, Any] = {
        "answer": answer,
        "project": answer.project,
        "prompt": answer.prompt,
        "draft": mending.draft,
        "refusal": refusal,
        "max_note": texts.MAX_NOTE,
        "asked_about": False,
        **mending.context,
    }
    if answer.assignment is not None:
        labeler, assignment = person(request), answer.assignment
        context |= {
            "assignment": assignment,
            "history": list(Review.objects.filter(assignment=assignment).select_related("reviewer")),
            "revisions": revisions_of(assignment),
            "asked_about": bool(threads.mark_seen(labeler=labeler, assignment=assignment)),
        }
        reviews.mark_seen(labeler=labeler, assignment=assignment)
    return render(request, mending.template, context, status=refusal.status if refusal else 200)
