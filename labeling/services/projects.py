"""Projects and who works in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.exceptions import InvalidInput
from accounts.models import User
from accounts.permissions import Actor, can_research
from accounts.services import invitations
from labeling.exceptions import NotAllowed, ProjectRefused
from labeling.models import (
    Acknowledgement,
    Assignment,
    AssignmentState,
    GuidelinesVersion,
    Membership,
    Project,
    Slot,
    SlotState,
)
from labeling.services import ready
from labeling.services.judgement_forms import start_form
from labeling.services.judging import MAX_OUTPUTS
from labeling.services.leases import serialize_labeler

SETTINGS = (
    "name",
    "guidelines",
    "objective",
    "outputs_per_comparison",
    "compare_mode",
    "edit_step",
    "hide_named_outputs",
    "judgements_per_task",
    "overlap_share",
    "overlap_judgements",
    "lease_minutes",
    "valid_share",
    "ratings_first",
    "paused",
)
"""What a researcher sets; the form and the API are made of this list."""


def create_project(*, actor: User, name: str, slug: str, **settings: Any) -> Project:
    """Make a project; researchers only. Raises ProjectRefused naming the fields to mend."""
    if not can_research(actor):
        raise NotAllowed
    _refuse_unknown_settings(settings)
    project = Project(name=name, slug=slug, created_by=actor, **settings)
    _check(project)
    with transaction.atomic():
        project.save(force_insert=True)
        _keep_guidelines(project, actor)
        start_form(project, actor)
    return project


@transaction.atomic
def change_settings(*, actor: Actor, project: Project, **settings: Any) -> Project:
    """Change settings of a project; a change of the guidelines or the objective makes their next version.

    The validation share is fixed once prompts are there: another share would move keys between the splits.
    """
    if not can_research(actor):
        raise NotAllowed
    _refuse_unknown_settings(settings)
    current = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    new_share = settings.get("valid_share", current.valid_share)
    if new_share != current.valid_share and current.prompts.exists():
        raise ProjectRefused(
            fields={"valid_share": [_("Fixed once prompts are imported: another share would move prompts.")]}
        )
    rules = ("guidelines", "objective")
    changed = any(settings.get(name, getattr(current, name)) != getattr(current, name) for name in rules)
    current.guidelines_version += changed
    for field, value in settings.items():
        setattr(current, field, value)
    _check(current)
    current.save(update_fields=[*settings, "guidelines_version"])
    if changed:
        _keep_guidelines(current, actor)
    project.refresh_from_db()
    return project


def _keep_guidelines(project: Project, actor: Actor) -> None:
    """Keep what the project says now as a version. Whoever wrote it has read it."""
    if isinstance(actor, User):
        Acknowledgement.objects.create(project=project, user=actor, version=project.guidelines_version)
    GuidelinesVersion.objects.create(
        project=project,
        version=project.guidelines_version,
        text=project.guidelines,
        objective=project.objective,
        created_by=actor if isinstance(actor, User) else None,
    )


def _refuse_unknown_settings(settings: dict[str, Any]) -> None:
    unknown = sorted(set(settings) - set(SETTINGS))
    if unknown:
        raise ProjectRefused(fields={name: [_("There is no such setting.")] for name in unknown})


def _check(project: Project) -> None:
    try:
        project.full_clean(exclude=["created_by"])
    except ValidationError as error:
        raise ProjectRefused(fields=error.message_dict) from error
    if project.edit_step and project.outputs_shown >= MAX_OUTPUTS:
        sentence = _("With the edit step at most %(n)d outputs: the edited one is compared with them.")
        raise ProjectRefused(fields={"outputs_per_comparison": [sentence % {"n": MAX_OUTPUTS - 1}]})


def add_member(*, actor: Actor, project: Project, user: User) -> Membership:
    """Let a person work in a project; doing it twice is harmless."""
    if not can_research(actor):
        raise NotAllowed
    membership, _created = Membership.objects.get_or_create(project=project, user=user)
    return membership


@transaction.atomic
def remove_member(*, actor: Actor, project: Project, user: User) -> None:
    """Take a person out of a project and give their reserved work back; drafts and answers stay.

    What had run out goes back too: else the page that they left open would take its slot again.
    """
    if not can_research(actor):
        raise NotAllowed
    serialize_labeler(user)
    Membership.objects.filter(project=project, user=user).delete()
    ready.give_back(user)
    in_hand = Assignment.objects.of(user).filter(task__project=project)
    held = in_hand.filter(state=AssignmentState.ACTIVE)
    # Slot before assignment, the order of every lock here. Not those of what ran out: others may hold them by now.
    slots = Slot.objects.select_for_update(of=("self",)).filter(assignments__in=held, state=SlotState.HELD)
    Slot.objects.filter(pk__in=[slot.pk for slot in slots.order_by("pk")]).update(state=SlotState.OPEN, held_until=None)
    ended = [AssignmentState.ACTIVE, AssignmentState.EXPIRED]
    in_hand.filter(state__in=ended).update(state=AssignmentState.RELEASED, ended_at=timezone.now())


def refuse_unknown_projects(slugs: Sequence[str]) -> None:
    """Raise InvalidInput when a slug names no project."""
    known = set(Project.objects.filter(slug__in=slugs).values_list("slug", flat=True))
    unknown = [slug for slug in dict.fromkeys(slugs) if slug not in known]
    if unknown:
        sentence = _("There is no project named %(slugs)s.") % {"slugs": ", ".join(unknown)}
        raise InvalidInput(fields={"project_slugs": [sentence]})


def join_projects(user: User, slugs: Sequence[str]) -> None:
    """Make a new person a member of the projects that their invitation names and that still exist."""
    projects = Project.objects.filter(slug__in=slugs)
    Membership.objects.bulk_create(
        [Membership(project=project, user=user) for project in projects], ignore_conflicts=True
    )


def accept_invitation(*, token: str, username: str, password: str, display_name: str = "", email: str = "") -> User:
    """Accept an invitation; the person is a member of its projects afterwards (see `accounts.services.arrivals`)."""
    return invitations.accept(token=token, username=username, password=password, display_name=display_name, email=email)
