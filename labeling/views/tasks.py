"""One task on the screen: show it, keep its draft, submit it, skip it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import person, require
from accounts.exceptions import VolantError
from accounts.permissions import can_label
from labeling.exceptions import AlreadyAnswered, StaleDraft
from labeling.models import Assignment, AssignmentState, PromptKind, TaskKind
from labeling.models.answer import Answer
from labeling.rendering import render_markdown
from labeling.services import active_time, answers, drafts, queue, texts, written_prompts
from labeling.services.judging import asked_for
from labeling.views.ahead import is_ahead
from labeling.views.judgement import compare_context, read_comparison, read_demonstration
from labeling.views.scope import assignment_for
from labeling.views.work import address_of_next
from labeling.views.written_prompt import read_prompt, shown

_MAX_PREVIEW = 100_000


@never_cache
@require(can_label)
@require_GET
def task(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """Show a task with its draft; one that ended shows what became of it."""
    assignment = assignment_for(request, token)
    if assignment.kept_ready and not is_ahead(request):
        assignment = queue.open_task(token=token, labeler=person(request))
    if assignment.state not in (AssignmentState.ACTIVE, AssignmentState.EXPIRED):
        return _ended(request, assignment)
    return task_page(request, assignment, assignment.draft)


def _ended(request: HttpRequest, assignment: Assignment) -> HttpResponse:
    """Say what became of a task, and show the words that are in no answer: nobody else would ever see them."""
    saved, ended = assignment.draft_saved_at, assignment.ended_at
    late = saved is not None and ended is not None and saved > ended
    context: dict[str, Any] = {"assignment": assignment, "project": assignment.task.project}
    if late or assignment.state != AssignmentState.SUBMITTED:
        draft = assignment.draft
        given = (draft.get(name) for name in ("text", "edited_text", "note"))
        context["unsent"] = [text for text in given if isinstance(text, str) and text.strip()]
        context["pairs"] = shown({"kind": PromptKind.FEW_SHOT}, draft)["pairs"] if draft.get("pairs") else []
    return render(request, "labeling/ended.html", context)


def task_page(
    request: HttpRequest, assignment: Assignment, draft: dict[str, Any], *, refusal: VolantError | None = None
) -> HttpResponse:
    """Show the screen of a task's kind with a draft, and why it was refused."""
    lease_over = assignment.state == AssignmentState.EXPIRED or assignment.expires_at <= timezone.now()
    context: dict[str, Any] = {
        "assignment": assignment,
        "project": assignment.task.project,
        "prompt": assignment.task.prompt,
        "draft": draft,
        "lease_over": lease_over,
        "refusal": refusal,
        "skip_reasons": queue.SKIP_REASONS,
        "max_note": texts.MAX_NOTE,
    }
    status = refusal.status if refusal else 200
    if assignment.task.kind == TaskKind.PROMPT:
        context |= shown(assignment.task.brief, draft)
        return render(request, "labeling/write_prompt.html", {**context, "max_answer": texts.MAX_ANSWER}, status=status)
    if assignment.task.kind == TaskKind.WRITE:
        return render(request, "labeling/write.html", {**context, "max_answer": texts.MAX_ANSWER}, status=status)
    context |= compare_context(assignment, draft, asked_for(assignment))
    return render(request, "labeling/compare.html", context, status=status)


