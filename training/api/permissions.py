"""Training's API is for those who run the loop: a labeler never sees which policy wrote an output."""

from __future__ import annotations

from django.views import View
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.permissions import can_research


class IsResearcher(BasePermission):
    """Researchers and admins."""

    def has_permission(self, request: Request, view: View) -> bool:  # type: ignore[override]
        return can_research(request.user)
