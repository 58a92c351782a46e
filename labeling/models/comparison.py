"""Comparisons: one labeler's ratings and ranking of a prompt's K outputs."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from labeling.models.answer import Answer
from labeling.models.judgement_form import JudgementForm
from labeling.models.project import CompareMode
from labeling.models.task import Completion


class ComparisonQuerySet(models.QuerySet["Comparison"]):
    def current(self) -> ComparisonQuerySet:
        """Return the newest revisions only."""
        return self.filter(is_current=True)


class Comparison(Answer):
    """Ratings and a weak order over the outputs of one task: what the reward model learns from.

    A pair has a `strength` besides: 0 is a tie; up to 4 in mode *strength* (negligibly, slightly, better,
    significantly), up to 3 in mode *seven_point*. The ranks say which of the two is meant.
    """

    none_acceptable = models.BooleanField(default=False, help_text="The labeler said that no output is acceptable.")
    form = models.ForeignKey(JudgementForm, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    mode = models.CharField(max_length=16, choices=CompareMode, default=CompareMode.RANKING)
    strength = models.PositiveSmallIntegerField(null=True, blank=True)
    edited_text = models.TextField(blank=True, help_text="The labeler's improvement of the best output, or empty.")
    edited_from = models.ForeignKey(Completion, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    objects = ComparisonQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["assignment", "revision"], name="comparison_revision_once"),
            models.UniqueConstraint(fields=["assignment"], condition=Q(is_current=True), name="comparison_one_current"),
            models.CheckConstraint(condition=Q(mode__in=CompareMode.values), name="comparison_mode_known"),
            models.CheckConstraint(
                condition=Q(mode="ranking", strength=None)
                | Q(mode="strength", strength__gte=0, strength__lte=4)
                | Q(mode="seven_point", strength__gte=0, strength__lte=3),
                name="comparison_strength_fits_mode",
            ),
            models.CheckConstraint(
                condition=Q(edited_text="", edited_from=None) | (~Q(edited_text="") & Q(edited_from__isnull=False)),
                name="comparison_edited_from",
            ),
        ]

    def __str__(self) -> str:
        return f"comparison {self.pk}"

    def summary(self) -> str:
        """Return the ranking as ``B > A = D > C``, lettered in the order shown. Prefetch `judged`."""
        groups: dict[int, list[str]] = {}
        for output in sorted(self.judged.all(), key=lambda output: output.shown_position):
            groups.setdefault(output.rank, []).append(chr(ord("A") + output.shown_position - 1))
        return " > ".join(" = ".join(groups[rank]) for rank in sorted(groups))


class JudgedOutput(models.Model):
    """One output in a comparison: its rank (equal ranks are a tie), its quality, and where it was shown."""

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="judged")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="judged")
    rank = models.PositiveSmallIntegerField(help_text="1 is best; ties share a rank, the next rank is skipped.")
    quality = models.PositiveSmallIntegerField(null=True, blank=True, help_text="1 to 7; null is unanswered.")
    shown_position = models.PositiveSmallIntegerField()
    answers = models.JSONField(
        default=dict, blank=True, help_text="By field of the comparison's form; what is not there was not answered."
    )

    class Meta:
        ordering = ["comparison", "shown_position"]
        constraints = [
            models.UniqueConstraint(fields=["comparison", "completion"], name="judged_output_once"),
            models.UniqueConstraint(fields=["comparison", "shown_position"], name="judged_position_once"),
            models.CheckConstraint(condition=Q(rank__gte=1, rank__lte=12), name="judged_rank_1_to_12"),
            models.CheckConstraint(
                condition=Q(quality=None) | Q(quality__gte=1, quality__lte=7), name="judged_quality_1_to_7"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.completion_id}: rank {self.rank}"

    @property
    def given(self) -> dict[str, Any]:
        """The answers by key; rows from before there were forms have their quality alone."""
        return self.answers or ({} if self.quality is None else {"quality": self.quality})
