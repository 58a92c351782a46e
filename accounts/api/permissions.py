"""Permission classes made of the predicates that pages ask too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import User
from accounts.permissions import Actor, can_label, can_manage_people, can_research, can_review


class _Allowed(BasePermission):
    predicate: Callable[[Actor], bool]

    def has_permission(self, request: Request, view: Any) -> bool:
        return type(self).predicate(request.user)


class CanLabel(_Allowed):
    predicate = staticmethod(can_label)


class CanReview(_Allowed):
    predicate = staticmethod(can_review)


class CanResearch(_Allowed):
    predicate = staticmethod(can_research)


class CanManagePeople(_Allowed):
    predicate = staticmethod(can_manage_people)


def actor_of(request: Request) -> User:
    """Return who asks; only behind a permission that wants somebody signed in."""
    assert isinstance(request.user, User)
    return request.user
