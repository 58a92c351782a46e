"""Reads what the Loop page shows: a handful of counting queries, whatever the size of the project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, QuerySet
from django.utils.translation import gettext_lazy as _

from labeling.models import Comparison, Demonstration, Project, Prompt, Round, Slot, SlotState, Source, Split, TaskKind
from training.loop.decision import Facts, NextAction, Text, decide
from training.models import POLICY_KINDS, Checkpoint, CheckpointKind, Dataset, DatasetKind, Run, RunState, Sample, Stage

Table = dict[str, dict[str, int]]
"""Counts by split, then source, every cell present: {"train": {"labeler": 12, "customer": 3}, "valid": {...}}."""

NEWEST = 6


@dataclass(frozen=True)
class Step:
    """One of the five stations of the loop."""

    key: str
    title: Text
    table: Table
    total: int
    done: int = 0
    """Of `wanted`, in the open round: judgements given, outputs published."""
    wanted: int = 0
    blocked: Text = ""
    """Why nothing can happen here yet; empty when something can."""


@dataclass(frozen=True)
class LoopState:
    """Everything that the Loop page shows."""

    project: Project
    round: Round | None
    facts: Facts
    next_action: NextAction
    steps: list[Step]
    runs_in_flight: list[Run]
    recent_runs: list[Run]
    datasets: list[Dataset]
    """The newest of each kind."""
    checkpoints: list[Checkpoint]


@dataclass(frozen=True)
class _Counts:
    prompts: Table
    demonstrations: Table
    comparisons: Table
    outputs: Table
    slots: dict[tuple[str, bool], int]
    """Slots of the open round by kind and whether they are done."""

    def slots_of(self, kind: str) -> int:
        return self.slots.get((kind, True), 0) + self.slots.get((kind, False), 0)


def loop_state(project: Project) -> LoopState:
    """Return the state of a project's loop and its next action."""
    round = Round.objects.current(project)
    counts = _counts(project, round)
    runs = Run.objects.filter(project=project).select_related("dataset", "round").order_by("-queued_at")
    recent = list(runs[:NEWEST])
    in_flight = list(runs.in_flight().order_by("queued_at"))
    facts = _facts(project, round, counts, recent, in_flight)
    return LoopState(
        project=project,
        round=round,
        facts=facts,
        next_action=decide(facts),
        steps=_steps(counts, facts, project),
        runs_in_flight=in_flight,
        recent_runs=recent,
        datasets=_newest_datasets(project),
        checkpoints=list(
            Checkpoint.objects.filter(project=project).select_related("run").order_by("-created_at")[:NEWEST]
        ),
    )


def _table(rows: QuerySet[Any], prompt: str = "prompt__") -> Table:
    """Count rows by their prompt's split and source."""
    table: Table = {split: dict.fromkeys(Source.values, 0) for split in Split.values}
    grouped = rows.order_by().values_list(f"{prompt}split", f"{prompt}source").annotate(count=Count("pk"))
    for split, source, count in grouped:
        table[split][source] = count
    return table


def _sum(table: Table) -> int:
    return sum(sum(cells.values()) for cells in table.values())


def _counts(project: Project, round: Round | None) -> _Counts:
    grouped = Slot.objects.filter(round=round).order_by().values_list("kind", "state").annotate(count=Count("pk"))
    slots: dict[tuple[str, bool], int] = {}
    for kind, state, count in grouped if round is not None else ():
        key = (kind, state == SlotState.DONE)
        slots[key] = slots.get(key, 0) + count
    return _Counts(
        prompts=_table(Prompt.objects.filter(project=project), ""),
        demonstrations=_table(Demonstration.objects.current().filter(project=project, surplus=False)),
        comparisons=_table(Comparison.objects.current().filter(project=project, surplus=False)),
        outputs=_table(Sample.objects.filter(prompt__project=project)),
        slots=slots,
    )


