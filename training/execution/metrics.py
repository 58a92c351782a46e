"""Takes in ``metrics.jsonl`` while the stage writes it: whole new lines only, by byte offset."""

from __future__ import annotations

import json
import logging
import os
import re
from pathlib import Path
from typing import Any

from django.db import transaction

from training.execution.transitions import Claim, ClaimLost
from training.models import RunMetric
from training.rlhf.rundir import RunDir

logger = logging.getLogger(__name__)

_STEP_OF_TOTAL = re.compile(rb"^step (\d+)/(\d+)", re.M)
_LARGEST_STEP = 2**31 - 1


class MetricsReader:
    """Where one attempt stands in its metrics file.

    A resumed stage replaces the file by one without the steps it will do again; the new inode gives that away, and
    everything is taken in afresh.
    """

    def __init__(self, claim: Claim, directory: RunDir) -> None:
        self.claim, self.directory = claim, directory
        self.offset = 0
        self.inode: int | None = None

    def take_in(self) -> int:
        """Store the lines that are new since last time and return how many. Raises ClaimLost."""
        try:
            with self.directory.metrics.open("rb") as stream:
                status = os.fstat(stream.fileno())
                replaced = self.inode not in (None, status.st_ino) or status.st_size < self.offset
                start = 0 if replaced else self.offset
                stream.seek(start)
                block = stream.read()
        except FileNotFoundError:
            return 0
        whole = block[: block.rfind(b"\n") + 1]
        if not whole and not replaced:
            return 0
        rows = [row for line in whole.splitlines() if (row := self._row(line)) is not None]
        with transaction.atomic():
            if not self.claim.held().update(metrics_offset=start + len(whole)):
                raise ClaimLost
            if replaced:
                RunMetric.objects.filter(run_id=self.claim.run_id).delete()
            RunMetric.objects.bulk_create(rows, batch_size=500)
        self.inode, self.offset = status.st_ino, start + len(whole)
        return len(rows)

    def _row(self, line: bytes) -> RunMetric | None:
        try:
            values = json.loads(line)
            step, time = values.pop("step"), values.pop("time")
            if not isinstance(step, int) or not 0 <= step <= _LARGEST_STEP:
                raise ValueError(f"step {step!r}")
            return RunMetric(run_id=self.claim.run_id, step=step, time=float(time), values=values)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            logger.warning("run %s: a line of metrics.jsonl was left out: %s", self.claim.run_id, error)
            return None


def read_progress(log: Path) -> dict[str, int]:
    """Return the row's progress fields from the log's last ``step 12/200`` line; empty when there is none yet."""
    try:
        with log.open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(stream.tell() - 8192, 0))
            found = _STEP_OF_TOTAL.findall(stream.read())
    except FileNotFoundError:
        return {}
    if not found:
        return {}
    step, total = (min(int(number), _LARGEST_STEP) for number in found[-1])
    return {"progress_step": step, "progress_total": total}


def result_metrics(result: dict[str, Any]) -> dict[str, Any]:
    """Return the result's metrics, or an empty dict when a stage wrote something else there."""
    metrics = result.get("metrics")
    return metrics if isinstance(metrics, dict) else {}
