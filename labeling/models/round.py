"""A round: one turn of the loop."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from labeling.models.project import Project


class RoundState(models.TextChoices):
    OPEN = "open", "open"
    CLOSED = "closed", "closed"


class RoundQuerySet(models.QuerySet["Round"]):
    def current(self, project: Project) -> Round | None:
        """Return the open round of `project`, or None."""
        return self.filter(project=project, state=RoundState.OPEN).first()


class Round(models.Model):
    """One turn of the loop: its tasks, its datasets, its runs. At most one is open in a project."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="rounds")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=RoundState, default=RoundState.OPEN)
    opened_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = RoundQuerySet.as_manager()

    class Meta:
        ordering = ["project", "number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="round_number_once"),
            models.UniqueConstraint(fields=["project"], condition=Q(state="open"), name="round_one_open"),
            models.CheckConstraint(
                condition=Q(state="open", closed_at=None) | Q(state="closed", closed_at__isnull=False),
                name="round_closed_has_time",
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="round_number_from_1"),
        ]

    def __str__(self) -> str:
        return f"{self.project} round {self.number}"
