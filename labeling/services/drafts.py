"""Drafts: what a labeler has typed so far is on the server, whatever becomes of the lease."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from labeling.conversations import storable_json
from labeling.exceptions import AlreadyAnswered, AnswerRefused, StaleDraft
from labeling.models import Assignment, AssignmentState
from labeling.services.active_time import count_active
from labeling.services.leases import hold, lock_lease

MAX_DRAFT_CHARACTERS = 200_000


@transaction.atomic
def save_draft(
    *, token: uuid.UUID | str, labeler: User, draft: dict[str, Any], base_version: int, active_seconds: int = 0
) -> Assignment:
    """Store a draft and renew the lease; returns the assignment with the new `draft_version`.

    `base_version` is the version that the page had loaded. Sending the same draft again (a retry) is harmless. A draft
    of an expired, skipped or released assignment is stored too. `active_seconds`: the time with signs of life that the
    page has not told before. Raises StaleDraft when another tab saved something else meanwhile, AlreadyAnswered after
    the submission, AnswerRefused when it is not an object or too large.
    """
    if not isinstance(draft, dict):
        raise AnswerRefused(_("A draft is a JSON object."))
    try:
        clean = storable_json(draft)
        length = len(json.dumps(clean, ensure_ascii=False, allow_nan=False))
    except (ValueError, RecursionError) as error:
        raise AnswerRefused(_("This draft is no plain JSON. Reload the page; your text is kept.")) from error
    if length > MAX_DRAFT_CHARACTERS:
        raise AnswerRefused(_("This draft is too large to store. Copy it to a safe place and shorten it."))
    assignment = lock_lease(token=token, labeler=labeler)
    if assignment.state == AssignmentState.SUBMITTED:
        raise AlreadyAnswered(_("This task was submitted. Revise your answer in My work."))
    now = timezone.now()
    hold(assignment, now=now)
    counted = count_active(assignment, active_seconds, now=now)
    if counted:
        assignment.save(update_fields=counted)
    if clean == assignment.draft and base_version <= assignment.draft_version:
        return assignment
    if base_version != assignment.draft_version:
        raise StaleDraft(stored=assignment.draft, stored_version=assignment.draft_version, yours=clean)
    keep_draft(assignment, clean)
    return assignment


@transaction.atomic
def note_life(*, token: uuid.UUID | str, labeler: User, active_seconds: int) -> Assignment:
    """Renew the lease of somebody who reads without changing anything, and count the time; the draft stays."""
    assignment = lock_lease(token=token, labeler=labeler)
    now = timezone.now()
    hold(assignment, now=now)
    counted = count_active(assignment, active_seconds, now=now)
    if counted and assignment.state != AssignmentState.SUBMITTED:
        assignment.save(update_fields=counted)
    return assignment


def keep_draft(assignment: Assignment, draft: dict[str, Any]) -> None:
    """Store a draft on a locked assignment as its next version."""
    assignment.draft = draft
    assignment.draft_version += 1
    assignment.draft_saved_at = timezone.now()
    assignment.save(update_fields=["draft", "draft_version", "draft_saved_at"])
