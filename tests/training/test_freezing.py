"""Freezing: the same labels give the same bytes, nothing is lost without a reason, nothing is half-frozen."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.exceptions import NotAllowed
from accounts.models import User
from labeling.models import Project, Round
from tests.factories import DemonstrationFactory, PromptFactory, RoundFactory, TaskFactory, UserFactory
from tests.training.conftest import make_comparison, make_demonstrations, make_prompts
from training.exceptions import NothingToFreeze, Refused
from training.models import Dataset
from training.rlhf import records
from training.services import datasets
from training.services.datasets import freeze_dataset, manifest_hash
from training.services.records import FreezeQuery
from training.storage import artifact

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _store(artifacts: Path) -> Iterator[None]:
    yield


def lines(dataset: Dataset, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (artifact(dataset.path) / name).read_text().splitlines()]


def test_same_labels_and_query_give_the_same_bytes(
    researcher: User, labeler: User, project: Project, round: Round
) -> None:
    make_demonstrations(project, labeler, round)
    first = freeze_dataset(actor=researcher, project=project, kind="sft")
    second = freeze_dataset(actor=researcher, project=project, kind="sft")
    assert (first.version, second.version) == (1, 2)
    assert first.sha256 == second.sha256
    for name in ("train.jsonl", "valid.jsonl"):
        content = (artifact(first.path) / name).read_bytes()
        assert content == (artifact(second.path) / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == first.manifest["files"][name]["sha256"]
    DemonstrationFactory(prompt=PromptFactory(project=project, split="train"), labeler=labeler)
    assert freeze_dataset(actor=researcher, project=project, kind="sft").sha256 != first.sha256


def test_the_hash_covers_the_manifest_and_not_its_time(researcher: User, labeler: User, project: Project) -> None:
    make_demonstrations(project, labeler, None)
    dataset = freeze_dataset(actor=researcher, project=project, kind="sft")
    on_disk = json.loads((artifact(dataset.path) / "manifest.json").read_text())
    assert on_disk == dataset.manifest
    assert manifest_hash(on_disk) == dataset.sha256
    assert manifest_hash({**on_disk, "frozen_at": "later", "version": 9}) == dataset.sha256
    assert manifest_hash({**on_disk, "labelers": 2}) != dataset.sha256


def test_sft_records_read_back_by_the_library(researcher: User, labeler: User, project: Project) -> None:
    made = make_demonstrations(project, labeler, None)
    dataset = freeze_dataset(actor=researcher, project=project, kind="sft")
    read = list(records.read_records(records.Demonstration, artifact(dataset.path) / "train.jsonl"))
    assert {record.completion for record in read} == {made[0].text}
    assert {record.labeler for record in read} == {f"labeler-{labeler.pk}"}
    assert labeler.username not in (artifact(dataset.path) / "train.jsonl").read_text()
    assert dataset.manifest["counts"] == {"train": {"labeler": 8}, "valid": {"labeler": 2}}
    assert dataset.records("train") == 8 and dataset.records("valid") == 2 and dataset.records("test") == 0


def test_what_stays_out_is_counted_with_its_reason(
    researcher: User, labeler: User, project: Project, round: Round
) -> None:
    first, second, third, fourth = make_prompts(project, 4)
    DemonstrationFactory(prompt=first, labeler=labeler, round=round)
    DemonstrationFactory(prompt=second, labeler=labeler, round=round, surplus=True)
    DemonstrationFactory(prompt=third, labeler=labeler, round=round, simulated=True)
    DemonstrationFactory(prompt=fourth, labeler=labeler, round=round, is_current=False)
    everything = freeze_dataset(actor=researcher, project=project, kind="sft")
    assert everything.manifest["left_out"] == {"surplus": 1}
    assert everything.manifest["simulated"] == 1
    assert everything.records("train") == 2
    people = freeze_dataset(
        actor=researcher, project=project, kind="sft", query=FreezeQuery(include_simulated=False, include_surplus=True)
    )
    assert people.manifest["left_out"] == {"simulated": 1}
    with pytest.raises(NothingToFreeze, match="demonstration"):
        freeze_dataset(actor=researcher, project=project, kind="sft", query=FreezeQuery(rounds=(7,)))


def test_comparisons_carry_their_ranks_finished_marks_and_demonstrations(
    researcher: User, labeler: User, project: Project, round: Round
) -> None:
    make_demonstrations(project, labeler, round, count=3)
    ranked, tied = make_prompts(project, 2, start=50)
    make_comparison(round, ranked, labeler, ["c", "a", "d", "b"], [3, 1, 3, 2], none_acceptable=True)
    make_comparison(round, tied, labeler, ["x", "y"], [1, 1])
    dataset = freeze_dataset(actor=researcher, project=project, kind="rm")
    by_size = {len(row["completions"]): row for row in lines(dataset, "train.jsonl")}
    ranks = dict(zip(by_size[4]["completions"], by_size[4]["ranks"], strict=True))
    assert ranks == {"a": 1, "b": 2, "c": 3, "d": 3}
    assert by_size[4]["finished"] == [True] * 4
    assert by_size[2]["ranks"] == [1, 1]
    assert dataset.manifest["notes"] == {"all outputs tied": 1, "no output acceptable": 1, "pairs": 5}
    assert len(lines(dataset, "demonstrations.jsonl")) == 3, "training demonstrations only"
    assert list(records.read_records(records.Comparison, artifact(dataset.path) / "train.jsonl"))


def test_fresh_prompts_leave_out_what_was_compared(researcher: User, project: Project, round: Round) -> None:
    prompts = make_prompts(project, 5)
    TaskFactory(round=round, prompt=prompts[0], kind="compare")
    query = FreezeQuery(fresh_only=True, limit=3, split="train")
    dataset = freeze_dataset(actor=researcher, project=project, kind="ppo", query=query)
    assert dataset.manifest["left_out"] == {"already compared": 1, "over the limit": 1}
    assert f"prompt-{prompts[0].pk}" not in [row["id"] for row in lines(dataset, "train.jsonl")]
    assert dataset.query == query.to_json()
    assert FreezeQuery.from_json(dataset.query) == query


def test_a_key_never_stands_in_two_splits(researcher: User, project: Project) -> None:
    PromptFactory(project=project, key="same", split="train")
    PromptFactory(project=project, key="same", split="valid")
    with pytest.raises(Refused, match="same"):
        freeze_dataset(actor=researcher, project=project, kind="ppo")
    assert not Dataset.objects.exists()


def test_a_crash_leaves_nothing_half_frozen(
    researcher: User, project: Project, artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_prompts(project, 2)

    class PowerCut(BaseException):
        pass

    def cut(*_args: Any, **_values: Any) -> None:
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(Dataset.objects, "create", cut)
        with pytest.raises(PowerCut):
            freeze_dataset(actor=researcher, project=project, kind="ppo")
    assert not Dataset.objects.exists()
    assert not list((artifacts / "datasets").glob(".partial*"))
    left = artifacts / "datasets" / project.slug / "ppo-v0001"
    (left / "stray.jsonl").write_text("of the crash")
    dataset = freeze_dataset(actor=researcher, project=project, kind="ppo")
    assert dataset.version == 1 and not (left / "stray.jsonl").exists()
    assert sorted(path.name for path in left.iterdir()) == ["manifest.json", "train.jsonl", "valid.jsonl"]


def test_labelers_may_not_freeze(labeler: User, project: Project) -> None:
    with pytest.raises(NotAllowed):
        freeze_dataset(actor=labeler, project=project, kind="ppo")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"split": "test"}, "split"), ({"limit": -1}, "limit"), ({"limit": True}, "limit"),
        ({"sources": ["bot"]}, "Sources"),
        ({"rounds": ["one"]}, "Rounds"), ({"include_simulated": 1}, "include_simulated"), ({"colour": 1}, "colour"),
        ({"rounds": 3}, "Rounds"), ({"split": []}, "split"), ({"sources": 4}, "Sources"),
        ({"sources": [["x"]]}, "Sources"),
    ],
)  # fmt: skip
def test_a_query_that_makes_no_sense_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        FreezeQuery.from_json(values)


@pytest.mark.django_db(transaction=True)
def test_labels_that_arrive_while_freezing_wait_for_the_next_one(
    researcher: User, labeler: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of a dataset are of one moment: a second connection adds one between two of its queries."""
    round = RoundFactory(project=project)
    first, late = make_prompts(project, 2)
    make_comparison(round, first, labeler, ["a", "b"], [1, 2])
    other = UserFactory()

    def add() -> None:
        try:
            DemonstrationFactory(prompt=late, labeler=other)
        finally:
            connection.close()

    collect = datasets.collect_demonstrations

    def slowly(*args: Any) -> Any:
        thread = threading.Thread(target=add)
        thread.start()
        thread.join()
        return collect(*args)

    monkeypatch.setattr(datasets, "collect_demonstrations", slowly)
    dataset = freeze_dataset(actor=researcher, project=project, kind="rm")
    assert "demonstrations.jsonl" not in dataset.manifest["files"]


@pytest.mark.django_db(transaction=True)
def test_two_freezes_at_once_get_two_versions(researcher: User, project: Project) -> None:
    make_prompts(project, 3)
    made: list[Dataset] = []

    def freeze() -> None:
        try:
            made.append(freeze_dataset(actor=researcher, project=project, kind="ppo"))
        finally:
            connection.close()

    threads = [threading.Thread(target=freeze) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(dataset.version for dataset in made) == [1, 2, 3, 4]
    assert len({dataset.sha256 for dataset in made}) == 1
