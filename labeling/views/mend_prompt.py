"""Mending a prompt that one wrote, while nothing has used what was made of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.access import person, require
from accounts.exceptions import VolantError
from accounts.models import User
from accounts.permissions import can_label
from labeling.current_answers import revisions_of
from labeling.few_shot import MOST_PAIRS
from labeling.models import PromptKind, Review, WrittenPrompt
from labeling.services import reviews, texts, threads
from labeling.services.written_prompts import as_given, is_used, revise_written_prompt
from labeling.views.written_prompt import read_prompt, shown

_SPARE_ROWS = 2


@never_cache
@require(can_label)
@require_http_methods(["GET", "POST"])
def written_prompt(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a prompt that I wrote, and store its next revision."""
    mine = WrittenPrompt.objects.filter(labeler=person(request)).select_related("project", "assignment__task")
    answer = get_object_or_404(mine, pk=pk)
    if not answer.is_current:
        newest = mine.current().filter(assignment=answer.assignment_id).first()
        return redirect("labeling:my_writtenprompt", pk=newest.pk) if newest else redirect("labeling:my_work")
    draft, refusal = as_given(answer).as_draft(), None
    if request.method == "POST":
        given = read_prompt(request.POST)
        draft = given.as_draft()
        try:
            revise_written_prompt(
                actor=person(request), previous=answer, given=given, reason=request.POST.get("reason", "")
            )
        except VolantError as error:
            refusal = error
        else:
            messages.success(request, gettext("Saved as a new revision; the earlier one is kept."))
            return redirect("labeling:my_work")
    context = _context(answer, draft, refusal) | _said(person(request), answer)
    return render(request, "labeling/revise_written_prompt.html", context, status=refusal.status if refusal else 200)


def _said(labeler: User, answer: WrittenPrompt) -> dict[str, Any]:
    """Return what reviewers said of the prompt, and its revisions; looking at it is having seen it."""
    if answer.assignment is None:
        return {}
    said = {
        "assignment": answer.assignment,
        "history": list(Review.objects.filter(assignment=answer.assignment).select_related("reviewer")),
        "revisions": revisions_of(answer.assignment),
        "asked_about": bool(threads.mark_seen(labeler=labeler, assignment=answer.assignment)),
    }
    reviews.mark_seen(labeler=labeler, assignment=answer.assignment)
    return said


def _context(answer: WrittenPrompt, draft: dict[str, Any], refusal: VolantError | None) -> dict[str, Any]:
    brief = answer.assignment.task.brief if answer.assignment else {"kind": answer.kind}
    context = {
        **shown(brief, draft),
        "answer": answer,
        "project": answer.project,
        "draft": draft,
        "refusal": refusal,
        "in_use": is_used(answer),
        "max_answer": texts.MAX_ANSWER,
        "max_note": texts.MAX_NOTE,
    }
    if answer.kind == PromptKind.FEW_SHOT and not brief.get("pairs"):
        # Without a script no row can be added here: some spare ones stand ready, and an emptied row is no pair.
        rows = context["pairs"] + [{"query": "", "response": ""}] * _SPARE_ROWS
        context["pairs"] = rows[:MOST_PAIRS]
    return context
