"""Who is here, and who is invited."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.access import person, require
from accounts.exceptions import VolantError
from accounts.forms import InviteForm, show_refusal
from accounts.models import Invitation, Role, User
from accounts.permissions import can_manage_people, can_research
from accounts.services import invitations
from accounts.services import people as services

_SHOWN = 200


def _page(request: HttpRequest, form: InviteForm, *, link: str = "", status: int = 200) -> HttpResponse:
    actor = person(request)
    context = {
        "form": form,
        "link": link,
        "people": User.objects.filter(is_active=True).order_by("is_simulated", "username")[:_SHOWN],
        "invitations": Invitation.objects.select_related("created_by", "accepted_by")[:_SHOWN],
        "roles": Role.choices,
        "may_change_roles": can_manage_people(actor),
        "now": timezone.now(),
        "chosen_projects": request.POST.getlist("project_slugs"),
    }
    return render(request, "accounts/people.html", context, status=status)


@never_cache
@require(can_research)
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """List people and invitations, with the form that invites."""
    return _page(request, InviteForm(actor=person(request)))


@never_cache
@require(can_research)
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    """Make an invitation and show its link; only now, because only a hash of its token is kept."""
    actor = person(request)
    form = InviteForm(request.POST, actor=actor)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        _invitation, token = invitations.invite(
            actor=actor,
            role=form.cleaned_data["role"],
            email=form.cleaned_data["email"],
            project_slugs=tuple(request.POST.getlist("project_slugs")),
            days=form.cleaned_data["days"],
        )
    except VolantError as refusal:
        show_refusal(form, refusal)
        return _page(request, form, status=refusal.status)
    link = request.build_absolute_uri(reverse("accounts:accept_invitation", args=[token]))
    return _page(request, InviteForm(actor=actor), link=link)


@require(can_research)
@require_POST
def withdraw_invitation(request: HttpRequest, pk: int) -> HttpResponse:
    """Make an unused link worthless."""
    try:
        invitations.withdraw(actor=person(request), invitation=get_object_or_404(Invitation, pk=pk))
        messages.success(request, gettext("The invitation was withdrawn; its link no longer works."))
    except VolantError as refusal:
        messages.error(request, str(refusal.message))
    return redirect("accounts:people")


@require(can_manage_people)
@require_POST
def change_role(request: HttpRequest, pk: int) -> HttpResponse:
    """Give somebody another role."""
    user = get_object_or_404(User, pk=pk)
    try:
        services.change_role(actor=person(request), user=user, role=request.POST.get("role", ""))
        user.refresh_from_db()
        role = user.get_role_display()
        messages.success(request, gettext("%(name)s is now %(role)s.") % {"name": user, "role": role})
    except VolantError as refusal:
        messages.error(request, str(refusal.message))
    return redirect("accounts:people")
