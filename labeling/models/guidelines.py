"""Guidelines are versioned: every label carries the version that it was given under."""

from __future__ import annotations

from django.db import models

from accounts.models import User
from labeling.models.project import Objective, Project


class GuidelinesVersion(models.Model):
    """One version of a project's guidelines, never changed. `Project.guidelines` repeats the newest."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="guidelines_versions")
    version = models.PositiveIntegerField()
    text = models.TextField(blank=True)
    objective = models.CharField(max_length=16, choices=Objective, default=Objective.HELPFUL_FIRST)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["project", "version"]
        constraints = [models.UniqueConstraint(fields=["project", "version"], name="guidelines_version_once")]

    def __str__(self) -> str:
        return f"{self.project} guidelines {self.version}"


class Acknowledgement(models.Model):
    """A labeler has read a version of the guidelines. Without one of the newest version no new work is given out."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="acknowledgements")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="acknowledgements")
    version = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user", "version"], name="acknowledgement_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} read {self.version}"
