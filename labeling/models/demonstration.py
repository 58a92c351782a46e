"""Demonstrations: answers written by people."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from labeling.models.answer import Answer


class DemonstrationQuerySet(models.QuerySet["Demonstration"]):
    def current(self) -> DemonstrationQuerySet:
        """Return the newest revisions only."""
        return self.filter(is_current=True)


class Demonstration(Answer):
    """An answer to a prompt, written by a person: what SFT learns from."""

    text = models.TextField()

    objects = DemonstrationQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["assignment", "revision"], name="demonstration_revision_once"),
            models.UniqueConstraint(
                fields=["assignment"], condition=Q(is_current=True), name="demonstration_one_current"
            ),
            models.CheckConstraint(condition=Q(text__regex=r"\S"), name="demonstration_not_empty"),
        ]

    def __str__(self) -> str:
        return self.text[:80]
