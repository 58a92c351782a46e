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
from labeling.exceptions import AnswerFrozen
from labeling.models import Comparison, Demonstration, Project, Prompt, Round, WrittenPrompt
from labeling.services.revisions import revise_demonstration
from tests.factories import DemonstrationFactory, PromptFactory, RoundFactory, TaskFactory, UserFactory
from tests.training.conftest import make_comparison, make_demonstrations, make_prompts
from training.exceptions import CannotStart, NothingToFreeze, Refused
from training.execution.directory import write_run_directory
from training.models import Checkpoint, Dataset
from training.rlhf import records
from training.services import datasets
from training.services.datasets import freeze_dataset, manifest_hash
from training.services.records import FreezeQuery
from training.services.runs import request_run
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


def test_a_strength_and_an_edit_go_into_the_records(
    researcher: User, labeler: User, project: Project, round: Round
) -> None:
    pair, tie, edited, both_bad, ranking = make_prompts(project, 5)
    make_comparison(round, pair, labeler, ["b", "a"], [1, 2], mode="strength", strength=3)
    make_comparison(round, tie, labeler, ["x", "y"], [1, 1], mode="seven_point", strength=0)
    make_comparison(round, both_bad, labeler, ["m", "n"], [1, 1], mode="strength", none_acceptable=True)
    improve(make_comparison(round, edited, labeler, ["p", "o"], [2, 1], mode="seven_point", strength=2), "n, better")
    improve(make_comparison(round, ranking, labeler, ["c", "d", "e"], [1, 2, 2]), "zz")
    dataset = freeze_dataset(actor=researcher, project=project, kind="rm")
    rows = {row["prompt"][0]["content"]: row for row in lines(dataset, "train.jsonl")}
    told = [
        (row["completions"], row["ranks"], row.get("strength"), row.get("strength_levels"))
        for row in (rows[prompt.last_turn] for prompt in (pair, tie, edited, both_bad, ranking))
    ]
    assert told == [
        (["a", "b"], [2, 1], 3, 4),
        (["x", "y"], [1, 1], 0, 3),
        (["n, better", "o", "p"], [1, 2, 3], 2, 3),
        (["m", "n"], [1, 1], None, None),
        (["c", "d", "e", "zz"], [2, 3, 3, 1], None, None),
    ]
    assert rows[ranking.last_turn]["finished"] == [True] * 4
    read = list(records.read_records(records.Comparison, artifact(dataset.path) / "train.jsonl"))
    assert len(read) == 5 and records.record_line(read[0]).count("null") == 0
    assert dataset.manifest["notes"] == {
        "all outputs tied": 2, "edited outputs": 2, "no output acceptable": 1, "pairs": 9, "with a strength": 3,
    }  # fmt: skip
    assert freeze_dataset(actor=researcher, project=project, kind="rm").sha256 == dataset.sha256


def improve(comparison: Comparison, text: str) -> None:
    comparison.edited_text, comparison.edited_from = text, comparison.judged.order_by("rank")[0].completion
    comparison.save()


def test_the_manifest_counts_the_flags_of_outputs(
    researcher: User, labeler: User, project: Project, round: Round
) -> None:
    (prompt,) = make_prompts(project, 1)
    comparison = make_comparison(round, prompt, labeler, ["a", "b"], [1, 2])
    comparison.judged.update(answers={"quality": 4, "hallucination": True, "violent": False})
    dataset = freeze_dataset(actor=researcher, project=project, kind="rm")
    assert dataset.manifest["notes"] == {"outputs flagged hallucination": 2, "pairs": 1}


def test_what_a_dataset_takes_in_is_frozen_once(
    researcher: User, labeler: User, project: Project, round: Round
) -> None:
    kept, late = make_demonstrations(project, labeler, round, count=2)[:2]
    Demonstration.objects.filter(pk=late.pk).update(surplus=True)
    (prompt,) = make_prompts(project, 1, start=9)
    comparison = make_comparison(round, prompt, labeler, ["a", "b"], [1, 2])
    first = freeze_dataset(actor=researcher, project=project, kind="rm")
    frozen = dict(Demonstration.objects.values_list("pk", "frozen_at"))
    comparison.refresh_from_db()
    assert comparison.frozen_at == first.created_at == frozen[kept.pk]
    assert frozen[late.pk] is None, "what stays out may still be mended"
    assert [at for pk, at in frozen.items() if at is None] == [None, None, None], "valid ones are not beside it"
    freeze_dataset(actor=researcher, project=project, kind="rm")
    comparison.refresh_from_db()
    assert comparison.frozen_at == first.created_at
    with pytest.raises(AnswerFrozen):
        revise_demonstration(actor=labeler, previous=kept, text="Too late.")
    assert revise_demonstration(actor=labeler, previous=late, text="In time.").frozen_at is None


@pytest.mark.parametrize("kind", ["sft", "rm", "ppo"])
def test_a_prompt_that_a_labeler_wrote_is_frozen_with_the_dataset_it_stands_in(
    researcher: User, labeler: User, project: Project, round: Round, kind: str
) -> None:
    def write() -> tuple[WrittenPrompt, Prompt]:
        written = WrittenPrompt.objects.create(
            project=project, labeler=labeler, actor=labeler, kind="plain", text="Hm?"
        )
        return written, PromptFactory(project=project, split="train", written=written)

    (taken, prompt), (other, elsewhere) = write(), write()
    if kind == "sft":
        DemonstrationFactory(prompt=prompt, labeler=labeler)
    elif kind == "rm":
        make_comparison(round, prompt, labeler, ["a", "b"], [1, 2])
    else:
        TaskFactory(round=round, prompt=elsewhere, kind="compare")
    dataset = freeze_dataset(actor=researcher, project=project, kind=kind, query=FreezeQuery(fresh_only=kind == "ppo"))
    taken.refresh_from_db()
    other.refresh_from_db()
    assert (taken.frozen_at, other.frozen_at) == (dataset.created_at, None)


def test_a_freeze_that_fails_freezes_no_label(
    researcher: User, labeler: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_demonstrations(project, labeler, None, count=1)

    def fail(*_args: Any, **_values: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(datasets, "_mark_frozen", fail)
        with pytest.raises(OSError, match="disk full"):
            freeze_dataset(actor=researcher, project=project, kind="sft")
    assert not Dataset.objects.exists() and not Demonstration.objects.exclude(frozen_at=None).exists()
    freeze_dataset(actor=researcher, project=project, kind="sft")
    assert not Demonstration.objects.filter(frozen_at=None).exists()


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


def test_a_tampered_dataset_starts_no_run(researcher: User, labeler: User, project: Project, base: Checkpoint) -> None:
    """A worker trains on what was frozen or on nothing; the files ask not to be written to."""
    make_demonstrations(project, labeler, None)
    dataset = freeze_dataset(actor=researcher, project=project, kind="sft")
    run = request_run(actor=researcher, project=project, stage="sft", config={}, dataset=dataset)
    frozen = artifact(dataset.path) / "train.jsonl"
    assert frozen.stat().st_mode & 0o222 == 0
    directory = write_run_directory(run)
    assert directory.train.read_bytes() == frozen.read_bytes()
    frozen.chmod(0o644)
    with frozen.open("a") as stream:
        stream.write("{}\n")
    with pytest.raises(CannotStart, match=r"train\.jsonl of dataset .* is not the file that was frozen"):
        write_run_directory(run)
    frozen.unlink()
    with pytest.raises(CannotStart, match=r"train\.jsonl"):
        write_run_directory(run)
