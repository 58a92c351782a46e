"""Prompts, and the imports that brought them in."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from labeling.conversations import with_reference
from labeling.models.project import Project


class Source(models.TextChoices):
    """Who thought of the prompt: the columns of InstructGPT's Table 6."""

    LABELER = "labeler", _("labeler")
    CUSTOMER = "customer", _("customer")


class Split(models.TextChoices):
    TRAIN = "train", _("train")
    VALID = "valid", _("valid")


class PromptKind(models.TextChoices):
    """How a labeler thought of a prompt (Ouyang et al. 2022, section 3.2); empty for one that was not written here."""

    PLAIN = "plain", _("plain")
    FEW_SHOT = "few_shot", _("few-shot")
    USER_BASED = "user_based", _("user-based")


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
    reference = models.TextField(
        blank=True, help_text="A passage that the answer is to rest on (closed QA); the policy reads it after the turn."
    )
    source = models.CharField(max_length=16, choices=Source, default=Source.LABELER)
    kind = models.CharField(max_length=16, choices=PromptKind, blank=True)
    skill = models.CharField(max_length=40, blank=True, help_text="Only labelers with this skill are given it.")
    sensitive = models.BooleanField(default=False, help_text="Shown blurred; not given to who opted out.")
    key = models.CharField(max_length=200, help_text="Author, template or customer; decides the split.")
    split = models.CharField(max_length=8, choices=Split, editable=False)
    category = models.CharField(max_length=80, blank=True)
    language = models.CharField(max_length=16, blank=True)
    licence = models.CharField(max_length=80, blank=True)
    external_id = models.CharField(max_length=200, blank=True, help_text="The record's name in the file it came from.")
    author = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="prompts_written")
    imported = models.ForeignKey(PromptImport, null=True, blank=True, on_delete=models.PROTECT, related_name="prompts")
    written = models.ForeignKey(
        "labeling.WrittenPrompt",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="prompts",
        help_text="The labeler's prompt that this one is made of; the k of a few-shot prompt share its key.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PromptQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "sha256"], name="prompt_once_in_project"),
            models.CheckConstraint(condition=Q(source__in=Source.values), name="prompt_source_known"),
            models.CheckConstraint(condition=Q(split__in=Split.values), name="prompt_split_known"),
            models.CheckConstraint(condition=Q(kind__in=["", *PromptKind.values]), name="prompt_kind_known"),
            models.CheckConstraint(condition=~Q(key=""), name="prompt_has_key"),
        ]
        indexes = [
            models.Index(fields=["project", "key"], name="prompt_key"),
            models.Index(fields=["project", "split", "source"], name="prompt_split_source"),
        ]

    def __str__(self) -> str:
        return str(self.messages[-1]["content"])[:80]

    @property
    def model_messages(self) -> list[dict[str, str]]:
        """The conversation as a policy reads it: the reference passage stands under the last turn."""
        return with_reference(self.messages, self.reference)

    @property
    def last_turn(self) -> str:
        """The user turn that wants an answer."""
        return str(self.messages[-1]["content"])
