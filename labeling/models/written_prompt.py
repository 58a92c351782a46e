"""Prompts that labelers write: plain, few-shot and user-based (Ouyang et al. 2022, section 3.2)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from labeling.models.answer import Answer
from labeling.models.prompt import PromptKind


class WrittenPromptQuerySet(models.QuerySet["WrittenPrompt"]):
    def current(self) -> WrittenPromptQuerySet:
        """Return the newest revisions only."""
        return self.filter(is_current=True)


class WrittenPrompt(Answer):
    """A prompt from a labeler. A few-shot one is an instruction and k pairs, which become k prompts with one key."""

    prompt = None  # type: ignore[assignment]  # it makes prompts (`prompts`) instead of answering one
    kind = models.CharField(max_length=16, choices=PromptKind)
    text = models.TextField(help_text="The prompt, or the instruction of a few-shot one.")
    pairs = models.JSONField(default=list, blank=True, help_text='[{"query", "response"}, …] of a few-shot prompt.')
    use_case = models.CharField(max_length=200, blank=True, help_text="What a user-based prompt was written for.")
    category = models.CharField(max_length=80, blank=True)

    objects = WrittenPromptQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["assignment", "revision"], name="written_prompt_revision_once"),
            models.UniqueConstraint(
                fields=["assignment"], condition=Q(is_current=True), name="written_prompt_one_current"
            ),
            models.CheckConstraint(condition=Q(text__regex=r"\S"), name="written_prompt_not_empty"),
            models.CheckConstraint(condition=Q(kind__in=PromptKind.values), name="written_prompt_kind_known"),
        ]

    def __str__(self) -> str:
        return self.text[:80]