def _facts(project: Project, round: Round | None, counts: _Counts, recent: list[Run], in_flight: list[Run]) -> Facts:
    kinds = set(Dataset.objects.filter(project=project).values_list("kind", flat=True).distinct())
    in_round: set[str] = set()
    comparisons, rm_dataset = 0, False
    if round is not None:
        in_round = set(Checkpoint.objects.filter(run__round=round).values_list("kind", flat=True).distinct())
        comparisons = Comparison.objects.current().filter(round=round, surplus=False).count()
        rm_dataset = Dataset.objects.filter(round=round, kind=DatasetKind.RM).exists()
    last = recent[0] if recent else None
    failed = (last.pk, last.stage) if last and last.state in (RunState.FAILED, RunState.LOST) else None
    trained = Checkpoint.objects.filter(project=project, kind__in=(CheckpointKind.SFT, CheckpointKind.PPO))
    return Facts(
        prompts=_sum(counts.prompts),
        round=round.number if round else None,
        bases=Checkpoint.objects.usable_in(project).filter(kind=CheckpointKind.BASE).count(),
        demonstrations=_sum(counts.demonstrations),
        write_tasks=counts.slots_of(TaskKind.WRITE),
        write_open=counts.slots.get((TaskKind.WRITE, False), 0),
        compare_tasks=counts.slots_of(TaskKind.COMPARE),
        compare_open=counts.slots.get((TaskKind.COMPARE, False), 0),
        comparisons=comparisons,
        sft_dataset=DatasetKind.SFT in kinds,
        rm_dataset=rm_dataset,
        prompt_dataset=DatasetKind.PPO in kinds,
        sft_policy=trained.exists(),
        reward_model=CheckpointKind.REWARD in in_round,
        ppo_policy=CheckpointKind.PPO in in_round,
        outputs_waiting=_outputs_waiting(project),
        in_flight=(in_flight[0].pk, in_flight[0].stage) if in_flight else None,
        failed=failed,
    )


def _outputs_waiting(project: Project) -> int | None:
    """Return the newest generate run (held-out ones aside) when no task shows its outputs and no policy is newer."""
    runs = Run.objects.filter(project=project, stage=Stage.GENERATE, state=RunState.SUCCEEDED)
    run = runs.exclude(config__split="valid").order_by("-queued_at").first()
    if run is None or run.samples.filter(completion__isnull=False).exists():
        return None
    newest = Checkpoint.objects.filter(project=project, kind__in=POLICY_KINDS).aggregate(at=Max("created_at"))["at"]
    return run.pk if newest is None or newest < run.queued_at else None


def _steps(counts: _Counts, facts: Facts, project: Project) -> list[Step]:
    published = Sample.objects.filter(prompt__project=project, completion__isnull=False).count()
    outputs = _sum(counts.outputs)
    ended = Run.objects.filter(project=project, state=RunState.SUCCEEDED).count()
    empty: Table = {split: dict.fromkeys(Source.values, 0) for split in Split.values}
    return [
        Step("prompts", _("Prompts"), counts.prompts, facts.prompts),
        Step(
            "demonstrations", _("Demonstrations"), counts.demonstrations, facts.demonstrations,
            done=facts.write_tasks - facts.write_open, wanted=facts.write_tasks,
            blocked="" if facts.prompts else _("There are no prompts yet."),
        ),
        Step(
            "comparisons", _("Comparisons"), counts.comparisons, _sum(counts.comparisons),
            done=facts.compare_tasks - facts.compare_open, wanted=facts.compare_tasks,
            blocked="" if facts.compare_tasks else _("No outputs are published in this round."),
        ),
        Step(
            "training", _("Training"), empty, ended,
            blocked="" if facts.demonstrations else _("There are no demonstrations to learn from."),
        ),
        Step(
            "outputs", _("Outputs"), counts.outputs, outputs, done=published, wanted=outputs,
            blocked="" if facts.sft_policy else _("There is no trained policy yet."),
        ),
    ]  # fmt: skip


def _newest_datasets(project: Project) -> list[Dataset]:
    newest = Dataset.objects.filter(project=project).exclude(query__fresh_only=True)
    newest = newest.order_by("kind", "-version").distinct("kind")
    order = list(DatasetKind.values)
    return sorted(newest, key=lambda dataset: order.index(dataset.kind))
