"""The settings that suit a model follow it: from the base, into the runs that a person starts, to what they make."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import (
    CheckpointFactory,
    ProjectFactory,
    PromptFactory,
    ResearcherFactory,
    RoundFactory,
    RunFactory,
    TaskFactory,
)
from training.execution.ingest import take_in_checkpoint
from training.models import CheckpointKind, Dataset, RunInput, Stage
from training.rlhf.config import PRESETS, STAGES, parse_config
from training.rlhf.rundir import RunDir
from training.services.advance import _freeze_fresh_prompts, default_settings
from training.services.base_models import register_tiny_story
from training.services.datasets import freeze_dataset
from training.services.run_inputs import preset_settings
from training.storage import artifact

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_config_that_can_start(preset: str) -> None:
    for stage, values in PRESETS[preset].items():
        kind = STAGES[stage]
        inputs = {name: {"p": "x"} if name == "policies" else "x" for name in kind.inputs}
        parse_config(kind, {**values, **inputs})


def test_the_loop_starts_the_tiny_base_with_its_own_settings() -> None:
    project = ProjectFactory()
    register_tiny_story(actor=ResearcherFactory())
    assert default_settings(project, Stage.SFT) == dict(PRESETS["tiny"]["sft"])


def test_a_base_without_a_preset_keeps_the_stage_defaults() -> None:
    project = ProjectFactory()
    CheckpointFactory(project=project, kind=CheckpointKind.BASE, preset="")
    assert preset_settings(project, Stage.SFT) == {}


def test_what_is_trained_from_a_model_inherits_its_preset() -> None:
    project = ProjectFactory()
    base = CheckpointFactory(project=project, kind=CheckpointKind.BASE, preset="tiny")
    run = RunFactory(project=project, stage=Stage.SFT)
    RunInput.objects.create(run=run, field="model", checkpoint=base)
    directory = RunDir(artifact("runs/preset-test"))
    directory.begin_checkpoint(1)
    made = directory.finish_checkpoint(1)
    checkpoint = take_in_checkpoint(run, directory, {"checkpoint": made.relative_to(directory.path).as_posix()})
    assert checkpoint.preset == "tiny"


def test_the_form_is_filled_with_the_preset_asked_for(client: Client) -> None:
    project = ProjectFactory()
    client.force_login(ResearcherFactory())
    page = client.get(reverse("training:run_new", args=[project.slug, "ppo"]), {"preset": "instructgpt"})
    assert page.context["form"]["episodes_per_update"].value() == 512
    page = client.get(reverse("training:run_new", args=[project.slug, "ppo"]), {"preset": "no-such"})
    assert page.status_code == 200


def test_the_loops_outputs_answer_fresh_prompts_of_both_splits(client: Client) -> None:
    project = ProjectFactory()
    researcher = ResearcherFactory()
    open_round = RoundFactory(project=project)
    prompts = [PromptFactory(project=project) for _ in range(40)]
    compared = prompts[:10]
    for prompt in compared:
        TaskFactory(project=project, round=open_round, prompt=prompt, kind="compare")
    fresh = _freeze_fresh_prompts(researcher, project)
    assert fresh is not None
    ids = {f"prompt-{prompt.pk}" for prompt in prompts[10:]}
    found = {
        json.loads(line)["id"]
        for name in ("train.jsonl", "valid.jsonl")
        for line in (artifact(fresh.path) / name).read_text().splitlines()
    }
    assert found == ids
    assert Dataset.objects.newest(project, "ppo") is None, "PPO would train on a round's few prompts"
    whole = freeze_dataset(actor=researcher, project=project, kind="ppo")
    assert (fresh.version, whole.version) == (1, 2)
    assert Dataset.objects.newest(project, "ppo") == whole
