"""What researchers do to prompts: ask labelers for new ones, and mark one as sensitive."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import person, require
from accounts.exceptions import VolantError
from accounts.forms import show_refusal
from accounts.permissions import can_research
from labeling.models import Prompt, Round
from labeling.prompt_request_form import PromptRequestForm
from labeling.services.request_prompts import request_prompts
from labeling.services.sensitive import mark_sensitive
from labeling.views.scope import project_for


@require(can_research)
@require_http_methods(["GET", "POST"])
def ask_for_prompts(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Ask labelers for prompts in the open round."""
    project = project_for(request, project_slug)
    current = Round.objects.current(project)
    form = PromptRequestForm(request.POST or None)
    if request.method == "POST" and current is not None and form.is_valid():
        try:
            made = request_prompts(
                actor=person(request),
                round=current,
                brief=form.brief(),
                count=form.cleaned_data["count"],
                priority=form.cleaned_data["priority"] or 0,
            )
        except VolantError as refusal:
            show_refusal(form, refusal)
        else:
            text = ngettext("%(n)d prompt asked for.", "%(n)d prompts asked for.", made)
            messages.success(request, text % {"n": made})
            return redirect("labeling:prompts", project_slug=project.slug)
    context = {"project": project, "round": current, "form": form}
    return render(request, "labeling/ask_for_prompts.html", context, status=422 if form.errors else 200)


@require(can_research)
@require_POST
def prompt_sensitive(request: HttpRequest, project_slug: str, pk: int) -> HttpResponse:
    """Mark a prompt as sensitive, or take the mark off."""
    project = project_for(request, project_slug)
    prompt = get_object_or_404(Prompt.objects.in_project(project), pk=pk)
    sensitive = request.POST.get("sensitive") == "yes"
    mark_sensitive(actor=person(request), prompt=prompt, sensitive=sensitive)
    if sensitive:
        text = gettext("Marked as sensitive: it is shown behind a veil, and not to who opted out.")
    else:
        text = gettext("No longer marked as sensitive.")
    messages.success(request, text)
    return redirect("labeling:prompt", project_slug=project.slug, pk=prompt.pk)
