"""Prompts, and the imports that brought them in."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from labeling.models.project import Project


class Source(models.TextChoices):
    """Who thought of the prompt: the columns of InstructGPT's Table 6."""

    LABELER = "labeler", _("labeler")
    CUSTOMER = "customer", _("customer")


class Split(models.TextChoices):
    TRAIN = "train", _("train")
    VALID = "valid", _("valid")


class PromptImport(models.Model):
    """One imported file: what came in, and line by line what was refused and why."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="imports")
    format = models.CharField(max_length=40)
    filename = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    accepted = models.PositiveIntegerField(default=0)
    repeated = models.PositiveIntegerField(default=0)
    refused = models.JSONField(default=list, help_text='[{"line": 3, "reason": "..."}]')
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.filename


class PromptQuerySet(models.QuerySet["Prompt"]):
    def in_project(self, project: Project) -> PromptQuerySet:
        return self.filter(project=project)

    def never_tasked(self, kind: str) -> PromptQuerySet:
        """Return prompts that no task of `kind` ever asked about."""
        return self.exclude(tasks__kind=kind)

    def counts(self) -> list[dict[str, object]]:
        """Return prompts counted by split, source: ``[{"split", "source", "count"}]``."""
        rows = self.order_by().values("split", "source").annotate(count=models.Count("pk"))
        return list(rows.order_by("split", "source"))


class Prompt(models.Model):
    """A conversation that ends with a user turn. Its key decides the split; one key never stands in two."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="prompts")
    messages = models.JSONField(help_text='[{"role": "user", "content": "..."}, ...]')
    follow_ups = models.JSONField(
        default=list,
        blank=True,
        help_text="User turns that come after the answer (MT-Bench's second turn): an answer makes the next prompt.",
    )
    continues = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="continued_by",
        help_text="The prompt whose answer stands inside this one's messages; it shares the key, so the split.",
    )
    sha256 = models.CharField(
        max_length=64, editable=False, help_text="Of the canonical JSON of messages and follow_ups."
    )
    source = models.CharField(max_length=16, choices=Source, default=Source.LABELER)
    key = models.CharField(max_length=200, help_text="Author, template or customer; decides the split.")
    split = models.CharField(max_length=8, choices=Split, editable=False)
    category = models.CharField(max_length=80, blank=True)
    language = models.CharField(max_length=16, blank=True)
    licence = models.CharField(max_length=80, blank=True)
    external_id = models.CharField(max_length=200, blank=True, help_text="The record's name in the file it came from.")
    author = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="prompts_written")
    imported = models.ForeignKey(PromptImport, null=True, blank=True, on_delete=models.PROTECT, related_name="prompts")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PromptQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "sha256"], name="prompt_once_in_project"),
            models.CheckConstraint(condition=Q(source__in=Source.values), name="prompt_source_known"),
            models.CheckConstraint(condition=Q(split__in=Split.values), name="prompt_split_known"),
            models.CheckConstraint(condition=~Q(key=""), name="prompt_has_key"),
        ]
        indexes = [
            models.Index(fields=["project", "key"], name="prompt_key"),
            models.Index(fields=["project", "split", "source"], name="prompt_split_source"),
        ]

    def __str__(self) -> str:
        return str(self.messages[-1]["content"])[:80]

    @property
    def last_turn(self) -> str:
        """The user turn that wants an answer."""
        return str(self.messages[-1]["content"])
