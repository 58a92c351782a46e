"""The home of a labeler: one obvious next step for each project, or the honest reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.db.models import Count, Min, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import time_format
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.access import person, require
from accounts.models import User
from accounts.permissions import can_label
from labeling.models import Acknowledgement, Assignment, AssignmentState, Project, Round, SlotState, TaskKind
from labeling.services import queue
from labeling.templatetags.projects import SESSION_KEY
from labeling.views.scope import project_for


@dataclass(frozen=True)
class Ahead:
    """What waits for one labeler in one project."""

    project: Project
    round: Round | None
    write: int
    compare: int
    begun: list[Assignment]
    reserved_until: datetime | None
    left: int
    finished: int
    unread_guidelines: bool = False

    @property
    def total(self) -> int:
        return self.left + self.finished

    @property
    def state(self) -> str:
        """Why there is nothing new, or "ready"."""
        if self.project.paused:
            return "paused"
        if self.round is None:
            return "no_open_round"
        if self.unread_guidelines and self.left:
            return "guidelines"
        if self.write or self.compare:
            return "ready"
        if self.reserved_until:
            return "reserved"
        return "none_left_for_you" if self.left else "done"


@never_cache
@require(can_label)
@require_GET
def work(request: HttpRequest) -> HttpResponse:
    """Show the next step in each project of mine."""
    labeler = person(request)
    projects = list(Project.objects.filter(members=labeler))
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    done = Assignment.objects.of(labeler).filter(state=AssignmentState.SUBMITTED)
    unread = Acknowledgement.objects.wanted_in(projects=[project.pk for project in projects], user=labeler)
    context = {
        "ahead": [_ahead(labeler, project, unread_guidelines=project.pk in unread) for project in projects],
        "now": timezone.now(),
        "done": done.aggregate(all=Count("pk"), today=Count("pk", filter=Q(ended_at__gte=midnight))),
    }
    return render(request, "labeling/work.html", context)


def _ahead(labeler: User, project: Project, *, unread_guidelines: bool) -> Ahead:
    current = Round.objects.current(project)
    begun = (
        Assignment.objects.of(labeler)
        .filter(task__project=project, state__in=[AssignmentState.ACTIVE, AssignmentState.EXPIRED])
        .select_related("task__prompt")
        .order_by("-claimed_at")[:5]
    )
    if current is None:
        return Ahead(project, None, 0, 0, list(begun), None, 0, 0)
    kinds = [TaskKind.WRITE.value, TaskKind.COMPARE.value]
    now = timezone.now()
    free = Q(state=SlotState.OPEN) | Q(state=SlotState.HELD, held_until__lte=now)
    counts = queue.open_to(labeler=labeler, round=current, kinds=kinds).aggregate(
        write=Count("task", filter=free & Q(kind=TaskKind.WRITE), distinct=True),
        compare=Count("task", filter=free & Q(kind=TaskKind.COMPARE), distinct=True),
        until=Min("held_until", filter=Q(state=SlotState.HELD)),
    )
    slots = current.slots.aggregate(left=Count("pk", filter=~Q(state=SlotState.DONE)), all=Count("pk"))
    return Ahead(
        project,
        current,
        counts["write"],
        counts["compare"],
        list(begun),
        counts["until"],
        slots["left"],
        slots["all"] - slots["left"],
        unread_guidelines,
    )


@require(can_label)
@require_POST
def next_task(request: HttpRequest, project_slug: str, kind: str) -> HttpResponse:
    """Claim the next task and open it."""
    if kind not in TaskKind.values:
        raise Http404
    return open_next(request, project_for(request, project_slug), kind)


def open_next(request: HttpRequest, project: Project, kind: str) -> HttpResponse:
    """Redirect to the next task of `kind`, or to Work with a message that says why there is none."""
    return redirect(address_of_next(request, project, kind))


def address_of_next(request: HttpRequest, project: Project, kind: str) -> str:
    """Claim, and return the address to go to; when it is the Work page, a message says why.

    Unread guidelines are the one reason that a labeler mends at once, so the way leads there.
    """
    claim = queue.claim_next(labeler=person(request), project=project, kind=kind)
    if claim.assignment is not None:
        return reverse("labeling:task", args=[claim.assignment.token])
    if claim.nothing is not None and claim.nothing.reason == "guidelines":
        return reverse("labeling:guidelines", args=[project.slug])
    if claim.nothing is not None:
        messages.info(request, say_nothing(claim.nothing, project))
    return reverse("labeling:work")


def say_nothing(nothing: queue.Nothing, project: Project) -> str:
    """Return the sentence for a reason, with the time when a reserved task may come free."""
    if nothing.reason == "reserved" and nothing.until is not None:
        until = time_format(timezone.localtime(nothing.until), "H:i")
        return gettext(
            "Everything that is left is reserved by others until %(until)s at the latest. Look again then."
        ) % {"until": until}
    sentences = {
        "not_member": gettext("You are not a member of %(project)s. Ask a researcher to add you."),
        "paused": gettext("%(project)s is paused: no new work is given out for now."),
        "no_open_round": gettext("No round is open in %(project)s. There will be work when the next one opens."),
        "none_left_for_you": gettext(
            "You have judged everything in %(project)s that is yours to judge. Others finish the rest."
        ),
    }
    sentence = sentences.get(nothing.reason, gettext("Everything of this kind is done in %(project)s. Thank you."))
    return sentence % {"project": project.name}


@require(can_label)
@require_GET
def project_switch(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Remember which project the header is about."""
    project = project_for(request, project_slug)
    request.session[SESSION_KEY] = project.slug
    return redirect("labeling:work")
