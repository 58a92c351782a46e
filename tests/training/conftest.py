"""A project with people, labels and the shipped base model, for tests of training's application side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from labeling.models import Comparison, Demonstration, JudgedOutput, Project, Prompt, Round
from tests.factories import (
    CompareTaskFactory,
    DemonstrationFactory,
    ProjectFactory,
    PromptFactory,
    ResearcherFactory,
    RoundFactory,
    UserFactory,
)
from training.models import Checkpoint
from training.services.base_models import register_tiny_story

FAST: dict[str, Any] = {"device": "cpu", "threads": 1}
SFT = {**FAST, "epochs": 100_000, "max_steps": 2, "batch_size": 2, "max_length": 128, "save_every": 1}


@pytest.fixture
def researcher(db: None) -> User:
    return ResearcherFactory()


@pytest.fixture
def labeler(db: None) -> User:
    return UserFactory()


@pytest.fixture
def project(db: None) -> Project:
    return ProjectFactory(outputs_per_comparison=4)


@pytest.fixture
def round(project: Project) -> Round:
    return RoundFactory(project=project)


@pytest.fixture
def base(researcher: User) -> Checkpoint:
    return register_tiny_story(actor=researcher)


@pytest.fixture
def artifacts(settings: Settings, tmp_path: Path) -> Path:
    """An artifact store of the test's own. Not together with `celery_worker`, which has the session's."""
    settings.VOLANT_ARTIFACTS = tmp_path / "artifacts"
    return tmp_path / "artifacts"


def make_prompts(project: Project, count: int, *, split: str = "train", start: int = 0) -> list[Prompt]:
    return [
        PromptFactory(project=project, split=split, text=f"Write a short story about Mia, a fox, number {start + n}.")
        for n in range(count)
    ]


def make_demonstrations(project: Project, labeler: User, round: Round | None, count: int = 8) -> list[Demonstration]:
    text = "Once there was a fox named Mia. Mia found a bell and gave it to the duck. The end."
    return [
        DemonstrationFactory(prompt=prompt, labeler=labeler, round=round, text=text)
        for prompt in make_prompts(project, count) + make_prompts(project, 2, split="valid", start=count)
    ]


def make_comparison(
    round: Round, prompt: Prompt, labeler: User, texts: list[str], ranks: list[int], **values: Any
) -> Comparison:
    """A comparison task of `texts` (stored in that order, shown in reverse), judged."""
    task = CompareTaskFactory(round=round, prompt=prompt, outputs=texts)
    comparison = Comparison.objects.create(
        project=round.project, round=round, prompt=prompt, labeler=labeler, actor=labeler, **values
    )
    completions = list(task.completions.order_by("position"))
    JudgedOutput.objects.bulk_create(
        JudgedOutput(comparison=comparison, completion=completion, rank=rank, shown_position=len(texts) - index)
        for index, (completion, rank) in enumerate(zip(completions, ranks, strict=True))
    )
    return comparison
