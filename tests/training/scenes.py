"""Projects at work, for tests of pages: labels go in through the services, only finished runs are put in as rows."""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from labeling.judgements import ComparisonJudgement
from labeling.models import Project, Prompt, Round, Source, TaskKind
from labeling.services.answers import submit_comparison, submit_demonstration
from labeling.services.queue import claim_next
from labeling.services.rounds import open_round, request_demonstrations
from tests.factories import (
    CheckpointFactory,
    ProjectFactory,
    PromptFactory,
    ResearcherFactory,
    RunFactory,
    SampleFactory,
    UserFactory,
)
from training.models import Checkpoint, CheckpointKind, Run, RunInput, RunMetric, RunState, Stage
from training.rlhf.config import STAGES
from training.services.datasets import freeze_dataset

QUESTIONS = [
    ("Explain why the sky is blue to a child of six.", "science"),
    ("Write a **haiku** about a lighthouse in fog.", "writing"),
    ("What is the sum of the first ten odd numbers? Show how you found it.", "reasoning"),
    ("Rewrite politely: *send me the file now*.", "rewriting"),
    ("List three things to check before a long bicycle tour.", "advice"),
    ("Summarise in one sentence: the meeting was moved from Monday to Thursday because two people are ill.", "summary"),
]
ANSWERS = [
    "Sunlight holds all colours. Air scatters **blue** most, so blue comes from everywhere.",
    "Grey light turns and turns\n\na bell answers from the fog\n\nno ship tonight",
    "The sum is $10^2 = 100$:\n\n1. pair the ends: 1 + 19 = 20\n2. five pairs make 100",
    "Could you send me the file when you have a moment? Thank you!",
]


def researcher(**kwargs: Any) -> User:
    return ResearcherFactory(username="rosa", display_name="Rosa Researcher", **kwargs)


def project_with_prompts(count: int = 24) -> Project:
    """A project with questions of both sources, three in four to train on."""
    project = ProjectFactory(name="House assistant", slug="house", ratings_first=False)
    for number in range(count):
        text, category = QUESTIONS[number % len(QUESTIONS)]
        PromptFactory(
            project=project,
            text=text if number < len(QUESTIONS) else f"{text} (variant {number // len(QUESTIONS)})",
            category=category,
            split="valid" if number % 4 == 3 else "train",
            source=Source.CUSTOMER if number % 3 == 2 else Source.LABELER,
            licence="CC-BY-4.0",
        )
    return project


def write_answers(project: Project, actor: User, count: int) -> None:
    """Ask for answers to every prompt of the open round and have `count` of them written."""
    current = Round.objects.current(project) or open_round(actor=actor, project=project)
    request_demonstrations(actor=actor, round=current, prompts=Prompt.objects.in_project(project))
    labeler = UserFactory(member_of=project)
    for number in range(count):
        claim = claim_next(labeler=labeler, project=project, kind=TaskKind.WRITE)
        assert claim.assignment is not None
        submit_demonstration(token=claim.assignment.token, labeler=labeler, text=ANSWERS[number % len(ANSWERS)])


def rank_outputs(project: Project, count: int | None = None) -> int:
    """Have one labeler rank what is open, longest output best; return how many comparisons that made."""
    labeler = UserFactory(member_of=project)
    made = 0
    while count is None or made < count:
        claim = claim_next(labeler=labeler, project=project, kind=TaskKind.COMPARE)
        if claim.assignment is None:
            break
        outputs = sorted(claim.assignment.task.completions.all(), key=lambda output: -len(output.text))
        submit_comparison(
            token=claim.assignment.token,
            labeler=labeler,
            judgement=ComparisonJudgement(
                ranks={output.pk: rank for rank, output in enumerate(outputs, start=1)},
                answers={output.pk: {"quality": max(7 - rank, 1)} for rank, output in enumerate(outputs)},
            ),
        )
        made += 1
    return made


def ended_run(
    project: Project,
    actor: User,
    stage: str,
    *,
    metrics: dict[str, float] | None = None,
    minutes_ago: int = 2,
    **kwargs: Any,
) -> Run:
    """A run of three minutes that succeeded a while ago."""
    ended = timezone.now() - timedelta(minutes=minutes_ago)
    return RunFactory(
        project=project,
        stage=stage,
        state=RunState.SUCCEEDED,
        round=Round.objects.current(project),
        created_by=actor,
        queued_at=ended - timedelta(minutes=4),
        running_at=ended - timedelta(minutes=3),
        heartbeat_at=ended,
        ended_at=ended,
        worker="gpu@host",
        attempts=1,
        progress_step=50,
        progress_total=50,
        result={
            "state": "succeeded",
            "metrics": metrics or {},
            "device": "cpu",
            "seconds": 180.0,
            "peak_rss_mb": 512.3,
        },
        log_tail="step 49/50 loss 1.21\nstep 50/50 loss 1.19\nsucceeded",
        config={name: value for name, value in asdict(STAGES[stage]()).items() if name not in STAGES[stage].inputs},
        **kwargs,
    )


