"""Marking a prompt as sensitive: it is shown behind a veil, and not given to labelers who opted out."""

from __future__ import annotations

from django.db import transaction

from accounts.permissions import Actor, can_research
from labeling.exceptions import NotAllowed
from labeling.models import Prompt, Slot, SlotState
from labeling.services.new_tasks import open_lanes


@transaction.atomic
def mark_sensitive(*, actor: Actor, prompt: Prompt, sensitive: bool) -> Prompt:
    """Mark a prompt as sensitive or take the mark off; researchers only. Who did it stands in the audit log.

    What still waits for judgement moves to the queue that the mark asks for. What somebody has in hand stays with them,
    behind the veil.
    """
    if not can_research(actor):
        raise NotAllowed
    # Slots first, in one order: the same rows that claims lock.
    waiting = Slot.objects.select_for_update(of=("self",)).filter(task__prompt=prompt).exclude(state=SlotState.DONE)
    slots = [slot.pk for slot in waiting.order_by("pk")]
    locked = Prompt.objects.select_for_update(no_key=True, of=("self",)).select_related("project").get(pk=prompt.pk)
    if locked.sensitive != sensitive:
        locked.sensitive = sensitive
        locked.save(update_fields=["sensitive"])
        wanted = (locked.language, locked.skill, sensitive)
        lane = open_lanes(locked.project, {wanted})[wanted]
        Slot.objects.filter(pk__in=slots).update(lane=lane)
    prompt.sensitive = sensitive
    return prompt
