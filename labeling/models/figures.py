"""Figures that pages show instead of counting a large table: written when much changes, and by the clock."""

from __future__ import annotations

from django.db import models

from labeling.models.project import Project
from labeling.models.prompt import Source, Split
from labeling.models.round import Round
from labeling.models.task import TaskKind


class RoundFigures(models.Model):
    """The wanted judgements of one kind in a round, as they stood at `counted_at`."""

    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="figures")
    kind = models.CharField(max_length=8, choices=TaskKind)
    open = models.PositiveIntegerField(default=0)
    held = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    counted_at = models.DateTimeField()

    class Meta:
        ordering = ["round", "kind"]
        constraints = [models.UniqueConstraint(fields=["round", "kind"], name="round_figures_once")]

    def __str__(self) -> str:
        return f"{self.round} {self.kind}: {self.done} of {self.total}"

    @property
    def total(self) -> int:
        return self.open + self.held + self.done


class PromptFigures(models.Model):
    """How many prompts of a project have one split, source, category and language, as of `counted_at`."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="prompt_figures")
    split = models.CharField(max_length=8, choices=Split)
    source = models.CharField(max_length=16, choices=Source)
    category = models.CharField(max_length=80, blank=True)
    language = models.CharField(max_length=16, blank=True)
    count = models.PositiveIntegerField()
    newest = models.BigIntegerField(help_text="The highest primary key counted.")
    counted_at = models.DateTimeField()

    class Meta:
        ordering = ["project", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "split", "source", "category", "language"], name="prompt_figures_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.project}: {self.count}"
