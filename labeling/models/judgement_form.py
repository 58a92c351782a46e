"""Judgement forms: what is asked about each output, as data, in versions."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import User
from labeling.models.project import Project


class JudgementForm(models.Model):
    """One version of what a project asks about each output, never changed; the newest is the one in use.

    `fields` is a list of ``{"key", "kind", "label", …}``; `labeling.judgement_forms` says what they mean and has the
    forms that come with Volant.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="judgement_forms")
    version = models.PositiveIntegerField()
    name = models.CharField(max_length=80)
    fields = models.JSONField(default=list)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["project", "version"]
        constraints = [
            models.UniqueConstraint(fields=["project", "version"], name="judgement_form_version_once"),
            models.CheckConstraint(condition=Q(version__gte=1), name="judgement_form_from_1"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"