@never_cache
@require(can_label)
@require_http_methods(["POST", "PUT"])
def task_draft(request: HttpRequest, token: uuid.UUID) -> JsonResponse:
    """Save ``{"draft": {...}, "version": n, "active": seconds}``; a newer draft of another tab is a 409 with both.

    With ``"alive": true`` instead of a draft only the lease is renewed and the time counted.
    """
    try:
        body = json.loads(request.body)
        draft, version, active = body.get("draft"), int(body["version"]), int(body.get("active", 0))
        alive = draft is None and body["alive"] is True
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        sentence = gettext("The page sent something that is no draft. Reload it; your text is kept in this browser.")
        return JsonResponse({"error": {"code": "invalid", "message": sentence}}, status=400)
    try:
        saved = (
            drafts.note_life(token=token, labeler=person(request), active_seconds=active)
            if alive
            else drafts.save_draft(
                token=token, labeler=person(request), draft=draft, base_version=version, active_seconds=active
            )
        )
    except StaleDraft as refusal:
        stored = {"draft": refusal.stored, "version": refusal.stored_version}
        return JsonResponse({"error": said(refusal), "stored": stored}, status=refusal.status)
    except VolantError as refusal:
        return JsonResponse({"error": said(refusal)}, status=refusal.status)
    return JsonResponse(
        {
            "version": saved.draft_version,
            "saved_at": (saved.draft_saved_at or timezone.now()).isoformat(),
            "expires_at": saved.expires_at.isoformat(),
            "expired": saved.state != AssignmentState.ACTIVE,
        }
    )


def said(refusal: VolantError) -> dict[str, Any]:
    fields = {name: [str(sentence) for sentence in sentences] for name, sentences in refusal.fields.items()}
    return {"code": refusal.code, "message": str(refusal.message), "fields": fields}


@require(can_label)
@require_POST
def task_submit(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """Submit, then open the next task of the same kind; a refusal leaves everything on the page.

    The page's script asks for JSON and gets ``{"next": address}`` or ``{"error": ...}``.
    """
    assignment = assignment_for(request, token)
    kind, labeler = assignment.task.kind, person(request)
    draft, submit = _read(request.POST, assignment)
    try:
        answer = submit(token=token, labeler=labeler)
    except VolantError as refusal:
        if _wants_json(request):
            return JsonResponse({"error": said(refusal)}, status=refusal.status)
        if isinstance(refusal, AlreadyAnswered):
            messages.warning(request, str(refusal.message))
            return redirect("labeling:task", token=token)
        return task_page(request, assignment, draft, refusal=refusal)
    active_time.count_last(token=token, labeler=labeler, seconds=_seconds(request.POST.get("active_seconds", "")))
    if answer.surplus:
        messages.info(
            request, gettext("Saved. Somebody else had answered meanwhile; yours counts as a second opinion.")
        )
    stop = request.POST.get("then") == "stop"
    there = reverse("labeling:work") if stop else address_of_next(request, assignment.task.project, kind)
    return JsonResponse({"next": there}) if _wants_json(request) else redirect(there)


def _read(form: QueryDict, assignment: Assignment) -> tuple[dict[str, Any], Callable[..., Answer]]:
    """Return what stood in the form as a draft, and the service that is to have it."""
    if assignment.task.kind == TaskKind.WRITE:
        draft = read_demonstration(form)
        return draft, partial(answers.submit_demonstration, **draft)
    if assignment.task.kind == TaskKind.PROMPT:
        given = read_prompt(form)
        return given.as_draft(), partial(written_prompts.submit_written_prompt, given=given)
    judgement = read_comparison(form, asked_for(assignment).form.fields)
    return judgement.as_draft(), partial(answers.submit_comparison, judgement=judgement)


def _seconds(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


@require(can_label)
@require_POST
def task_skip(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """Pass a task over with a reason, and open the next of the same kind."""
    assignment = assignment_for(request, token)
    try:
        queue.skip(
            token=token,
            labeler=person(request),
            reason=request.POST.get("reason", ""),
            note=request.POST.get("skip_note", "")[: texts.MAX_NOTE],
        )
    except VolantError as refusal:
        reasons = [str(sentence) for sentences in refusal.fields.values() for sentence in sentences]
        messages.error(request, " ".join(reasons or [str(refusal.message)]))
        return redirect("labeling:task", token=token)
    return redirect(address_of_next(request, assignment.task.project, assignment.task.kind))


@require(can_label)
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """Render Markdown as everybody will read it."""
    return HttpResponse(render_markdown(request.POST.get("text", "")[:_MAX_PREVIEW]))
