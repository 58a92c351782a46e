"""Runs: one execution of a stage, as a row. The queue is only transport."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from labeling.models import Project, Round
from training.models.checkpoint import Checkpoint
from training.models.dataset import Dataset


class Stage(models.TextChoices):
    PRETRAIN = "pretrain", _("pretrain")
    SFT = "sft", _("SFT")
    REWARD = "reward", _("reward model")
    PPO = "ppo", _("PPO")
    GENERATE = "generate", _("generate")
    SCORE = "score", _("score")
    CONVERT = "convert", _("convert")


class RunState(models.TextChoices):
    """queued → running → succeeded | failed | lost; queued → cancelled; running → cancelling → any ended state.

    running → queued when the worker stops or falls silent: the run goes on from its last checkpoint. ``lost``: that
    happened too often. Every state has its time on the row.
    """

    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    CANCELLING = "cancelling", _("cancelling")
    SUCCEEDED = "succeeded", _("succeeded")
    CANCELLED = "cancelled", _("cancelled")
    FAILED = "failed", _("failed")
    LOST = "lost", _("lost")


IN_FLIGHT = (RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING)
ON_WORKER = (RunState.RUNNING, RunState.CANCELLING)
ENDED = (RunState.SUCCEEDED, RunState.CANCELLED, RunState.FAILED, RunState.LOST)


class RunQuerySet(models.QuerySet["Run"]):
    def in_flight(self) -> RunQuerySet:
        return self.filter(state__in=IN_FLIGHT)

    def silent_since(self, moment: datetime) -> RunQuerySet:
        """Return runs on a worker whose last sign of life is older than `moment`."""
        return self.filter(state__in=ON_WORKER, heartbeat_at__lt=moment)


class Run(models.Model):
    """One execution of a stage on a worker. See `RunState` for the transitions; `training.services.runs` makes them."""

    project = models.ForeignKey(Project, null=True, blank=True, on_delete=models.PROTECT, related_name="runs")
    round = models.ForeignKey(Round, null=True, blank=True, on_delete=models.PROTECT, related_name="runs")
    stage = models.CharField(max_length=12, choices=Stage)
    state = models.CharField(max_length=12, choices=RunState, default=RunState.QUEUED)
    config = models.JSONField(default=dict, help_text="The stage's dataclass without its inputs.")
    dataset = models.ForeignKey(Dataset, null=True, blank=True, on_delete=models.PROTECT, related_name="runs")
    path = models.CharField(max_length=255, blank=True, help_text="Run directory, relative to the artifact store.")
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    queued_at = models.DateTimeField()
    sent_at = models.DateTimeField(
        null=True, blank=True, help_text="When its message was last put on the queue; empty: to be sent."
    )
    running_at = models.DateTimeField(null=True, blank=True)
    cancelling_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=120, blank=True)
    pid = models.PositiveIntegerField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    progress_step = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    metrics_offset = models.PositiveBigIntegerField(default=0, help_text="Bytes of metrics.jsonl already taken in.")
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True, help_text="What a person reads first: what happened and what to do.")
    log_tail = models.TextField(blank=True)
    note = models.TextField(blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-queued_at"]
        constraints = [
            models.CheckConstraint(condition=Q(stage__in=Stage.values), name="run_stage_known"),
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="run_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=IN_FLIGHT, ended_at=None) | Q(state__in=ENDED, ended_at__isnull=False),
                name="run_ended_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=ON_WORKER) | Q(running_at__isnull=False, heartbeat_at__isnull=False),
                name="run_on_worker_has_heartbeat",
            ),
            models.CheckConstraint(
                condition=~Q(state="succeeded") | Q(result__isnull=False), name="run_succeeded_has_result"
            ),
        ]
        indexes = [
            models.Index(fields=["project", "-queued_at"], name="run_by_project"),
            models.Index(fields=["heartbeat_at"], condition=Q(state__in=ON_WORKER), name="run_heartbeat"),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.pk}"

    @property
    def is_in_flight(self) -> bool:
        return self.state in IN_FLIGHT


class RunInput(models.Model):
    """A checkpoint that a run starts from, by the config field it fills: model, reward_model, reference, policies."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="inputs")
    field = models.CharField(max_length=40)
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="used_by")

    class Meta:
        ordering = ["run", "field", "pk"]
        constraints = [models.UniqueConstraint(fields=["run", "field", "checkpoint"], name="run_input_once")]

    def __str__(self) -> str:
        return f"{self.field} = {self.checkpoint_id}"


class RunMetric(models.Model):
    """One line of ``metrics.jsonl``, taken in while the run moves."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="metrics")
    step = models.PositiveIntegerField()
    time = models.FloatField(help_text="Seconds since the epoch.")
    values = models.JSONField()

    class Meta:
        ordering = ["run", "pk"]
        indexes = [models.Index(fields=["run", "step"], name="run_metric_step")]

    def __str__(self) -> str:
        return f"{self.run_id}@{self.step}"
