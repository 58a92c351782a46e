"""What demonstrations and comparisons have in common: who gave them, under which rules, in which revision."""

from __future__ import annotations

from django.db import models

from accounts.models import User
from labeling.models.assignment import Assignment
from labeling.models.project import Objective, Project
from labeling.models.prompt import Prompt
from labeling.models.round import Round


class Answer(models.Model):
    """A label. Never overwritten: a correction is a new row with the next `revision`, and only it is current.

    `labeler` is whose judgement it is, `actor` who typed this revision. An imported label of somebody who has no
    account names them in `external_labeler`.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="%(class)ss")
    round = models.ForeignKey(Round, null=True, blank=True, on_delete=models.PROTECT, related_name="%(class)ss")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="%(class)ss")
    assignment = models.ForeignKey(
        Assignment, null=True, blank=True, on_delete=models.PROTECT, related_name="%(class)ss"
    )
    labeler = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="%(class)ss")
    external_labeler = models.CharField(max_length=120, blank=True)
    actor = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(blank=True, help_text="Why this revision was made; empty for the first.")
    revision = models.PositiveSmallIntegerField(default=1)
    is_current = models.BooleanField(default=True)
    surplus = models.BooleanField(default=False, help_text="Submitted after the lease ran out and the slot was filled.")
    simulated = models.BooleanField(default=False)
    guidelines_version = models.PositiveIntegerField(default=1)
    objective = models.CharField(max_length=16, choices=Objective, default=Objective.HELPFUL_FIRST)
    prompt_flags = models.JSONField(
        null=True,
        blank=True,
        help_text="What the labeler says of the prompt (`labeling.prompt_flags`); null: not asked or not answered.",
    )
    frozen_at = models.DateTimeField(
        null=True, blank=True, help_text="When a dataset first took this revision in; from then on it is not revised."
    )
    note = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
