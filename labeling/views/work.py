"""The home of a labeler: one obvious next step for each project, or the honest reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import time_format
from django.utils.translation import get_language_info, gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.access import person, require
from accounts.models import User
from accounts.permissions import can_label
from labeling.models import Assignment, AssignmentState, Project, Round, RoundFigures, TaskKind
from labeling.services import outlook, queue
from labeling.services.nothing import Nothing
from labeling.templatetags.projects import SESSION_KEY
from labeling.views.scope import project_for

# Comparisons first: they are what a round waits for longest.
_STEPS = (TaskKind.COMPARE, TaskKind.WRITE, TaskKind.PROMPT)


@dataclass(frozen=True)
class Step:
    """A kind of work that waits, and the least number of tasks of it."""

    kind: str
    count: int

    @property
    def capped(self) -> bool:
        return self.count >= outlook.CAP


@dataclass(frozen=True)
class Ahead:
    """What waits for one labeler in one project."""

    project: Project
    round: Round | None
    steps: list[Step]
    begun: list[Assignment]
    nothing: Nothing | None
    figures: list[RoundFigures]

    @property
    def why(self) -> str:
        """Why there is nothing new, in a sentence; empty when there is."""
        if self.nothing is None:
            return ""
        if self.nothing.reason == "done" and not self.total:
            return gettext("Nothing was asked for in this round yet.")
        return say_nothing(self.nothing, self.project)

    @property
    def finished(self) -> int:
        return sum(row.done for row in self.figures)

    @property
    def total(self) -> int:
        return sum(row.total for row in self.figures)

    @property
    def counted_at(self) -> datetime | None:
        return min((row.counted_at for row in self.figures), default=None)


@never_cache
@require(can_label)
@require_GET
def work(request: HttpRequest) -> HttpResponse:
    """Show the next step in each project of mine. Who looks here works on nothing: what was kept ready goes back."""
    labeler = person(request)
    queue.stop(labeler=labeler)
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    done = Assignment.objects.of(labeler).filter(state=AssignmentState.SUBMITTED)
    context = {
        "ahead": [_ahead(labeler, project) for project in Project.objects.filter(members=labeler)],
        "now": timezone.now(),
        "done": done.aggregate(all=Count("pk"), today=Count("pk", filter=Q(ended_at__gte=midnight))),
    }
    return render(request, "labeling/work.html", context)


def _ahead(labeler: User, project: Project) -> Ahead:
    begun = (
        Assignment.objects.of(labeler)
        .seen()
        .filter(task__project=project, state__in=[AssignmentState.ACTIVE, AssignmentState.EXPIRED])
        .select_related("task__prompt")
        .order_by("-claimed_at")[:5]
    )
    current = Round.objects.current(project)
    ahead = outlook.look(labeler=labeler, project=project)
    steps = [Step(kind, ahead.waiting[kind]) for kind in _STEPS if ahead.waiting.get(kind)]
    figures = list(RoundFigures.objects.filter(round=current)) if current else []
    return Ahead(project, current, steps, list(begun), ahead.nothing, figures)


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
    if claim.token is not None:
        return reverse("labeling:task", args=[claim.token])
    if claim.nothing is not None and claim.nothing.reason == "guidelines":
        return reverse("labeling:guidelines", args=[project.slug])
    if claim.nothing is not None:
        messages.info(request, say_nothing(claim.nothing, project))
    return reverse("labeling:work")


def say_nothing(nothing: Nothing, project: Project) -> str:
    """Return the sentence for a reason, with the time when a reserved task may come free, or what is not qualified."""
    if nothing.reason == "reserved" and nothing.until is not None:
        until = time_format(timezone.localtime(nothing.until), "H:i")
        return gettext(
            "Everything that is left is reserved by others until %(until)s at the latest. Look again then."
        ) % {"until": until}
    if nothing.reason == "not_qualified":
        return _say_not_qualified(nothing, project)
    sentences = {
        "not_member": gettext("You are not a member of %(project)s. Ask a researcher to add you."),
        "paused": gettext(
            "%(project)s is paused: no new work is given out for now. What you began can still be submitted."
        ),
        "guidelines": gettext(
            "There are guidelines that you have not read yet. New work is given out as soon as you have."
        ),
        "no_open_round": gettext("No round is open in %(project)s. There will be work when the next one opens."),
        "none_left_for_you": gettext(
            "You have judged everything in %(project)s that is yours to judge. Others finish the rest."
        ),
    }
    sentence = sentences.get(
        nothing.reason, gettext("Everything that was asked for in %(project)s is done. Thank you.")
    )
    return sentence % {"project": project.name}


def _say_not_qualified(nothing: Nothing, project: Project) -> str:
    wanted = []
    if nothing.languages:
        names = ", ".join(language_name(code) for code in nothing.languages)
        wanted.append(gettext("languages: %(names)s") % {"names": names})
    if nothing.skills:
        wanted.append(gettext("skills: %(names)s") % {"names": ", ".join(nothing.skills)})
    said = ""
    if wanted:
        said = gettext(
            "Nothing is left for you in %(project)s. What is open wants qualifications that you are not set down for "
            "(%(wanted)s). Ask a researcher if you have them."
        )
    elif nothing.sensitive:
        said = gettext(
            "Nothing is left for you in %(project)s. What is open is marked as sensitive, and you chose not to be "
            "given that. Preferences change it."
        )
    return said % {"project": project.name, "wanted": "; ".join(wanted)}


def language_name(code: str) -> str:
    """Return the name of a language in the reader's own, or its code where Django knows none."""
    if code == "zh":  # Django knows only its scripts.
        return gettext("Chinese")
    try:
        return str(get_language_info(code)["name_translated"])
    except KeyError:
        return code


@require(can_label)
@require_GET
def project_switch(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Remember which project the header is about."""
    project = project_for(request, project_slug)
    request.session[SESSION_KEY] = project.slug
    return redirect("labeling:work")
