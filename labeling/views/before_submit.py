"""What happens to a task's form before it is submitted: a look at it as readers will, and rows without a script."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.access import person, require
from accounts.exceptions import VolantError
from accounts.permissions import can_label
from labeling.few_shot import MOST_PAIRS, Pair
from labeling.models import Assignment, PromptKind, TaskKind
from labeling.services import drafts
from labeling.services.texts import check_answer_text
from labeling.services.written_prompts import check_prompt
from labeling.views.scope import assignment_for
from labeling.views.tasks import said, task_page
from labeling.views.written_prompt import as_read, read_prompt


@require(can_label)
@require_POST
def task_review(request: HttpRequest, token: uuid.UUID) -> JsonResponse:
    """Return ``{"html"}``, the text as readers will see it, or why it could not be submitted; stores nothing."""
    assignment = assignment_for(request, token)
    try:
        html = _reviewed(request, assignment)
    except VolantError as refusal:
        return JsonResponse({"error": said(refusal)}, status=refusal.status)
    return JsonResponse({"html": html})


def _reviewed(request: HttpRequest, assignment: Assignment) -> str:
    task = assignment.task
    if task.kind == TaskKind.PROMPT:
        kind = str(task.brief.get("kind", PromptKind.PLAIN))
        prompt = check_prompt(read_prompt(request.POST), kind=kind, wanted_pairs=task.brief.get("pairs"))
        context = {
            "messages_shown": as_read(kind, prompt),
            "examples": len(prompt.pairs),
            "lang": task.brief.get("language", ""),
        }
        return render_to_string("labeling/reviewed_prompt.html", context)
    text = check_answer_text(request.POST.get("text", ""))
    lang = task.prompt.language if task.prompt else ""
    return render_to_string("components/markdown.html", {"text": text, "lang": lang})


@require(can_label)
@require_POST
def task_rows(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """Add a row of pairs, or take one away, and show the page again: what the script does where there is none.

    What was typed is saved as the draft on the way; a draft from another tab is not written over.
    """
    assignment = assignment_for(request, token)
    given = read_prompt(request.POST)
    pairs = list(given.pairs)
    removed = request.POST.get("remove", "")
    if removed.isdecimal() and len(removed) < 3 and int(removed) < len(pairs):
        del pairs[int(removed)]
    elif not removed and len(pairs) < MOST_PAIRS:
        pairs.append(Pair("", ""))
    draft = {**given.as_draft(), "pairs": [{"query": pair.query, "response": pair.response} for pair in pairs]}
    version = request.POST.get("version", "")
    known = version.isascii() and version.isdecimal() and len(version) < 10
    try:
        drafts.save_draft(
            token=token,
            labeler=person(request),
            draft=draft,
            base_version=int(version) if known else assignment.draft_version,
        )
    except VolantError as refusal:
        return task_page(request, assignment, draft, refusal=refusal)
    return redirect(f"{reverse('labeling:task', args=[token])}#pairs")
