"""One predicate a rule: pages, API and templates all ask these and nothing else. Deny unless allowed."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser

from accounts.models import Role, User

Actor = User | AnonymousUser

_RANK = {Role.LABELER: 0, Role.REVIEWER: 1, Role.RESEARCHER: 2, Role.ADMIN: 3}


def _at_least(actor: Actor, role: Role) -> bool:
    if not isinstance(actor, User) or not actor.is_active:
        return False
    return actor.is_superuser or _RANK[Role(actor.role)] >= _RANK[role]


def can_label(actor: Actor) -> bool:
    """Write demonstrations and rank outputs in the projects one is a member of."""
    return _at_least(actor, Role.LABELER)


def can_review(actor: Actor) -> bool:
    """Read other labelers' work and send it back."""
    return _at_least(actor, Role.REVIEWER)


def can_research(actor: Actor) -> bool:
    """Run the loop: import prompts, freeze datasets, start runs, open rounds; see which model wrote what."""
    return _at_least(actor, Role.RESEARCHER)


def can_manage_people(actor: Actor) -> bool:
    """Invite people and change roles."""
    return _at_least(actor, Role.ADMIN)


def can_grant(actor: Actor, role: str) -> bool:
    """Invite somebody as `role`: researchers bring labelers and reviewers, admins anybody."""
    if can_manage_people(actor):
        return role in Role.values
    return can_research(actor) and role in (Role.LABELER, Role.REVIEWER)
