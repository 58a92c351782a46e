"""Checkpoints: register a base model, promote a policy."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from training.exceptions import Refused, require_researcher
from training.models import POLICY_KINDS, Checkpoint
from training.services.base_models import register_base

__all__ = ["promote_checkpoint", "register_base"]


def promote_checkpoint(*, actor: User, checkpoint: Checkpoint) -> Checkpoint:
    """Make a policy the one that its project shows to customers; the one before steps back.

    Promoting it again changes nothing. Reward models and shared bases cannot be promoted.
    """
    require_researcher(actor)
    if checkpoint.kind not in POLICY_KINDS:
        raise Refused(_("A reward model answers no prompts, so it cannot be promoted; choose a policy."))
    if checkpoint.project_id is None:
        raise Refused(_("A shared base model belongs to no project; promote one of the project's own policies."))
    with transaction.atomic():
        rivals = Checkpoint.objects.select_for_update().filter(project=checkpoint.project_id, promoted_at__isnull=False)
        if any(rival.pk == checkpoint.pk for rival in rivals):
            return Checkpoint.objects.get(pk=checkpoint.pk)
        rivals.update(promoted_at=None, promoted_by=None)
        checkpoint.promoted_at, checkpoint.promoted_by = timezone.now(), actor
        checkpoint.save(update_fields=["promoted_at", "promoted_by"])
    return checkpoint
