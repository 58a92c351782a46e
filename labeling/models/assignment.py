"""A labeler's lease on a slot, with the draft that must never be lost."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from accounts.models import User
from accounts.permissions import Actor, can_review
from labeling.models.project import Project
from labeling.models.task import Slot, Task


class AssignmentState(models.TextChoices):
    """active → submitted | skipped | released; an active one whose lease ran out is *expired* (still savable)."""

    ACTIVE = "active", "active"
    EXPIRED = "expired", "expired"
    SUBMITTED = "submitted", "submitted"
    SKIPPED = "skipped", "skipped"
    RELEASED = "released", "released"


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def of(self, labeler: User) -> AssignmentQuerySet:
        return self.filter(labeler=labeler)

    def reviewable_by(self, actor: Actor) -> AssignmentQuerySet:
        """Return the work that `actor` may read and judge as a reviewer: of the projects they see, never their own."""
        if not can_review(actor):
            return self.none()
        return self.filter(task__project__in=Project.objects.visible_to(actor)).exclude(labeler=actor.pk)

    def kept_ready(self) -> AssignmentQuerySet:
        """Return what is reserved ahead of the labeler's asking and was never seen."""
        return self.filter(state=AssignmentState.ACTIVE, opened_at=None)

    def seen(self) -> AssignmentQuerySet:
        """Return all but what is only kept ready."""
        return self.exclude(state=AssignmentState.ACTIVE, opened_at=None)


class Assignment(models.Model):
    """A labeler's lease on a slot. `token` proves the lease: submit is idempotent on it.

    At most one assignment joins a labeler and a task, whatever became of it, so nobody judges or skips twice.
    """

    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    slot = models.ForeignKey(Slot, on_delete=models.PROTECT, related_name="assignments")
    # The unique index on both begins with the task, that of the history with the labeler: no further ones to keep.
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="assignments", db_index=False)
    labeler = models.ForeignKey(User, on_delete=models.PROTECT, related_name="assignments", db_index=False)
    state = models.CharField(max_length=12, choices=AssignmentState, default=AssignmentState.ACTIVE)
    claimed_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    shown_order = models.JSONField(default=list, help_text="Completion ids in the order this labeler saw them.")
    draft = models.JSONField(default=dict, blank=True)
    draft_version = models.PositiveIntegerField(default=0)
    draft_saved_at = models.DateTimeField(null=True, blank=True)
    skip_reason = models.CharField(max_length=40, blank=True)
    skip_note = models.TextField(blank=True)
    opened_at = models.DateTimeField(
        null=True, blank=True, help_text="When the labeler first saw the task; empty while it is only kept ready."
    )
    active_seconds = models.PositiveIntegerField(
        default=0, help_text="Time with signs of life; pauses of more than a minute do not count."
    )
    active_counted_at = models.DateTimeField(
        null=True, blank=True, help_text="Up to when active time was counted, so that two tabs do not count twice."
    )

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        ordering = ["-claimed_at"]
        constraints = [
            models.UniqueConstraint(fields=["task", "labeler"], name="assignment_once_a_labeler"),
            models.UniqueConstraint(fields=["slot"], condition=Q(state="active"), name="assignment_one_active_a_slot"),
            models.UniqueConstraint(
                fields=["labeler"], condition=Q(state="active", opened_at=None), name="assignment_one_kept_ready"
            ),
            models.CheckConstraint(condition=Q(state__in=AssignmentState.values), name="assignment_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=["active", "expired"], ended_at=None)
                | Q(state__in=["submitted", "skipped", "released"], ended_at__isnull=False),
                name="assignment_ended_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["labeler", "-ended_at", "-id"], name="assignment_history"),
            models.Index(fields=["expires_at"], condition=Q(state="active"), name="assignment_active_expiry"),
            models.Index(
                fields=["labeler", "state"], condition=Q(state__in=["active", "expired"]), name="assignment_in_hand"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.labeler} on {self.task_id}: {self.state}"

    @property
    def kept_ready(self) -> bool:
        """Whether it is only reserved ahead: the labeler has not seen the task."""
        return self.state == AssignmentState.ACTIVE and self.opened_at is None
