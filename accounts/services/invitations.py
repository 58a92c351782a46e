"""Invitations: a link that lets one person in."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.exceptions import InvalidInput, InvitationUnusable, NotAllowed
from accounts.models import Invitation, User
from accounts.permissions import Actor, can_grant, can_manage_people
from accounts.services import arrivals
from accounts.services.people import new_person


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def find_usable(token: str) -> Invitation:
    """Return the invitation of a link. Raises InvitationUnusable alike for unknown, used, withdrawn and expired."""
    invitation = Invitation.objects.usable(now=timezone.now()).filter(token_sha256=token_hash(token)).first()
    if invitation is None:
        raise InvitationUnusable
    return invitation


def invite(
    *, actor: User, role: str, email: str = "", project_slugs: Sequence[str] = (), days: int = 14
) -> tuple[Invitation, str]:
    """Make an invitation and return it with its token, which cannot be had again: only the hash is stored.

    Raises NotAllowed when `actor` may not grant `role`, InvalidInput for a duration outside 1 to 90 days or an
    unknown project.
    """
    if not can_grant(actor, role):
        raise NotAllowed(_("You may not invite somebody in this role."))
    if not 1 <= days <= 90:
        raise InvalidInput(fields={"days": [_("An invitation is good for 1 to 90 days.")]})
    arrivals.refuse_unknown(project_slugs)
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        role=role,
        email=email.strip(),
        project_slugs=list(dict.fromkeys(project_slugs)),
        token_sha256=token_hash(token),
        created_by=actor,
        expires_at=timezone.now() + timedelta(days=days),
    )
    return invitation, token


@transaction.atomic
def accept(*, token: str, username: str, password: str, display_name: str = "", email: str = "") -> User:
    """Make the account that an invitation promises and join its projects; all of it or nothing.

    Raises InvitationUnusable, or InvalidInput naming the fields to mend; the link then stays good.
    """
    invitation = find_usable(token)
    # The row lock makes the second of two simultaneous clicks wait, then find the link used.
    locked = Invitation.objects.usable(now=timezone.now()).select_for_update().filter(pk=invitation.pk).first()
    if locked is None:
        raise InvitationUnusable
    user = new_person(
        username=username,
        password=password,
        role=locked.role,
        display_name=display_name,
        email=email or locked.email,
    )
    locked.accepted_at = timezone.now()
    locked.accepted_by = user
    locked.save(update_fields=["accepted_at", "accepted_by"])
    arrivals.join(user, locked.project_slugs)
    return user


def withdraw(*, actor: Actor, invitation: Invitation) -> None:
    """Make a link useless. Whoever made it may, and admins. An accepted one raises InvitationUnusable."""
    if actor.pk != invitation.created_by_id and not can_manage_people(actor):
        raise NotAllowed
    changed = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, withdrawn_at=None).update(
        withdrawn_at=timezone.now()
    )
    if not changed:
        raise InvitationUnusable(_("This invitation was already used or withdrawn."))
    invitation.refresh_from_db()