def checkpoint_of(run: Run, kind: CheckpointKind, **kwargs: Any) -> Checkpoint:
    """What a run left behind, at the time when it ended."""
    metrics = (run.result or {}).get("metrics", {})
    made = CheckpointFactory(
        project=run.project, kind=kind, name=f"{kind}-{run.pk}", run=run, step=50, metrics=metrics, **kwargs
    )
    Checkpoint.objects.filter(pk=made.pk).update(created_at=run.ended_at)
    return made


def moving_run(project: Project, actor: User, stage: str = Stage.PPO, **kwargs: Any) -> Run:
    """A run that a worker has held for a minute and a half."""
    now = timezone.now()
    return RunFactory(
        project=project,
        stage=stage,
        state=RunState.RUNNING,
        round=Round.objects.current(project),
        created_by=actor,
        queued_at=now - timedelta(minutes=2),
        running_at=now - timedelta(seconds=90),
        heartbeat_at=now,
        worker="gpu@host",
        attempts=1,
        progress_step=30,
        progress_total=100,
        config={"updates": 100, "kl_coefficient": 0.05, "seed": 0},
        **kwargs,
    )


def add_metrics(run: Run, first: int, last: int) -> None:
    """Append rows as the worker does: PPO's numbers of the updates `first` to `last`."""
    began = time.time()
    RunMetric.objects.bulk_create(
        RunMetric(
            run=run,
            step=step,
            time=began + step,
            values={
                "score": 1 + math.log1p(step) + 0.1 * math.sin(step),
                "reward": 0.8 + math.log1p(step) + 0.1 * math.sin(step),
                "kl": 0.03 * step + 0.2 * abs(math.sin(step)),
                "policy_loss": -0.02 + 0.01 * math.cos(step),
                "value_loss": 0.9 / (1 + step / 10),
                "length": 42 + 3 * math.sin(step / 4),
                "finished": min(1.0, 0.6 + step / 100),
                "entropy": 2.5 - step / 80,
                "clip_fraction": 0.1,
                "seconds": 1.4,
            },
        )
        for step in range(first, last + 1)
    )


def busy_project() -> tuple[Project, User]:
    """A project in the middle of its first round: everything that the pages show is there once."""
    actor = researcher()
    project = project_with_prompts()
    base = CheckpointFactory(project=None, kind=CheckpointKind.BASE, name="tiny-story", location="bases/tiny-story")
    write_answers(project, actor, 18)
    sft_data = freeze_dataset(actor=actor, project=project, kind="sft")
    prompts = freeze_dataset(actor=actor, project=project, kind="ppo")
    sft = ended_run(
        project,
        actor,
        Stage.SFT,
        minutes_ago=20,
        dataset=sft_data,
        metrics={"best_valid_loss": 1.873, "demonstrations": 14},
    )
    RunInput.objects.create(run=sft, field="model", checkpoint=base)
    policy = checkpoint_of(sft, CheckpointKind.SFT)
    generate = ended_run(project, actor, Stage.GENERATE, dataset=prompts, metrics={"samples": 72})
    for checkpoint in (base, policy):
        RunInput.objects.create(run=generate, field="policies", checkpoint=checkpoint)
    for prompt in Prompt.objects.in_project(project).filter(split="train"):
        for checkpoint in (base, policy):
            for number in range(2):
                text = f"{ANSWERS[(prompt.pk + number) % 4]} ({checkpoint.name} {number})"
                SampleFactory(
                    run=generate, prompt=prompt, checkpoint=checkpoint, number=number, text=text, tokens=[5] * 30
                )
    return project, actor


def failed_run(project: Project, actor: User) -> Run:
    """A run that ended badly, with a sentence and a log."""
    now = timezone.now()
    return RunFactory(
        project=project,
        stage=Stage.SFT,
        state=RunState.FAILED,
        created_by=actor,
        queued_at=now - timedelta(minutes=9),
        running_at=now - timedelta(minutes=8),
        heartbeat_at=now - timedelta(minutes=7),
        ended_at=now - timedelta(minutes=7),
        worker="gpu@host",
        attempts=1,
        error="Memory ran out. Lower micro_batch_size, batch_size or max_length.",
        log_tail="loading\nstep 1/20 loss 3.1\nstd::bad_alloc",
    )
