"""Runs on a real worker: Celery from a real broker, the real stages on the shipped base model, real signals."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psutil
import pytest
from django.utils import timezone

from accounts.models import User
from labeling.models import Completion, Project, Round, Task
from tests.training.conftest import FAST, SFT, make_demonstrations, make_prompts
from tests.worker import WorkerProcess
from training.models import Checkpoint, Run, RunState, Sample
from training.rlhf.rundir import RunDir
from training.services.datasets import freeze_dataset
from training.services.records import FreezeQuery
from training.services.runs import cancel_run, request_run
from training.services.samples import publish_samples
from training.storage import artifact
from training.tasks import execute_run, reap_silent_runs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
ENDLESS = {**SFT, "max_steps": 100_000, "save_every": 5, "eval_every": 0}


def wait_until(what: Callable[[], Any], *, seconds: float = 120, worker: WorkerProcess | None = None) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        told = worker.output()[-3000:] if worker else ""
        assert time.monotonic() < deadline, f"waited {seconds} s in vain\n{told}"
        time.sleep(0.1)
    return found


def ended(run: Run, worker: WorkerProcess) -> Run:
    wait_until(lambda: not Run.objects.get(pk=run.pk).is_in_flight, worker=worker)
    return Run.objects.get(pk=run.pk)


def moving(run: Run, worker: WorkerProcess, *, metrics: int = 1) -> Run:
    """Wait until the run has written metrics, and they stand in the database."""
    wait_until(lambda: run.metrics.count() >= metrics, worker=worker)
    return Run.objects.get(pk=run.pk)


@pytest.fixture
def sft(researcher: User, labeler: User, project: Project, round: Round, base: Checkpoint) -> Callable[..., Run]:
    make_demonstrations(project, labeler, round)
    dataset = freeze_dataset(actor=researcher, project=project, kind="sft")

    def request(**config: Any) -> Run:
        return request_run(actor=researcher, project=project, stage="sft", config={**SFT, **config}, dataset=dataset)

    return request


def test_from_demonstrations_to_comparison_tasks(
    celery_worker: WorkerProcess, sft: Callable[..., Run], researcher: User, project: Project, round: Round,
    base: Checkpoint,
) -> None:  # fmt: skip
    run = ended(sft(), celery_worker)
    assert run.state == RunState.SUCCEEDED, (run.error, run.log_tail)
    assert run.attempts == 1 and run.worker == celery_worker.name and run.result is not None
    assert (run.progress_step, run.progress_total) == (2, 2)
    policy = run.checkpoints.get()
    assert (policy.kind, policy.project, policy.name) == ("sft", project, f"sft-{run.pk}")
    assert not policy.location.startswith("/") and (artifact(policy.location) / "model.safetensors").is_file()
    written = [json.loads(line) for line in RunDir(artifact(run.path)).metrics.read_text().splitlines()]
    assert [metric.step for metric in run.metrics.order_by("pk")] == [line["step"] for line in written]
    assert any("loss" in metric.values for metric in run.metrics.all())

    prompts = freeze_dataset(actor=researcher, project=project, kind="ppo", query=FreezeQuery(limit=3))
    config = {**FAST, "samples_per_prompt": 2, "max_new_tokens": 12}
    generate = ended(
        request_run(actor=researcher, project=project, stage="generate", config=config, dataset=prompts,
                    inputs={"policies": [base, policy]}), celery_worker,
    )  # fmt: skip
    assert generate.state == RunState.SUCCEEDED, (generate.error, generate.log_tail)
    samples = Sample.objects.filter(run=generate)
    assert samples.count() == 3 * 2 * 2
    assert set(samples.values_list("checkpoint", "number")) == {(c.pk, n) for c in (base, policy) for n in (0, 1)}
    assert all(sample.tokens for sample in samples)

    published = publish_samples(actor=researcher, run=generate, round=round)
    assert published.tasks == 3 and published.round == round
    for task in Task.objects.filter(round=round, kind="compare"):
        shown = list(task.completions.all())
        assert 2 <= len(shown) <= 4 and len({completion.text for completion in shown}) == len(shown)
        assert set(task.prompt.samples.filter(completion__in=shown).values_list("checkpoint", flat=True)) == {
            base.pk, policy.pk,
        }  # fmt: skip
    again = publish_samples(actor=researcher, run=generate, round=round)
    assert (again.round, again.tasks) == (round, 0)
    assert Completion.objects.filter(samples__run=generate).distinct().count() == Completion.objects.count()


def test_a_message_delivered_again_starts_nothing_again(celery_worker: WorkerProcess, sft: Callable[..., Run]) -> None:
    run = sft()
    for _ in range(3):
        execute_run.delay(run.pk)
    run = ended(run, celery_worker)
    execute_run.delay(run.pk)
    wait_until(lambda: celery_worker.output().count(f"run {run.pk} is not queued") >= 4, worker=celery_worker)
    run.refresh_from_db()
    assert (run.state, run.attempts) == (RunState.SUCCEEDED, 1)
    assert run.checkpoints.count() == 1
    assert run.metrics.count() == len(RunDir(artifact(run.path)).metrics.read_text().splitlines())


def test_a_run_that_cannot_learn_fails_with_the_stages_sentence(
    celery_worker: WorkerProcess, sft: Callable[..., Run]
) -> None:
    run = ended(sft(max_length=2), celery_worker)
    assert run.state == RunState.FAILED and run.ended_at is not None
    assert "max_length" in run.error and not run.error.startswith("sft:")
    assert run.error in run.log_tail
    assert not run.checkpoints.exists()


def test_a_killed_child_is_named_and_the_worker_goes_on(celery_worker: WorkerProcess, sft: Callable[..., Run]) -> None:
    run = moving(sft(**ENDLESS), celery_worker)
    assert run.pid is not None and run.progress_total == 100_000
    os.kill(run.pid, signal.SIGKILL)
    run = ended(run, celery_worker)
    assert run.state == RunState.FAILED and "memory" in run.error and "micro_batch_size" in run.error
    assert "step" in run.log_tail
    assert ended(sft(), celery_worker).state == RunState.SUCCEEDED


def test_cancelling_stops_the_child(celery_worker: WorkerProcess, sft: Callable[..., Run], researcher: User) -> None:
    run = moving(sft(**ENDLESS), celery_worker)
    assert cancel_run(actor=researcher, run=run).state == RunState.CANCELLING
    run = ended(run, celery_worker)
    assert run.state == RunState.CANCELLED and run.pid is not None
    assert not psutil.pid_exists(run.pid)
    assert run.ended_at is not None and run.cancelling_at is not None
    assert (run.ended_at - run.cancelling_at).total_seconds() < 25


def test_a_worker_that_dies_leaves_its_run_to_the_next(
    celery_worker: WorkerProcess, sft: Callable[..., Run], project: Project
) -> None:
    run = sft(max_steps=150, save_every=5, eval_every=0)
    first = moving(run, celery_worker, metrics=12)
    assert first.pid is not None
    celery_worker.kill()
    wait_until(lambda: not _alive(first.pid), seconds=10)
    reap_silent_runs()
    assert Run.objects.get(pk=run.pk).state == RunState.RUNNING, "not silent for long enough yet"
    Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=61))
    reap_silent_runs()
    again = Run.objects.get(pk=run.pk)
    assert again.state == RunState.QUEUED and celery_worker.name in again.error
    celery_worker.ensure_started()
    run = ended(run, celery_worker)
    assert run.state == RunState.SUCCEEDED, (run.error, run.log_tail)
    assert run.attempts == 2 and run.error == ""
    assert "resuming after step" in RunDir(artifact(run.path)).log.read_text()
    steps = [metric.step for metric in run.metrics.order_by("pk") if "loss" in metric.values]
    assert steps == sorted(set(steps)), "no step stands twice"


def test_a_worker_that_is_stopped_hands_its_run_back(celery_worker: WorkerProcess, sft: Callable[..., Run]) -> None:
    run = moving(sft(max_steps=400, save_every=0, eval_every=0), celery_worker, metrics=3)
    assert celery_worker.process is not None
    celery_worker.process.terminate()
    celery_worker.process.wait(timeout=60)
    back = Run.objects.get(pk=run.pk)
    assert back.state == RunState.QUEUED, (back.state, back.error, celery_worker.output()[-3000:])
    assert not _alive(run.pid)
    assert RunDir(artifact(back.path)).newest_checkpoint() is not None, "it wrote a checkpoint when it was told to stop"
    celery_worker.ensure_started()
    reap_silent_runs()
    done = ended(run, celery_worker)
    assert done.state == RunState.SUCCEEDED, (done.error, done.log_tail)
    assert "resuming after step" in RunDir(artifact(done.path)).log.read_text()


def _alive(pid: int | None) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_prompts_of_the_library_answer_by_id(celery_worker: WorkerProcess, researcher: User, project: Project,
                                             base: Checkpoint) -> None:  # fmt: skip
    """A run that finds nothing to answer ends in a named state, not in an empty success."""
    make_prompts(project, 2)
    freeze_dataset(actor=researcher, project=project, kind="ppo")
    config = {**FAST, "max_prompt_length": 1}
    run = ended(request_run(actor=researcher, project=project, stage="generate", config=config), celery_worker)
    assert run.state == RunState.FAILED and "max_prompt_length" in run.error
