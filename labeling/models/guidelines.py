"""Guidelines are versioned: every label carries the version that it was given under."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.db.models import Exists, F, OuterRef

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


class AcknowledgementQuerySet(models.QuerySet["Acknowledgement"]):
    def version_read(self, *, project: Project, user: User) -> int:
        """Return the newest version that `user` has read, 0 for none."""
        mine = self.filter(project=project, user=user).order_by("-version")
        return mine.values_list("version", flat=True).first() or 0

    def wanted_in(self, *, projects: Iterable[int], user: User) -> set[int]:
        """Return the projects of these whose newest guidelines `user` has not read and should.

        Guidelines of white space alone are none.
        """
        read = self.filter(project=OuterRef("pk"), user=user, version=OuterRef("guidelines_version"))
        unread = Project.objects.filter(pk__in=projects, guidelines__regex=r"\S").exclude(Exists(read))
        return set(unread.values_list("pk", flat=True))

    def readers(self) -> AcknowledgementQuerySet:
        """Return the acknowledgements of the newest version by people who work in the project, by name."""
        newest = self.filter(version=F("project__guidelines_version"), project__members=F("user"))
        return newest.select_related("user").order_by("user__username")


class Acknowledgement(models.Model):
    """A labeler has read a version of the guidelines. Without one of the newest version no new work is given out."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="acknowledgements")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="acknowledgements")
    version = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AcknowledgementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user", "version"], name="acknowledgement_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} read {self.version}"
