"""Checkpoints: model directories with their lineage."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from labeling.models import Project


class CheckpointKind(models.TextChoices):
    BASE = "base", _("base model")
    SFT = "sft", _("SFT policy")
    REWARD = "reward", _("reward model")
    PPO = "ppo", _("PPO policy")


POLICY_KINDS = (CheckpointKind.BASE, CheckpointKind.SFT, CheckpointKind.PPO)


class CheckpointQuerySet(models.QuerySet["Checkpoint"]):
    def usable_in(self, project: Project) -> CheckpointQuerySet:
        """Return the checkpoints of `project` and the base models shared by all."""
        return self.filter(Q(project=project) | Q(project=None))

    def policies(self) -> CheckpointQuerySet:
        """Return what can answer prompts."""
        return self.filter(kind__in=POLICY_KINDS)


class Checkpoint(models.Model):
    """A model directory (or a hub id) and where it came from."""

    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.PROTECT, related_name="checkpoints", help_text="Empty: shared."
    )
    kind = models.CharField(max_length=8, choices=CheckpointKind)
    name = models.CharField(max_length=120)
    location = models.CharField(
        max_length=500, help_text="Relative to the artifact store, an absolute directory, or a hub id."
    )
    run = models.ForeignKey("training.Run", null=True, blank=True, on_delete=models.PROTECT, related_name="checkpoints")
    step = models.PositiveIntegerField(default=0)
    metrics = models.JSONField(default=dict)
    preset = models.CharField(
        max_length=40,
        blank=True,
        help_text="Settings (rlhf.config.PRESETS) that suit this model; what is trained from it inherits them.",
    )
    promoted_at = models.DateTimeField(null=True, blank=True)
    promoted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CheckpointQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["run"], name="checkpoint_one_a_run"),
            models.UniqueConstraint(fields=["project", "name"], name="checkpoint_name_once", nulls_distinct=False),
            models.CheckConstraint(condition=Q(kind__in=CheckpointKind.values), name="checkpoint_kind_known"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def public_location(self) -> str:
        """The location without the directories of a machine: a hub id or a path in the artifact store."""
        return "" if self.location.startswith("/") else self.location
