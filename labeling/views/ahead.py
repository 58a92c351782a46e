"""Keeping the next task ready beside the one that is worked on."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.access import person, require
from accounts.exceptions import VolantError
from accounts.permissions import can_label
from labeling.models import AssignmentState
from labeling.services import queue


def is_ahead(request: HttpRequest) -> bool:
    """Whether the browser fetches a page ahead, without anybody seeing it (the Sec-Purpose header of Fetch)."""
    return request.headers.get("Sec-Purpose", "").startswith("prefetch")


@never_cache
@require(can_label)
@require_POST
def task_ready(request: HttpRequest, token: uuid.UUID) -> JsonResponse:
    """Keep one more task ready; returns its address, until when, and the lease of the task that is worked on."""
    try:
        beside, claim = queue.keep_ready(token=token, labeler=person(request))
    except VolantError as refusal:
        return JsonResponse({"error": {"code": refusal.code, "message": str(refusal.message)}}, status=refusal.status)
    lease = {"expires_at": beside.expires_at.isoformat(), "expired": beside.state != AssignmentState.ACTIVE}
    kept = claim.assignment
    if kept is None:
        return JsonResponse({"lease": lease, "next": None, "until": None})
    return JsonResponse(
        {"lease": lease, "next": reverse("labeling:task", args=[kept.token]), "until": kept.expires_at.isoformat()}
    )
