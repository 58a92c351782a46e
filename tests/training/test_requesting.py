"""Requesting and cancelling runs: whatever cannot work is refused before anything is queued."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from accounts.exceptions import NotAllowed
from accounts.models import User
from labeling.models import Project, Round
from tests.factories import CheckpointFactory, ProjectFactory
from tests.training.conftest import make_demonstrations, make_prompts
from training.exceptions import ConfigRefused, RunEnded
from training.forms import RunForm
from training.models import Checkpoint, Dataset, Run, RunState
from training.services.datasets import freeze_dataset
from training.services.runs import cancel_run, request_run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifacts")]


@pytest.fixture
def sft(researcher: User, labeler: User, project: Project, round: Round) -> Dataset:
    make_demonstrations(project, labeler, round)
    return freeze_dataset(actor=researcher, project=project, kind="sft")


def problems(researcher: User, project: Project, stage: str, **values: Any) -> dict[str, str]:
    before = Run.objects.count()
    with pytest.raises(ConfigRefused) as refused:
        request_run(actor=researcher, project=project, stage=stage, **{"config": {}, **values})
    assert Run.objects.count() == before, "nothing is queued"
    assert set(refused.value.fields) == set(refused.value.problems)
    return {name: str(sentence) for name, sentence in refused.value.problems.items()}


def test_a_run_keeps_its_settings_inputs_dataset_and_round(
    researcher: User, project: Project, round: Round, sft: Dataset, base: Checkpoint
) -> None:
    run = request_run(
        actor=researcher, project=project, stage="sft", config={"epochs": 3, "learning_rate": 1}, dataset=sft,
        inputs={"model": [base]}, note="a try",
    )  # fmt: skip
    assert (run.state, run.dataset, run.round, run.note) == (RunState.QUEUED, sft, round, "a try")
    assert run.config["epochs"] == 3 and run.config["batch_size"] == 16 and "model" not in run.config
    assert [(item.field, item.checkpoint) for item in run.inputs.all()] == [("model", base)]
    assert run.path == f"runs/{run.pk:06d}"


def test_what_nobody_chose_is_chosen_as_instructgpt_would(
    researcher: User, project: Project, sft: Dataset, base: Checkpoint
) -> None:
    plain = request_run(actor=researcher, project=project, stage="sft", config={})
    assert plain.dataset == sft and plain.inputs.get().checkpoint == base
    older = CheckpointFactory(project=project, kind="sft")
    policy = CheckpointFactory(project=project, kind="sft")
    reward = CheckpointFactory(project=project, kind="reward")
    CheckpointFactory(kind="sft")  # of another project
    freeze_dataset(actor=researcher, project=project, kind="ppo")
    ppo = request_run(actor=researcher, project=project, stage="ppo", config={})
    assert {item.field: item.checkpoint for item in ppo.inputs.all()} == {
        "model": policy, "reference": policy, "reward_model": reward,
    }  # fmt: skip
    newest = CheckpointFactory(project=project, kind="ppo")
    generate = request_run(actor=researcher, project=project, stage="generate", config={})
    assert {item.checkpoint for item in generate.inputs.all()} == {newest, policy}
    assert older not in {item.checkpoint for item in generate.inputs.all()}


def test_every_impossible_field_is_named(researcher: User, project: Project, sft: Dataset, base: Checkpoint) -> None:
    config = {"epochs": 0, "batch_size": "many", "colour": "red", "model": "/somewhere"}
    found = problems(researcher, project, "sft", config=config)
    assert set(found) == {"batch_size", "colour", "model"}
    assert set(problems(researcher, project, "sft", config={"epochs": 0, "micro_batch_size": 5})) == {
        "epochs", "micro_batch_size",
    }  # fmt: skip
    assert set(problems(researcher, project, "flight")) == {"stage"}


def test_inputs_must_be_of_the_right_kind_and_project(
    researcher: User, project: Project, sft: Dataset, base: Checkpoint
) -> None:
    reward = CheckpointFactory(project=project, kind="reward")
    foreign = CheckpointFactory(kind="sft")
    assert "reward model" in problems(researcher, project, "sft", inputs={"model": [reward]})["model"]
    assert "another project" in problems(researcher, project, "sft", inputs={"model": [foreign]})["model"]
    second = CheckpointFactory(project=project, kind="sft")
    assert "one" in problems(researcher, project, "sft", inputs={"model": [base, second]})["model"]
    assert set(problems(researcher, project, "sft", inputs={"reference": [base]})) == {"reference"}
    assert "reward_model" in problems(researcher, project, "ppo", inputs={"reward_model": [base]})
    assert "model" in problems(researcher, project, "score", inputs={"model": [base]})


def test_the_dataset_must_fit_the_stage(researcher: User, project: Project, sft: Dataset, base: Checkpoint) -> None:
    assert "rm" in problems(researcher, project, "reward", dataset=sft)["dataset"]
    assert "Freeze" in problems(researcher, project, "reward")["dataset"]
    other = ProjectFactory()
    make_prompts(other, 1)
    foreign = freeze_dataset(actor=researcher, project=other, kind="ppo")
    assert "another project" in problems(researcher, project, "generate", dataset=foreign)["dataset"]
    make_prompts(project, 1, start=50)
    prompts = freeze_dataset(actor=researcher, project=project, kind="ppo")
    valid_of_other = problems(researcher, other, "generate", dataset=foreign, config={"split": "valid"})
    assert "valid" in valid_of_other["dataset"]
    assert set(problems(researcher, project, "convert", dataset=prompts)) == {"dataset"}


def test_a_missing_checkpoint_is_asked_for(researcher: User, project: Project, sft: Dataset) -> None:
    assert set(problems(researcher, project, "sft")) == {"model"}


def test_labelers_may_not_start_or_cancel(labeler: User, researcher: User, project: Project) -> None:
    with pytest.raises(NotAllowed):
        request_run(actor=labeler, project=project, stage="convert", config={})
    run = request_run(actor=researcher, project=project, stage="convert", config={})
    with pytest.raises(NotAllowed):
        cancel_run(actor=labeler, run=run)


def test_cancelling_a_queued_run_ends_it_and_twice_changes_nothing(researcher: User, project: Project) -> None:
    run = request_run(actor=researcher, project=project, stage="convert", config={})
    cancelled = cancel_run(actor=researcher, run=run)
    assert cancelled.state == RunState.CANCELLED and cancelled.ended_at is not None
    assert cancel_run(actor=researcher, run=run).ended_at == cancelled.ended_at
    Run.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED, result={})
    with pytest.raises(RunEnded):
        cancel_run(actor=researcher, run=run)


def test_the_form_offers_defaults_and_puts_refusals_beside_their_fields(
    researcher: User, project: Project, sft: Dataset, base: Checkpoint
) -> None:
    blank = RunForm(project=project, stage="sft")
    assert blank["model"].initial == base.pk and blank["dataset"].initial == sft.pk
    assert "[InstructGPT" in str(blank["epochs"].help_text) and blank["epochs"].initial == 2
    names = [f.name for group in (blank.input_fields, blank.essential_fields, blank.other_fields) for f in group]
    assert sorted([*names, "note"]) == sorted(blank.fields)
    data = {"model": base.pk, "dataset": sft.pk, "epochs": "0", "batch_size": "4", "micro_batch_size": "3"}
    bad = RunForm(data, project=project, stage="sft")
    assert not bad.is_valid() and set(bad.errors) == {"epochs", "micro_batch_size"}
    good = RunForm({**data, "epochs": "1", "micro_batch_size": "2"}, project=project, stage="sft")
    assert good.is_valid(), good.errors
    run = good.save(actor=researcher)
    assert run.config["epochs"] == 1 and run.config["learning_rate"] == 1e-5, "an empty field keeps the default"
    reward = CheckpointFactory(project=project, kind="reward")
    assert "model" in RunForm({**data, "model": reward.pk}, project=project, stage="sft").errors


def test_the_form_of_several_policies(researcher: User, project: Project, base: Checkpoint, artifacts: Path) -> None:
    make_prompts(project, 2)
    dataset = freeze_dataset(actor=researcher, project=project, kind="ppo")
    policy = CheckpointFactory(project=project, kind="sft")
    data = {"policies": [base.pk, policy.pk], "dataset": dataset.pk, "split": "train", "device": "cpu"}
    form = RunForm(data, project=project, stage="generate")
    assert form.is_valid(), form.errors
    assert {item.checkpoint for item in form.save(actor=researcher).inputs.all()} == {base, policy}
    assert "split" in RunForm({**data, "split": "test"}, project=project, stage="generate").errors
    assert "dataset" in RunForm({**data, "split": "valid"}, project=project, stage="generate").errors


def test_ppo_refuses_models_that_read_text_differently(
    researcher: User, project: Project, base: Checkpoint, artifacts: Path
) -> None:
    make_prompts(project, 1)
    freeze_dataset(actor=researcher, project=project, kind="ppo")
    other = artifacts / "bases" / "other"
    other.mkdir()
    tokenizer = json.loads((artifacts / base.location / "tokenizer.json").read_text())
    (other / "tokenizer.json").write_text(json.dumps({**tokenizer, "padding": None}))
    reward = CheckpointFactory(project=project, kind="reward", location="bases/other")
    inputs = {"model": [base], "reference": [base], "reward_model": [reward]}
    assert request_run(actor=researcher, project=project, stage="ppo", config={}, inputs=inputs)
    tokenizer["model"]["vocab"]["a new token"] = len(tokenizer["model"]["vocab"])
    (other / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert "vocabulary" in problems(researcher, project, "ppo", inputs=inputs)["reward_model"]


def test_an_answer_must_leave_room_for_a_prompt(researcher: User, project: Project, base: Checkpoint) -> None:
    """The shipped base reads 256 tokens in all."""
    make_prompts(project, 2)
    freeze_dataset(actor=researcher, project=project, kind="ppo")
    found = problems(researcher, project, "generate", config={"max_new_tokens": 256})
    assert set(found) == {"max_new_tokens"} and "256 tokens in all" in found["max_new_tokens"]
    request_run(actor=researcher, project=project, stage="generate", config={"max_new_tokens": 255})
