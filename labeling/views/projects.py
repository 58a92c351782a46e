"""Projects: the list, a new one, settings with guidelines, and who works in them."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import person, require
from accounts.exceptions import VolantError
from accounts.forms import show_refusal
from accounts.models import User
from accounts.permissions import can_research
from labeling.forms import MemberForm, ProjectForm
from labeling.models import Membership, Project, Round
from labeling.services import projects as services
from labeling.views.scope import project_for


@require(can_research)
@require_GET
def project_list(request: HttpRequest) -> HttpResponse:
    """List every project with what it holds."""
    rows = Project.objects.visible_to(request.user).annotate(people=Count("members", distinct=True))
    counted = {project.pk: project.prompts.count() for project in rows}
    rounds = {current.project_id: current for current in Round.objects.filter(state="open")}
    table = [(project, counted[project.pk], rounds.get(project.pk)) for project in rows]
    return render(request, "labeling/projects.html", {"table": table})


@require(can_research)
@require_http_methods(["GET", "POST"])
def project_new(request: HttpRequest) -> HttpResponse:
    """Make a project; whoever makes it is its first member."""
    form = ProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        actor = person(request)
        try:
            project = services.create_project(actor=actor, **form.settings())
            services.add_member(actor=actor, project=project, user=actor)
        except VolantError as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, gettext("The project is made. Import its prompts next."))
            return redirect("labeling:prompts", project_slug=project.slug)
    return render(request, "labeling/project_new.html", {"form": form}, status=422 if form.is_bound else 200)


@require(can_research)
@require_http_methods(["GET", "POST"])
def project_settings(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Show and change settings and guidelines."""
    project = project_for(request, project_slug)
    # The form checks a copy: validating a ModelForm writes into its instance.
    form = ProjectForm(request.POST or None, instance=Project.objects.get(pk=project.pk))
    if request.method == "POST" and form.is_valid():
        try:
            services.change_settings(actor=person(request), project=project, **form.settings())
        except VolantError as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, gettext("Saved."))
            return redirect("labeling:project_settings", project_slug=project.slug)
    context = {
        "form": form,
        "project": project,
        "memberships": Membership.objects.filter(project=project).select_related("user").order_by("user__username"),
        "member_form": MemberForm(project=project),
    }
    return render(request, "labeling/project_settings.html", context, status=422 if form.is_bound else 200)


@require(can_research)
@require_POST
def project_members(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Add the person of ``user``, or take out the one of ``remove``."""
    project, actor = project_for(request, project_slug), person(request)
    if "remove" in request.POST:
        member = get_object_or_404(project.members, username=request.POST["remove"])
        services.remove_member(actor=actor, project=project, user=member)
        messages.success(request, gettext("%(name)s no longer works in this project.") % {"name": member})
    else:
        form = MemberForm(request.POST, project=project)
        if form.is_valid():
            user: User = form.cleaned_data["user"]
            services.add_member(actor=actor, project=project, user=user)
            messages.success(request, gettext("%(name)s now works in this project.") % {"name": user})
        else:
            messages.error(request, gettext("Choose somebody who is not a member yet."))
    return redirect("labeling:project_settings", project_slug=project.slug)
