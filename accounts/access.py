"""Guards for pages: signed in, and allowed by one predicate of `accounts.permissions`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from accounts.models import User
from accounts.permissions import Actor

View = Callable[..., HttpResponseBase]


def require(predicate: Callable[[Actor], bool]) -> Callable[[View], View]:
    """Let a view answer only those whom `predicate` allows: others sign in first, or get a 403."""

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not predicate(request.user):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return cast(View, guarded)

    return decorate


def person(request: HttpRequest) -> User:
    """Return who asks. Only behind `require`, where nobody is anonymous."""
    assert isinstance(request.user, User)
    return request.user
