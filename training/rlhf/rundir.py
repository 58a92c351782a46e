"""Names inside a run directory, and the only safe ways to write there.

The run directory is the seam between the web application and the training stages: the application
writes ``config.json`` and ``data/``, a child process ``python -m training.rlhf.STAGE RUN_DIR`` writes
the rest. Standard library only.

    RUN_DIR/
      config.json            the stage's frozen dataclass (see `training.rlhf.config`)
      data/train.jsonl  data/valid.jsonl  data/manifest.json
      metrics.jsonl          one JSON object a line: {"step", "time", name: value, ...}; append only
      checkpoints/step-000200/    a plain Hugging Face directory + ``state/`` for exact resume
      samples.jsonl          what ``generate`` wrote
      result.json            written last, atomically: what a reader may rely on
      log.txt                standard output and error of the stage
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMPLETE_MARK = "COMPLETE"
"""An empty file written last into a checkpoint; without it a directory is not a checkpoint."""

_STEP = re.compile(r"^step-(\d{6,})$")


def write_atomically(path: Path, text: str) -> None:
    """Write `text` to `path` so that a reader sees the old file or the whole new one.

    Writes beside the target, fsyncs, renames over it.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with partial.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented, key-sorted JSON, atomically. NaN and infinity are refused."""
    write_atomically(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a file that may still be written: a last line without newline is not yielded."""
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            if not line.endswith("\n"):
                return
            if line.strip():
                yield json.loads(line)


@dataclass(frozen=True)
class RunDir:
    """The paths of one run, and its three kinds of writes (metrics, checkpoints, result)."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def train(self) -> Path:
        return self.data / "train.jsonl"

    @property
    def valid(self) -> Path:
        return self.data / "valid.jsonl"

    @property
    def manifest(self) -> Path:
        return self.data / "manifest.json"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.path / "samples.jsonl"

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    def log_metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Append one line to ``metrics.jsonl``. A value that is not finite is written as null.

        `step` counts optimiser updates (episodes batches for PPO) from 0; `time` is seconds since the epoch.
        """
        finite = {name: (float(v) if math.isfinite(v) else None) for name, v in values.items()}
        line = json.dumps({"step": step, "time": round(time.time(), 3), **finite}, allow_nan=False)
        with self.metrics.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    def drop_metrics_after(self, step: int) -> None:
        """Forget metrics of steps that will be done again (a stage resumes from the checkpoint at `step`)."""
        if not self.metrics.exists():
            return
        kept = [line for line in read_jsonl(self.metrics) if line["step"] <= step]
        write_atomically(self.metrics, "".join(json.dumps(line) + "\n" for line in kept))

    def newest_metrics(self) -> dict[str, float]:
        """Return what the last line of ``metrics.jsonl`` measured, without what was undefined; empty without a line."""
        last: dict[str, Any] = {}
        if self.metrics.exists():
            for line in read_jsonl(self.metrics):
                last = line
        return {name: value for name, value in last.items() if name not in ("step", "time") and value is not None}

    def checkpoint(self, step: int) -> Path:
        """Return where the checkpoint of `step` stands (or will)."""
        return self.checkpoints / f"step-{step:06d}"

    def begin_checkpoint(self, step: int) -> Path:
        """Return an empty directory to write a checkpoint into; `finish_checkpoint` makes it count.

        What a kill or a full disk left half written is removed: nobody would ever finish it.
        """
        for stale in self.checkpoints.glob(".step-*.partial"):
            shutil.rmtree(stale, ignore_errors=True)
        partial = self.checkpoints / f".step-{step:06d}.partial"
        partial.mkdir(parents=True)
        return partial

    def finish_checkpoint(self, step: int) -> Path:
        """Rename what `begin_checkpoint` gave to its final name, marked complete, and return it."""
        partial = self.checkpoints / f".step-{step:06d}.partial"
        (partial / COMPLETE_MARK).touch()
        final = self.checkpoint(step)
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
        return final

    def whole_checkpoints(self) -> list[tuple[int, Path]]:
        """Return (step, directory) of every complete checkpoint, oldest first."""
        found = []
        with suppress(FileNotFoundError):
            for entry in self.checkpoints.iterdir():
                match = _STEP.match(entry.name)
                if match and (entry / COMPLETE_MARK).exists():
                    found.append((int(match[1]), entry))
        return sorted(found)

    def newest_checkpoint(self) -> tuple[int, Path] | None:
        """Return the newest whole checkpoint, or None."""
        whole = self.whole_checkpoints()
        return whole[-1] if whole else None

    def prune_checkpoints(self, keep: int, best: int | None = None) -> None:
        """Delete all but the `keep` newest whole checkpoints (keep >= 1) and the one of step `best`."""
        for step, path in self.whole_checkpoints()[: -max(keep, 1)]:
            if step != best:
                shutil.rmtree(path)

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write ``result.json``, the last thing that a stage does.

        Keys every stage writes: ``state`` ("succeeded" | "stopped" by SIGTERM), ``stage``, ``metrics`` (final
        numbers, null where undefined), ``checkpoint`` (path relative to the run directory, or null), ``steps``,
        ``seconds``, ``device``, ``versions``.
        """
        write_json(self.result, dict(result))

    def read_result(self) -> dict[str, Any] | None:
        """Return the result, or None when the stage has not finished."""
        try:
            value: dict[str, Any] = json.loads(self.result.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return value

    def log_tail(self, lines: int = 40) -> str:
        """Return the last `lines` lines of the log, reading at most 64 KiB from its end; without NULs, so that a
        database can hold it."""
        try:
            with self.log.open("rb") as stream:
                stream.seek(0, os.SEEK_END)
                stream.seek(max(stream.tell() - 65536, 0))
                text = stream.read().replace(b"\x00", b"").decode("utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])
