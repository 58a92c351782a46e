"""What a member is given: the member's own choice, and the researcher's."""

from __future__ import annotations

import re

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from accounts.access import person, require
from accounts.exceptions import VolantError
from accounts.permissions import can_label, can_research
from labeling.models import Membership
from labeling.services import memberships
from labeling.views.scope import project_for

# Commas of any script, or lines.
_BETWEEN = re.compile(r"[,;，、；\n]")


@require(can_label)
@require_POST
def sensitive_content(request: HttpRequest) -> HttpResponse:
    """Store for each of my projects whether ``shows`` names it."""
    user, shown = person(request), set(request.POST.getlist("shows"))
    for membership in Membership.objects.filter(user=user).select_related("project"):
        if (membership.project.slug in shown) != membership.shows_sensitive:
            memberships.show_sensitive(user=user, project=membership.project, shows=membership.project.slug in shown)
    messages.success(request, gettext("Saved."))
    return redirect("accounts:preferences")


@require(can_research)
@require_POST
def qualify(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Store languages and skills of one member."""
    project = project_for(request, project_slug)
    member = get_object_or_404(project.members, username=request.POST.get("member", ""))
    try:
        memberships.qualify(
            actor=person(request),
            project=project,
            user=member,
            languages=_BETWEEN.split(request.POST.get("languages", "")),
            skills=_BETWEEN.split(request.POST.get("skills", "")),
        )
    except VolantError as refusal:
        messages.error(request, str(refusal.message))
    else:
        messages.success(request, gettext("Saved for %(name)s.") % {"name": member})
    return redirect("labeling:project_settings", project_slug=project.slug)
