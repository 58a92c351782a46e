"""A run's states: each change happens once, and only to whom it belongs."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from labeling.models import Project
from tests.factories import RunFactory
from training.execution import reap_silent_runs, runs_to_send_again
from training.execution.transitions import ATTEMPTS, Claim, ClaimLost, beat, claim_run, end, give_back
from training.models import Run, RunMetric, RunState

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(seconds=61)


def state_of(run: Run) -> str:
    return Run.objects.values_list("state", flat=True).get(pk=run.pk)


def claimed(project: Project, **values: object) -> tuple[Run, Claim]:
    run: Run = RunFactory(project=project, **values)
    claim = claim_run(run.pk, worker="gpu@one")
    assert claim is not None
    return run, claim


def silence(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - LONG_AGO)


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_that_got_the_message_one_takes_the_run(project: Project) -> None:
    run: Run = RunFactory(project=project)
    claims: list[Claim | None] = []

    def take() -> None:
        try:
            claims.append(claim_run(run.pk, worker=threading.current_thread().name))
        finally:
            connection.close()

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [claim for claim in claims if claim] == [Claim(run.pk, 1)]
    run.refresh_from_db()
    assert (run.state, run.attempts) == (RunState.RUNNING, 1) and run.running_at and run.heartbeat_at


@pytest.mark.parametrize("state", [s for s in RunState if s != RunState.QUEUED])
def test_only_a_queued_run_can_be_taken(project: Project, state: str) -> None:
    now = timezone.now()
    on_worker = state in (RunState.RUNNING, RunState.CANCELLING)
    run = RunFactory(
        project=project, state=state, result={}, running_at=now, heartbeat_at=now, ended_at=None if on_worker else now
    )
    assert claim_run(run.pk, worker="w") is None
    assert state_of(run) == state
    assert claim_run(10**9, worker="w") is None


def test_a_silent_run_goes_back_to_the_queue_and_the_old_worker_may_write_no_more(project: Project) -> None:
    run, old = claimed(project)
    RunMetric.objects.create(run=run, step=1, time=0, values={})
    silence(run)
    assert reap_silent_runs() == {"queued": [run.pk]}
    with pytest.raises(ClaimLost):
        beat(old)
    new = claim_run(run.pk, worker="gpu@two")
    assert new == Claim(run.pk, 2)
    assert not run.metrics.exists(), "the next attempt's file is taken in from its beginning"
    for write in (lambda: beat(old), lambda: end(old, RunState.SUCCEEDED, result={})):
        with pytest.raises(ClaimLost):
            write()
    assert state_of(run) == RunState.RUNNING
    assert beat(new) == RunState.RUNNING


def test_a_run_whose_workers_keep_falling_silent_is_lost_with_a_reason(project: Project) -> None:
    run: Run = RunFactory(project=project)
    for attempt in range(1, ATTEMPTS + 1):
        assert claim_run(run.pk, worker="gpu@weak") == Claim(run.pk, attempt)
        silence(run)
        reap_silent_runs()
    run.refresh_from_db()
    assert run.state == RunState.LOST and run.ended_at is not None
    assert "gpu@weak" in run.error and str(ATTEMPTS) in run.error


def test_a_silent_run_that_was_being_cancelled_is_cancelled(project: Project) -> None:
    run, _claim = claimed(project)
    Run.objects.filter(pk=run.pk).update(state=RunState.CANCELLING)
    silence(run)
    assert reap_silent_runs() == {"cancelled": [run.pk]}


def test_a_run_with_a_heartbeat_is_left_alone(project: Project) -> None:
    run, claim = claimed(project)
    silence(run)
    beat(claim, progress_step=3)
    assert reap_silent_runs() == {}
    run.refresh_from_db()
    assert (run.state, run.progress_step) == (RunState.RUNNING, 3)


def test_messages_are_sent_again_when_they_are_due_and_once(project: Project) -> None:
    now = timezone.now()
    given_back: Run = RunFactory(project=project, sent_at=None)
    lost_message: Run = RunFactory(project=project, sent_at=now - timedelta(minutes=6))
    RunFactory(project=project, sent_at=now - timedelta(minutes=4))
    RunFactory(project=project, state=RunState.CANCELLED, sent_at=None, ended_at=now)
    assert sorted(runs_to_send_again()) == sorted([given_back.pk, lost_message.pk])
    assert runs_to_send_again() == []


def test_queued_runs_wait_their_turn_without_new_messages(project: Project) -> None:
    claimed(project)
    RunFactory(project=project, sent_at=timezone.now() - timedelta(hours=2))
    assert runs_to_send_again() == []


def test_giving_back_keeps_the_reason(project: Project) -> None:
    run, claim = claimed(project)
    assert give_back(claim, why="The worker was stopped.")
    run.refresh_from_db()
    assert (run.state, run.error, run.worker, run.pid, run.sent_at) == (
        "queued",
        "The worker was stopped.",
        "",
        None,
        None,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "flying"}, {"state": "succeeded", "ended_at": None}, {"ended_at": timezone.now()},
        {"state": "running", "heartbeat_at": None}, {"state": "succeeded", "result": None, "ended_at": timezone.now()},
    ],
)  # fmt: skip
def test_the_database_refuses_states_that_cannot_be(project: Project, wrong: dict[str, object]) -> None:
    run: Run = RunFactory(project=project)
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.filter(pk=run.pk).update(**wrong)
