"""Every change of a run's state after it was queued. Each is one conditional UPDATE.

A worker holds a run by (state on a worker, `attempts`): when the reaper gave the run to somebody else, `attempts` no
longer fits, every update of the old worker changes nothing, and `ClaimLost` makes it stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from training.models import ON_WORKER, Run, RunMetric, RunState
from training.models.run import RunQuerySet

SILENCE = timedelta(seconds=60)
"""A worker that gave no sign of life for so long is given up."""

ATTEMPTS = 3
"""How often a run is started before it counts as lost."""

RESEND = timedelta(minutes=5)
"""A queued run that nobody claimed for so long is put on the queue again, in case its message got lost."""


class ClaimLost(Exception):
    """Another worker has this run now; the old one must stop its child and write nothing more."""


@dataclass(frozen=True)
class Claim:
    """A worker's hold on a run: its start number tells it from every other one."""

    run_id: int
    attempt: int

    def held(self) -> RunQuerySet:
        """Return the run as long as this claim holds it, else nothing."""
        return Run.objects.filter(pk=self.run_id, attempts=self.attempt, state__in=ON_WORKER)


def claim_run(run_id: int, *, worker: str) -> Claim | None:
    """Take a queued run: queued → running. None when it is not queued (delivered twice, cancelled, ended).

    Metrics of an earlier attempt are forgotten: the stage writes the ones it keeps, and they are taken in again.
    """
    now = timezone.now()
    with transaction.atomic():
        taken = Run.objects.filter(pk=run_id, state=RunState.QUEUED).update(
            state=RunState.RUNNING, running_at=now, heartbeat_at=now, worker=worker, attempts=F("attempts") + 1,
            pid=None, metrics_offset=0, progress_step=0, error="", log_tail="",
        )  # fmt: skip
        if not taken:
            return None
        RunMetric.objects.filter(run_id=run_id).delete()
        return Claim(run_id, Run.objects.values_list("attempts", flat=True).get(pk=run_id))


def beat(claim: Claim, **changes: Any) -> str:
    """Give a sign of life, note `changes` (pid, progress), and return the state. Raises ClaimLost."""
    if not claim.held().update(heartbeat_at=timezone.now(), **changes):
        raise ClaimLost
    return Run.objects.values_list("state", flat=True).get(pk=claim.run_id)


def end(
    claim: Claim, state: RunState, *, error: str = "", log_tail: str = "", result: Mapping[str, Any] | None = None
) -> None:
    """Put a run into one of its last states. Raises ClaimLost when it is no longer held."""
    changes: dict[str, Any] = {"state": state, "ended_at": timezone.now(), "error": error, "log_tail": log_tail}
    if result is not None:
        changes["result"] = dict(result)
    if not claim.held().update(**changes):
        raise ClaimLost


def give_back(claim: Claim, *, why: str, log_tail: str = "") -> bool:
    """Return a run that its worker must leave to the queue, to go on from its last checkpoint. False: it is lost.

    A run that was being cancelled is cancelled. One that was started `ATTEMPTS` times becomes lost.
    """
    held = claim.held()
    now = timezone.now()
    if held.filter(state=RunState.CANCELLING).update(state=RunState.CANCELLED, ended_at=now, log_tail=log_tail):
        return False
    if held.filter(attempts__lt=ATTEMPTS).update(
        state=RunState.QUEUED, error=why, log_tail=log_tail, worker="", pid=None, sent_at=None
    ):
        return True
    reason = _("%(why)s It was started %(count)s times; start a new run.") % {"why": why, "count": claim.attempt}
    held.update(state=RunState.LOST, ended_at=now, error=reason, log_tail=log_tail)
    return False


def reap_silent_runs(*, now: datetime | None = None) -> dict[str, list[int]]:
    """End or give back every run whose worker fell silent. Returns run ids by what became of them.

    A worker that is alive after all finds its claim lost at its next heartbeat and kills its child.
    """
    moment = now or timezone.now()
    outcome: dict[str, list[int]] = {}
    silent = Run.objects.silent_since(moment - SILENCE).values_list("pk", "attempts", "worker")
    for run_id, attempt, worker in silent:
        claim = Claim(run_id, attempt)
        why = _("The worker %(worker)s fell silent.") % {"worker": worker or "?"}
        with transaction.atomic():
            still_silent = claim.held().filter(heartbeat_at__lt=moment - SILENCE).select_for_update(skip_locked=True)
            if not still_silent.exists():
                continue
            give_back(claim, why=why)
        state = Run.objects.values_list("state", flat=True).get(pk=run_id)
        outcome.setdefault(state, []).append(run_id)
    return outcome


def runs_to_send_again(*, now: datetime | None = None) -> list[int]:
    """Return queued runs whose message is due (given back, never sent, or sent long ago while no run is on a worker).

    Marks them as sent. A message too many does no harm: the claim decides.
    """
    moment = now or timezone.now()
    due = Q(sent_at=None)
    if not Run.objects.filter(state__in=ON_WORKER).exists():
        due |= Q(sent_at__lt=moment - RESEND)
    sent = []
    for run_id in Run.objects.filter(due, state=RunState.QUEUED).order_by("queued_at").values_list("pk", flat=True):
        if Run.objects.filter(due, pk=run_id, state=RunState.QUEUED).update(sent_at=moment):
            sent.append(run_id)
    return sent
