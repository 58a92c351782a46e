"""From a claimed run to its last state: start the child, follow it, take in what it made."""

from __future__ import annotations

import logging
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.utils.translation import gettext as _

from training.exceptions import BadResult, CannotStart
from training.execution.child import can_train, start_child, stop_child
from training.execution.directory import wait_until_free, write_run_directory
from training.execution.failure import explain
from training.execution.ingest import take_in_result
from training.execution.metrics import MetricsReader, read_progress
from training.execution.transitions import SILENCE, Claim, ClaimLost, beat, claim_run, end, give_back
from training.models import Run, RunState
from training.rlhf.rundir import RunDir

logger = logging.getLogger(__name__)

BEAT_SECONDS = 2.0
POLL_SECONDS = 0.2
DATABASE_PATIENCE = 300.0
"""How long a finished run waits for a database that is away, to have its result stored."""

T = TypeVar("T")


def execute(*, run_id: int, worker: str) -> bool:
    """Execute a queued run to its end on this worker. Returns whether the run went back to the queue.

    Does nothing for a run that is not queued, so a message may be delivered any number of times. When the worker is
    told to stop (SystemExit, KeyboardInterrupt), the child writes a checkpoint and the run goes back to the queue.
    """
    claim = claim_run(run_id, worker=worker)
    if claim is None:
        logger.info("run %s is not queued: nothing to do", run_id)
        return False
    run = Run.objects.select_related("dataset", "project").get(pk=run_id)
    try:
        if not can_train():
            raise CannotStart(_("This worker has no torch: install the train extra (pip install 'volant[train]')."))
        directory = write_run_directory(run)
        wait_until_free(directory)
    except CannotStart as error:
        end(claim, RunState.FAILED, error=str(error))
        return False
    except OSError as error:
        end(claim, RunState.FAILED, error=_("The run directory cannot be written: %(why)s") % {"why": str(error)})
        return False
    try:
        return _run_child(claim, run, directory)
    except ClaimLost:
        logger.warning("run %s was given to another worker: its child here was ended", run_id)
        return False
    except Exception:
        sentence = _("Volant failed here, not the stage. Look for “run %(run)s” in the worker's log.")
        with suppress(ClaimLost, OperationalError, InterfaceError):
            end(claim, RunState.FAILED, error=sentence % {"run": run_id}, log_tail=directory.log_tail())
        logger.exception("run %s: failed outside of its stage", run_id)
        raise


def _run_child(claim: Claim, run: Run, directory: RunDir) -> bool:
    """Start the stage and stay with it; whatever happens here, the child does not go on alone."""
    child = start_child(run.stage, directory.path)
    try:
        code = follow(claim, child, directory)
    except (SystemExit, KeyboardInterrupt):
        stop_child(child)
        give_back(claim, why=_("The worker was stopped; the run goes on from its last checkpoint."))
        raise
    finally:
        stop_child(child, grace=0)
    return with_patience(lambda: conclude(claim, run, directory, code), seconds=DATABASE_PATIENCE)


def follow(claim: Claim, child: subprocess.Popen[bytes], directory: RunDir) -> int:
    """Give signs of life and take in metrics until the child has ended; return its exit code.

    A cancelled run's child gets SIGTERM, then SIGKILL. While the database is away the child goes on; when that lasts
    longer than the reaper's patience, the next heartbeat finds out whether the run is still ours.
    """
    metrics = MetricsReader(claim, directory)
    next_beat = 0.0
    while True:
        ended = child.poll() is not None
        if ended or time.monotonic() >= next_beat:
            try:
                state = beat(claim, pid=child.pid, **read_progress(directory.log))
                metrics.take_in()
            except (OperationalError, InterfaceError) as error:
                logger.warning("run %s: no database, trying again: %s", claim.run_id, error)
                connection.close()
                state = RunState.RUNNING
            if state == RunState.CANCELLING and not ended:
                stop_child(child)
                continue
            next_beat = time.monotonic() + BEAT_SECONDS
        if ended:
            code = child.wait()
            with_patience(lambda: (beat(claim), metrics.take_in()), seconds=DATABASE_PATIENCE)
            return code
        time.sleep(POLL_SECONDS)


def conclude(claim: Claim, run: Run, directory: RunDir, code: int) -> bool:
    """Put the run into the state that its exit code and result.json call for. True when it went back to the queue."""
    log_tail = directory.log_tail()
    result = directory.read_result() if code == 0 else None
    state = beat(claim)
    if result is not None and result.get("state") == "succeeded":
        try:
            take_in_result(claim, directory, result, log_tail=log_tail)
        except BadResult as error:
            end(claim, RunState.FAILED, error=str(error), log_tail=log_tail, result=result)
        return False
    if state == RunState.CANCELLING:
        end(claim, RunState.CANCELLED, log_tail=log_tail, result=result)
        return False
    if result is not None and result.get("state") == "stopped":
        return give_back(claim, why=_("The stage was stopped from outside (SIGTERM)."), log_tail=log_tail)
    end(claim, RunState.FAILED, error=explain(run.stage, code, log_tail, free=free_bytes(directory)), log_tail=log_tail)
    return False


def free_bytes(directory: RunDir) -> int | None:
    """Return what the disk of a run directory has left; None when it cannot be asked."""
    try:
        return shutil.disk_usage(directory.path).free
    except OSError:
        return None


def with_patience(work: Callable[[], T], *, seconds: float) -> T:
    """Call `work` until the database lets it, for up to `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError):
            if time.monotonic() > deadline:
                raise
            connection.close()
            time.sleep(min(1.0, SILENCE.total_seconds() / 10))
