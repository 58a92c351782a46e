"""Training's API: the loop by HTTP alone, for researchers only."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from labeling.models import Membership, Project, Round
from tests.factories import CheckpointFactory, PromptFactory, RunFactory, SampleFactory
from tests.training.conftest import make_demonstrations
from training.models import Checkpoint, Dataset, Run, RunMetric, RunState
from training.rlhf.rundir import RunDir
from training.storage import artifact, run_path

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifacts")]


@pytest.fixture
def api(researcher: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(researcher)
    return client


def ok(response: Any, status: int = 200) -> Any:
    assert response.status_code == status, response.content
    return response.json()


@pytest.fixture
def demonstrations(project: Project, labeler: User, round: Round) -> None:
    make_demonstrations(project, labeler, round)


@pytest.mark.usefixtures("demonstrations")
def test_freeze_and_read_back(api: APIClient, project: Project) -> None:
    path = f"/api/v1/projects/{project.slug}/datasets/"
    dataset = ok(api.post(path, {"kind": "sft", "query": {"split": "train", "limit": 3}}), 201)
    assert dataset["manifest"]["files"]["train.jsonl"]["records"] == 3
    assert ok(api.get(path))["results"] == [dataset]
    assert ok(api.get(f"/api/v1/datasets/{dataset['id']}/")) == dataset
    response = api.get(f"/api/v1/datasets/{dataset['id']}/files/train.jsonl")
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    assert hashlib.sha256(content).hexdigest() == dataset["manifest"]["files"]["train.jsonl"]["sha256"]
    assert len(content.splitlines()) == 3
    for name in ("..%2f..%2fsecret", "other.jsonl"):
        assert api.get(f"/api/v1/datasets/{dataset['id']}/files/{name}").status_code == 404


@pytest.mark.usefixtures("demonstrations")
def test_errors_have_one_shape(api: APIClient, project: Project, base: Checkpoint) -> None:
    path = f"/api/v1/projects/{project.slug}/"
    error = ok(api.post(path + "datasets/", {"kind": "rm", "query": {}}), 400)["error"]
    assert error["code"] == "nothing_to_freeze" and "ranked" in error["message"]
    assert (
        "colour" in ok(api.post(path + "datasets/", {"kind": "sft", "query": {"colour": 1}}), 400)["error"]["message"]
    )
    assert ok(api.post(path + "datasets/", {"kind": "pretrain"}), 400)["error"]["fields"].keys() == {"kind"}
    ok(api.post(path + "datasets/", {"kind": "sft"}), 201)
    refused = ok(api.post(path + "runs/", {"stage": "sft", "config": {"epochs": 0}, "inputs": {"model": [999]}}), 400)
    assert refused["error"]["fields"].keys() == {"model"}
    refused = ok(api.post(path + "runs/", {"stage": "sft", "config": {"epochs": 0, "x": 1}, "dataset": 999}), 400)
    assert refused["error"]["fields"].keys() == {"dataset"}
    refused = ok(api.post(path + "runs/", {"stage": "sft", "config": {"epochs": 0}}), 400)
    assert refused["error"]["fields"] == {"epochs": ["must be greater than 0"]}
    assert not Run.objects.exists()


@pytest.mark.usefixtures("demonstrations")
def test_request_follow_and_cancel_a_run(api: APIClient, project: Project, base: Checkpoint) -> None:
    dataset = ok(api.post(f"/api/v1/projects/{project.slug}/datasets/", {"kind": "sft"}), 201)
    body = {"stage": "sft", "config": {"epochs": 1}, "dataset": dataset["id"], "inputs": {"model": [base.pk]}}
    run = ok(api.post(f"/api/v1/projects/{project.slug}/runs/", body), 201)
    assert (run["state"], run["inputs"], run["checkpoint"]) == ("queued", {"model": [base.pk]}, None)
    RunMetric.objects.bulk_create(
        RunMetric(run_id=run["id"], step=s, time=0, values={"loss": 1 / s}) for s in (1, 2, 3)
    )
    path = f"/api/v1/runs/{run['id']}/"
    first = ok(api.get(path + "metrics/"))
    assert [row["step"] for row in first["metrics"]] == [1, 2, 3]
    assert ok(api.get(path + f"metrics/?after={first['metrics'][1]['id']}"))["metrics"] == first["metrics"][2:]
    after = ok(api.get(path + f"metrics/?after={first['last']}"))
    assert after["metrics"] == [] and after["last"] == first["last"]
    assert len(ok(api.get(path + "metrics/?after=nonsense"))["metrics"]) == 3
    log = RunDir(artifact(run_path(run["id"])))
    log.path.mkdir(parents=True)
    log.log.write_text("step 1/2\n")
    assert ok(api.get(path + "log/"))["log"] == "step 1/2"
    assert ok(api.post(path + "cancel/"))["state"] == "cancelled"
    Run.objects.filter(pk=run["id"]).update(state=RunState.FAILED)
    assert ok(api.post(path + "cancel/"), 409)["error"]["code"] == "run_ended"
    assert [r["id"] for r in ok(api.get(f"/api/v1/projects/{project.slug}/runs/?state=failed"))["results"]] == [
        run["id"]
    ]
    assert ok(api.get(f"/api/v1/projects/{project.slug}/runs/?stage=ppo"))["results"] == []


def test_samples_and_publishing(api: APIClient, project: Project, round: Round) -> None:
    done = {"state": RunState.SUCCEEDED, "result": {}, "ended_at": timezone.now()}
    run = RunFactory(project=project, stage="generate", **done)
    policy, prompt = CheckpointFactory(project=project), PromptFactory(project=project)
    for number, text in enumerate(["one", "two"]):
        SampleFactory(run=run, checkpoint=policy, prompt=prompt, number=number, text=text)
    samples = ok(api.get(f"/api/v1/runs/{run.pk}/samples/"))["results"]
    assert {(s["text"], s["checkpoint"], s["prompt"]) for s in samples} == {
        ("one", policy.pk, prompt.pk), ("two", policy.pk, prompt.pk),
    }  # fmt: skip
    assert api.post(f"/api/v1/runs/{run.pk}/publish/", {"round": 77}).status_code == 404
    published = ok(api.post(f"/api/v1/runs/{run.pk}/publish/", {"round": round.number}))
    assert published == {"round": round.number, "tasks": 1, "left_out": {}}


def test_checkpoints(api: APIClient, project: Project, base: Checkpoint) -> None:
    own, foreign = CheckpointFactory(project=project), CheckpointFactory()
    listed = {row["id"] for row in ok(api.get(f"/api/v1/checkpoints/?project={project.slug}"))["results"]}
    assert listed == {own.pk, base.pk} and foreign.pk not in listed
    promoted = ok(api.post(f"/api/v1/checkpoints/{own.pk}/promote/"))
    assert promoted["promoted_at"]
    second = CheckpointFactory(project=project)
    ok(api.post(f"/api/v1/checkpoints/{second.pk}/promote/"))
    assert list(Checkpoint.objects.filter(promoted_at__isnull=False)) == [second]
    assert ok(api.post(f"/api/v1/checkpoints/{base.pk}/promote/"), 400)["error"]["code"] == "refused"
    new = ok(api.post("/api/v1/checkpoints/", {"name": "Smol", "location": "HuggingFaceTB/SmolLM2-135M"}), 201)
    assert new["kind"] == "base" and new["location"] == "HuggingFaceTB/SmolLM2-135M"
    for wrong in ("/nowhere", "../x", "a/b/c"):
        ok(api.post("/api/v1/checkpoints/", {"name": "x", "location": wrong}), 400)


def test_the_loop(api: APIClient, project: Project) -> None:
    state = ok(api.get(f"/api/v1/projects/{project.slug}/loop/"))
    assert state["project"] == project.slug and state["round"] is None
    assert state["next_action"]["verb"] == "import_prompts"
    assert [step["key"] for step in state["steps"]] == [
        "prompts", "demonstrations", "comparisons", "training", "outputs",
    ]  # fmt: skip
    assert api.get("/api/v1/projects/nowhere/loop/").status_code == 404


@pytest.mark.usefixtures("demonstrations")
def test_labelers_and_strangers_see_nothing_of_training(
    labeler: User, project: Project, api: APIClient, base: Checkpoint
) -> None:
    dataset = ok(api.post(f"/api/v1/projects/{project.slug}/datasets/", {"kind": "sft"}), 201)
    run, policy = RunFactory(project=project), CheckpointFactory(project=project)
    Membership.objects.create(project=project, user=labeler)
    addresses = [
        reverse(name, kwargs=values)
        for name, values in [
            ("api_loop", {"slug": project.slug}), ("api_datasets", {"slug": project.slug}),
            ("api_runs", {"slug": project.slug}), ("api_dataset", {"pk": dataset["id"]}),
            ("api_dataset_file", {"pk": dataset["id"], "name": "train.jsonl"}), ("api_run", {"pk": run.pk}),
            ("api_run_cancel", {"pk": run.pk}), ("api_run_metrics", {"pk": run.pk}), ("api_run_log", {"pk": run.pk}),
            ("api_run_samples", {"pk": run.pk}), ("api_run_publish", {"pk": run.pk}), ("api_checkpoints", {}),
            ("api_checkpoint_promote", {"pk": policy.pk}),
        ]
    ]  # fmt: skip
    client = APIClient()
    for method in (client.get, client.post):
        for address in addresses:
            assert method(address).status_code == 401, address
    client.force_authenticate(labeler)
    for method in (client.get, client.post):
        for address in addresses:
            response = method(address)
            assert response.status_code == 403, address
            assert json.loads(response.content)["error"]["message"]
    assert Run.objects.get(pk=run.pk).state == "queued" and Dataset.objects.count() == 1


def test_the_schema_is_whole(api: APIClient, capsys: pytest.CaptureFixture[str]) -> None:
    schema = api.get("/api/schema/?format=json")
    assert schema.status_code == 200
    told = [line for line in capsys.readouterr().err.splitlines() if "training" in line]
    assert told == []
    paths = schema.json()["paths"]
    assert "/api/v1/runs/{id}/metrics/" in paths and "/api/v1/projects/{slug}/loop/" in paths
