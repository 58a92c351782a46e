"""Frozen datasets: immutable files with a manifest."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from labeling.models import Project, Round


class DatasetKind(models.TextChoices):
    """The columns of InstructGPT's Table 6, and text for pretraining."""

    SFT = "sft", _("SFT (demonstrations)")
    RM = "rm", _("reward model (comparisons)")
    PPO = "ppo", _("PPO (prompts)")
    PRETRAIN = "pretrain", _("pretraining (text)")


class DatasetQuerySet(models.QuerySet["Dataset"]):
    def newest(self, project: Project, kind: str) -> Dataset | None:
        """Return the last frozen dataset of a kind, or None; not one of fresh prompts for a round's outputs."""
        return self.filter(project=project, kind=kind).exclude(query__fresh_only=True).order_by("-version").first()


class Dataset(models.Model):
    """Frozen records of one kind. Never updated: freezing again makes the next version.

    Files stand below the artifact store at `path`: train.jsonl, valid.jsonl, manifest.json. `sha256` is the hash of
    the manifest without its times, so the same labels and the same query give the same value.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="datasets")
    round = models.ForeignKey(Round, null=True, blank=True, on_delete=models.PROTECT, related_name="datasets")
    kind = models.CharField(max_length=12, choices=DatasetKind)
    version = models.PositiveIntegerField()
    query = models.JSONField(default=dict, help_text="What was asked for.")
    path = models.CharField(max_length=255, unique=True, help_text="Relative to the artifact store.")
    sha256 = models.CharField(max_length=64)
    manifest = models.JSONField(help_text="Files with sha256, counts by split and source, what was left out and why.")
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DatasetQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["project", "kind", "version"], name="dataset_version_once"),
            models.CheckConstraint(condition=Q(kind__in=DatasetKind.values), name="dataset_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} v{self.version}"

    def records(self, split: str) -> int:
        """Return how many records the file of a split holds."""
        return int(self.manifest.get("files", {}).get(f"{split}.jsonl", {}).get("records", 0))
