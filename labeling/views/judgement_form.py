"""The researcher's page of a judgement form: begin with one that exists, edit, preview, save as the next version."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from accounts.access import person, require
from accounts.exceptions import VolantError
from accounts.permissions import can_research
from labeling.built_in_forms import BUILT_IN, NAMES, RULES, STARTING_RULES, rules_form
from labeling.judgement_forms import Fields, as_json, check_fields
from labeling.models import JudgementForm, Project
from labeling.services.judgement_forms import MAX_NAME, Form, change_form, current_form, read_form
from labeling.views.form_editor import Row, as_fields, changed, read_rows, read_rules, rows_of
from labeling.views.judgement import questions_about
from labeling.views.scope import project_for

_HISTORY = 50


@require(can_research)
@require_http_methods(["GET", "POST"])
def judgement_form(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Edit the form of a project. ``?start=NAME`` begins with one of Volant's, ``?version=N`` with an earlier one."""
    project = project_for(request, project_slug)
    current = current_form(project)
    if request.method == "POST":
        return _posted(request, project, current)
    start, version = request.GET.get("start", ""), request.GET.get("version", "")
    if start == RULES:
        return _page(request, project, current, name=RULES, rules=[gettext(rule) for rule in STARTING_RULES])
    if start in BUILT_IN:
        return _page(request, project, current, name=start, rows=rows_of(BUILT_IN[start]))
    shown = current
    if version.isascii() and version.isdecimal() and len(version) < 10:
        shown = read_form(get_object_or_404(JudgementForm, project=project, version=int(version)))
    if _is_rules(shown):
        return _page(request, project, current, name=shown.name, rules=[field.label for field in shown.fields])
    return _page(request, project, current, name=shown.name, rows=rows_of(shown.fields))


def _is_rules(form: Form) -> bool:
    return form.fields == rules_form([field.label for field in form.fields])


def _posted(request: HttpRequest, project: Project, current: Form) -> HttpResponse:
    action, name = request.POST.get("action", ""), request.POST.get("name", "")
    as_rules = "rules" in request.POST
    rules, rows = read_rules(request.POST.get("rules", "")), read_rows(request.POST)
    if not as_rules and (after := changed(rows, action)) is not None:
        return _page(request, project, current, name=name, rows=after, opened=action == "add")
    fields = as_json(rules_form(rules)) if as_rules else as_fields(rows)
    editor: dict[str, Any] = {"name": name, **({"rules": rules} if as_rules else {"rows": rows})}
    if action != "save":
        return _page(request, project, current, **editor)
    try:
        row = change_form(actor=person(request), project=project, name=name, fields=fields)
    except VolantError as refusal:
        return _page(request, project, current, **editor, refusal=refusal)
    if row.version == current.version:
        messages.info(request, gettext("Nothing changed: this form is in use already."))
    else:
        said = gettext("Saved. The next comparisons are judged with version %(n)d.") % {"n": row.version}
        messages.success(request, said)
    return redirect("labeling:judgement_form", project_slug=project.slug)


def _page(
    request: HttpRequest,
    project: Project,
    current: Form,
    *,
    name: str,
    rows: list[Row] | None = None,
    rules: list[str] | None = None,
    opened: bool = False,
    refusal: VolantError | None = None,
) -> HttpResponse:
    """Show the editor. `opened`: the last row was added just now. What cannot be asked is told and not previewed."""
    fields: Fields = ()
    try:
        fields = check_fields(as_json(rules_form(rules)) if rules is not None else as_fields(rows or []))
    except VolantError as wrong:
        if request.method == "POST" and not opened:
            refusal = refusal or wrong
    problems = [sentence for sentences in (refusal.fields if refusal else {}).values() for sentence in sentences]
    context = {
        "project": project,
        "current": current,
        "name": name,
        "max_name": MAX_NAME,
        "rows": rows,
        "rules": None if rules is None else "\n".join(rules),
        "opened": opened,
        "problems": problems,
        "preview": questions_about(0, {}, tuple(field.shown() for field in fields)),
        "built_in": NAMES.items(),
        "kinds": [
            ("scale", gettext("a scale of numbers")),
            ("flag", gettext("a flag to tick")),
            ("choice", gettext("one of several answers")),
        ],
        "history": JudgementForm.objects.filter(project=project)
        .select_related("created_by")
        .order_by("-version")[:_HISTORY],
    }
    status = 422 if refusal is not None and refusal.fields else 200
    return render(request, "labeling/judgement_form.html", context, status=status)
