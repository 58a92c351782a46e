"""Guidelines as everybody of the project reads them: the newest, what changed since, and "I have read them"."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import person, require
from accounts.exceptions import VolantError
from accounts.permissions import can_label, can_research
from labeling.differences import compare_texts
from labeling.models import Acknowledgement, GuidelinesVersion, Project
from labeling.services import guidelines as services
from labeling.views.scope import project_for


@never_cache
@require(can_label)
@require_http_methods(["GET", "POST"])
def guidelines(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Show the newest guidelines with what changed since the reader's; POST says that they are read."""
    project, reader = project_for(request, project_slug), person(request)
    if request.method == "POST":
        given = request.POST.get("version", "")
        version = int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else 0
        try:
            services.acknowledge(user=reader, project=project, version=version)
        except VolantError as refusal:
            messages.warning(request, str(refusal.message))
            return redirect("labeling:guidelines", project_slug=project.slug)
        messages.success(request, gettext("Thank you. New work is given out again."))
        return redirect("labeling:work")
    read = Acknowledgement.objects.version_read(project=project, user=reader)
    versions = GuidelinesVersion.objects.filter(project=project)
    newest = versions.filter(version=project.guidelines_version).first()
    earlier = versions.filter(version=read).first() if 0 < read < project.guidelines_version else None
    context: dict[str, Any] = {
        "project": project,
        "newest": newest,
        "read": read,
        "wanted": project.pk in Acknowledgement.objects.wanted_in(projects=[project.pk], user=reader),
        "member": project.members.filter(pk=reader.pk).exists(),
        "earlier": earlier,
        "changes": compare_texts(earlier.text, newest.text) if earlier and newest else [],
    }
    return render(request, "labeling/guidelines.html", context)


@never_cache
@require(can_label)
@require_GET
def guidelines_history(request: HttpRequest, project_slug: str) -> HttpResponse:
    """List the versions, and show what one of them changed: ``?version=3``, against the one before or ``&since=1``."""
    project = project_for(request, project_slug)
    versions = list(GuidelinesVersion.objects.filter(project=project).select_related("created_by").order_by("-version"))
    shown = _version_of(project, request.GET.get("version"), project.guidelines_version)
    compared = shown.version > 1 or "since" in request.GET
    since = _version_of(project, request.GET.get("since"), shown.version - 1) if compared else None
    context: dict[str, Any] = {
        "project": project,
        "versions": versions,
        "shown": shown,
        "since": since,
        "changes": compare_texts(since.text, shown.text) if since else [],
    }
    if can_research(request.user):
        read = list(Acknowledgement.objects.filter(project=project).readers())
        names = {one.user_id for one in read}
        context |= {"readers": read, "unread": project.members.exclude(pk__in=names).order_by("username")}
    return render(request, "labeling/guidelines_history.html", context)


def _version_of(project: Project, given: str | None, otherwise: int) -> GuidelinesVersion:
    known = given is not None and given.isascii() and given.isdecimal() and len(given) < 10
    wanted = int(given) if known and given else otherwise
    return get_object_or_404(GuidelinesVersion, project=project, version=wanted)
