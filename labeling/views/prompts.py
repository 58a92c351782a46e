"""Prompts of a project: counts, the list, one of them, and importing more."""

from __future__ import annotations

import io
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import person, require
from accounts.exceptions import VolantError
from accounts.forms import show_refusal
from accounts.permissions import can_research
from labeling.flag_counts import flag_counts
from labeling.forms import ImportForm
from labeling.models import Prompt, PromptFigures, PromptImport, Source, Split
from labeling.services.import_prompts import ImportReport, import_prompts
from labeling.views.scope import project_for

PAGE_SIZE = 50
_REFUSALS_SHOWN = 200
_FILTERS = ("split", "source", "category", "language")


@require(can_research)
@require_GET
def prompts(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Show counts by split × source × category × language, and the list that they filter."""
    project = project_for(request, project_slug)
    figures = list(PromptFigures.objects.filter(project=project))
    chosen = {name: request.GET[name] for name in _FILTERS if name in request.GET}
    before = request.GET.get("before", "")
    page = Prompt.objects.in_project(project).filter(**chosen).order_by("-pk")
    if before.isdecimal() and len(before) < 19:
        page = page.filter(pk__lt=int(before))
    rows = list(page[: PAGE_SIZE + 1])
    older = _older(request.GET, rows[PAGE_SIZE - 1].pk) if len(rows) > PAGE_SIZE else ""
    context = {
        "project": project,
        "table": _table(figures),
        "chosen": chosen,
        "rows": rows[:PAGE_SIZE],
        "older": older,
        "newer": "?" + _kept(request.GET) if before else "",
        "total": sum(row.count for row in figures if all(getattr(row, name) == chosen[name] for name in chosen)),
        "counted_at": figures[0].counted_at if figures else None,
        "imports": PromptImport.objects.filter(project=project).select_related("created_by")[:10],
    }
    return render(request, "labeling/prompts.html", context)


def _table(figures: list[PromptFigures]) -> dict[str, Any]:
    """Return rows of category × language with a count a split and source, and their sums."""
    columns = [(split, source) for split in Split.values for source in Source.values]
    rows: dict[tuple[str, str], dict[tuple[str, str], int]] = {}
    for row in figures:
        rows.setdefault((row.category, row.language), {})[(row.split, row.source)] = row.count
    body = [(key, [cells.get(column, 0) for column in columns], sum(cells.values())) for key, cells in rows.items()]
    body.sort(key=lambda row: -row[2])
    sums = [sum(row[1][number] for row in body) for number in range(len(columns))]
    labels = [(Split(split).label, Source(source).label) for split, source in columns]
    return {"columns": labels, "rows": body, "sums": sums, "total": sum(sums)}


def _kept(query: QueryDict) -> str:
    kept = query.copy()
    kept.pop("before", None)
    return str(kept.urlencode())


def _older(query: QueryDict, last: int) -> str:
    kept = query.copy()
    kept["before"] = str(last)
    return f"?{kept.urlencode()}"


@require(can_research)
@require_GET
def prompt(request: HttpRequest, project_slug: str, pk: int) -> HttpResponse:
    """Show one prompt with everything that is known about it."""
    project = project_for(request, project_slug)
    shown = get_object_or_404(Prompt.objects.in_project(project).select_related("imported", "author", "written"), pk=pk)
    answers = shown.demonstrations.current().select_related("labeler")[:20]
    context = {"project": project, "prompt": shown, "answers": answers, "flag_counts": flag_counts(shown)}
    return render(request, "labeling/prompt.html", context)


@require(can_research)
@require_http_methods(["GET", "POST"])
def prompt_import(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Import a file or pasted lines; a dry run shows the same report and stores nothing."""
    project = project_for(request, project_slug)
    form = ImportForm(request.POST or None, request.FILES or None)
    report: ImportReport | None = None
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            report = import_prompts(
                actor=person(request),
                project=project,
                filename=upload.name if upload else gettext("pasted"),
                stream=upload or io.BytesIO(form.cleaned_data["text"].encode()),
                format=form.cleaned_data["format"] or "auto",
                defaults=form.defaults(),
                dry_run=request.POST.get("action") != "import",
            )
        except VolantError as refusal:
            show_refusal(form, refusal)
    if report is not None and not report.dry_run and not report.refused_count:
        text = ngettext("%(n)d prompt imported.", "%(n)d prompts imported.", report.accepted)
        messages.success(request, text % {"n": report.accepted})
        return redirect("labeling:prompts", project_slug=project.slug)
    context = {"project": project, "form": form, "report": report}
    if report is not None:
        context["refused"] = report.refused[:_REFUSALS_SHOWN]
    return render(request, "labeling/prompt_import.html", context, status=422 if form.errors else 200)
