"""Samples: which policy gave which output. The only place that knows."""

from __future__ import annotations

from django.db import models

from labeling.models import Completion, Prompt
from training.models.checkpoint import Checkpoint
from training.models.run import Run


class SampleQuerySet(models.QuerySet["Sample"]):
    def unpublished(self) -> SampleQuerySet:
        """Return samples that no comparison task shows yet."""
        return self.filter(completion=None)


class Sample(models.Model):
    """An output that ``generate`` drew, and the completion it became when it was published for comparison."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="samples")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="samples")
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="samples")
    number = models.PositiveSmallIntegerField(help_text="Which of the policy's outputs for this prompt, from 0.")
    text = models.TextField(blank=True)
    tokens = models.JSONField(default=list)
    finish_reason = models.CharField(max_length=16)
    seed = models.BigIntegerField(default=0)
    temperature = models.FloatField(default=1.0)
    top_p = models.FloatField(default=1.0)
    completion = models.ForeignKey(
        Completion,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="samples",
        help_text="What labelers were shown; identical outputs share one.",
    )

    objects = SampleQuerySet.as_manager()

    class Meta:
        ordering = ["run", "prompt", "checkpoint", "number"]
        constraints = [
            models.UniqueConstraint(fields=["run", "prompt", "checkpoint", "number"], name="sample_once"),
        ]

    def __str__(self) -> str:
        return self.text[:80]
