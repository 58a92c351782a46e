"""Tasks, the slots that overlap makes of them, and the outputs that a comparison shows."""

from __future__ import annotations

import random

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from labeling.models.project import Project
from labeling.models.prompt import Prompt
from labeling.models.round import Round


class TaskKind(models.TextChoices):
    WRITE = "write", _("write")
    COMPARE = "compare", _("compare")
    PROMPT = "prompt", _("write a prompt")


class Task(models.Model):
    """One judgement that is wanted: an answer to a prompt, a ranking of its outputs, or a prompt itself.

    A task to write a prompt has none yet; its `brief` says what is wanted: ``{"kind", "use_case", "pairs"}``.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="tasks")
    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="tasks")
    prompt = models.ForeignKey(Prompt, null=True, blank=True, on_delete=models.PROTECT, related_name="tasks")
    kind = models.CharField(max_length=8, choices=TaskKind)
    brief = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["round", "prompt", "kind"], name="task_once_a_round"),
            models.CheckConstraint(condition=Q(kind__in=TaskKind.values), name="task_kind_known"),
            models.CheckConstraint(
                condition=Q(kind="prompt", prompt=None) | (~Q(kind="prompt") & Q(prompt__isnull=False)),
                name="task_has_its_prompt",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.prompt_id}"


class Completion(models.Model):
    """An answer sampled from a policy, shown in one comparison task. Which policy is known to `training` alone."""

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="completions")
    position = models.PositiveSmallIntegerField(help_text="Order of storage, random with regard to the policy.")
    text = models.TextField(blank=True)
    finished = models.BooleanField(default=True, help_text="Ended by itself, not cut at the length limit.")

    class Meta:
        ordering = ["task", "position"]
        constraints = [
            models.UniqueConstraint(fields=["task", "position"], name="completion_position_once"),
            models.CheckConstraint(condition=Q(position__gte=1, position__lte=12), name="completion_position_1_to_12"),
        ]

    def __str__(self) -> str:
        return self.text[:80]


class Lane(models.Model):
    """What a labeler must be qualified for: slots of one language, skill and sensitivity stand in one queue.

    There are few lanes and many slots, so a claim looks at the head of each lane that is open to the labeler.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="lanes")
    language = models.CharField(max_length=16, blank=True)
    skill = models.CharField(max_length=40, blank=True)
    sensitive = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "language", "skill", "sensitive"], name="lane_once")]

    def __str__(self) -> str:
        return " ".join(filter(None, [self.language, self.skill, "sensitive" if self.sensitive else ""])) or "open"


class SlotState(models.TextChoices):
    OPEN = "open", "open"
    HELD = "held", "held"
    DONE = "done", "done"


class SlotQuerySet(models.QuerySet["Slot"]):
    def counted(self, round: Round) -> list[tuple[str, str, int]]:
        """Return (kind, state, number) of the round's slots, the open ones and the others each through their index."""
        groups = self.filter(round=round).order_by().values_list("kind", "state").annotate(n=models.Count("pk"))
        return list(
            groups.filter(state=SlotState.OPEN).union(
                groups.filter(state__in=[SlotState.HELD, SlotState.DONE]), all=True
            )
        )


def random_key() -> float:
    return random.random()


class Slot(models.Model):
    """One of the n judgements of a task. A row per wanted judgement, so that a claim is one locked row.

    open → held (a labeler leases it) → done (submitted); held → open when the lease is given up or runs out.
    `project`, `kind` and `round` repeat the task's, `lane` its prompt's language, skill and sensitivity, for the
    claim's index.
    """

    # slot_number_once begins with the task.
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="slots", db_index=False)
    number = models.PositiveSmallIntegerField()
    # No index of their own: each would be one more to keep, and one more that the planner could take for the claim.
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", db_index=False)
    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="slots", db_index=False)
    kind = models.CharField(max_length=8, choices=TaskKind)
    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="+", db_index=False)
    priority = models.SmallIntegerField(default=0, help_text="Higher comes first.")
    random_key = models.FloatField(default=random_key, help_text="Order among equals; a claim enters it anywhere.")
    state = models.CharField(max_length=8, choices=SlotState, default=SlotState.OPEN)
    held_until = models.DateTimeField(null=True, blank=True)

    objects = SlotQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "number"], name="slot_number_once"),
            models.CheckConstraint(
                condition=Q(state="held", held_until__isnull=False) | Q(state__in=["open", "done"], held_until=None),
                name="slot_held_has_time",
            ),
        ]
        indexes = [
            models.Index(
                models.F("round"), models.F("kind"), models.F("lane"), models.F("priority").desc(),
                models.F("random_key"),
                condition=Q(state="open"), name="slot_open",
            ),
            models.Index(fields=["held_until"], condition=Q(state="held"), name="slot_held"),
            # Not of the open ones: with an index beside slot_open that has the same columns, a planner whose statistics
            # are old takes the wrong one and sorts what it finds.
            models.Index(
                fields=["round", "kind", "state"], condition=Q(state__in=["held", "done"]), name="slot_taken"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.task_id}/{self.number} {self.state}"
