"""Celery's adapters: an id comes in, one call is made. State lives in the run's row."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

from training import execution


@shared_task(bind=True)
def execute_run(self: Task[..., Any], run_id: int) -> None:
    """Execute a run on this worker (queue ``gpu``)."""
    if execution.execute(run_id=run_id, worker=self.request.hostname or "by hand"):
        execute_run.delay(run_id)


@shared_task
def reap_silent_runs() -> None:
    """Give up runs whose worker fell silent, and send queued runs again whose message got lost (queue ``default``)."""
    execution.reap_silent_runs()
    for run_id in execution.runs_to_send_again():
        execute_run.delay(run_id)
