"""What every stage shares from its first line to ``result.json``: starting, stopping, resuming, reporting.

A stage is a function ``train(config, run, device) -> Outcome`` with its own readable loop; ``main`` is its frame:

    if __name__ == "__main__":
        main(SFTConfig, train)

Exit codes: 0 done, or stopped on request (SIGTERM, Ctrl-C) with a checkpoint written; 2 something that the reader of
the last line can mend (config, data, checkpoint, a loss that is not finite); 1 a fault of ours, with its traceback.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import math
import random
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from training.rlhf.config import ConfigError, StageConfig, parse_config
from training.rlhf.modeling import ModelError, pick_device, set_threads_and_precision, versions
from training.rlhf.records import RecordError
from training.rlhf.rundir import RunDir

STATE = "state"
"""Directory inside a checkpoint that holds what only a resumed run needs."""

_stop = threading.Event()
Config = TypeVar("Config", bound=StageConfig)


class StageError(RuntimeError):
    """The stage cannot go on; the message says what to do."""


@dataclass
class Outcome:
    """What a stage hands back for ``result.json``."""

    steps: int
    """Optimiser updates that the weights have seen (0 for stages that do not learn)."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    checkpoint: Path | None = None
    """The checkpoint to keep, or None."""
    stopped: bool = False


def stopping() -> bool:
    """Whether somebody asked the stage to stop: finish the update at hand, write a checkpoint, return."""
    return _stop.is_set()


def _ask_to_stop(number: int, frame: FrameType | None) -> None:
    print("stopping after the step at hand", flush=True)
    _stop.set()
    signal.signal(number, signal.SIG_DFL)  # a second signal does not wait


def main(kind: type[Config], train: Callable[[Config, RunDir, torch.device], Outcome]) -> None:
    """Run a stage on the run directory that the command line names, and exit."""
    parser = argparse.ArgumentParser(prog=f"python -m training.rlhf.{kind.stage}", description=kind.__doc__)
    parser.add_argument("run_dir", type=Path, help="directory with config.json and data/")
    sys.exit(run_stage(kind, train, parser.parse_args().run_dir))


def run_stage(kind: type[Config], train: Callable[[Config, RunDir, torch.device], Outcome], path: Path) -> int:
    """Run a stage on a run directory and return its exit code; everything it has to say is printed or written."""
    began = time.monotonic()
    run = RunDir(path)
    _stop.clear()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ask_to_stop)
    try:
        config = read_config(kind, run)
        with _only_one(run):
            run.result.unlink(missing_ok=True)  # of an earlier, stopped attempt
            if run.newest_checkpoint() is None and not run.samples.exists():
                run.drop_metrics_after(-1)  # of an attempt that was killed before there was anything to resume
            device = pick_device(config.device)
            set_threads_and_precision(config.threads, device)
            set_seeds(config.seed)
            outcome = train(config, run, device)
            run.write_result(_result(kind, run, outcome, device, time.monotonic() - began))
    except (ConfigError, ModelError, RecordError, StageError) as error:
        print(f"{kind.stage}: {error}", file=sys.stderr, flush=True)
        return 2
    print("stopped" if outcome.stopped else "succeeded", flush=True)
    return 0


def read_config(kind: type[Config], run: RunDir) -> Config:
    """Return the run's config. Raises ConfigError for a missing file, bad JSON or impossible values."""
    try:
        values = json.loads(run.config.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError({str(run.config): "is missing: write the stage's settings there as JSON"}) from None
    except OSError as error:
        raise ConfigError({str(run.config): f"cannot be read: {error.strerror}"}) from error
    except RecursionError:
        raise ConfigError({str(run.config): "is not a config: nested too deeply"}) from None
    except ValueError as error:
        raise ConfigError({str(run.config): f"is not JSON in UTF-8: {error}"}) from error
    if not isinstance(values, dict):
        raise ConfigError({str(run.config): "must hold one JSON object"})
    return parse_config(kind, values)


@contextmanager
def _only_one(run: RunDir) -> Iterator[None]:
    """Hold a lock on the run directory: two processes in it would write over each other's checkpoints."""
    with (run.path / ".lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StageError(f"another process works in {run.path}: wait for it, or stop it") from None
        yield


def _result(kind: type[StageConfig], run: RunDir, outcome: Outcome, device: torch.device, seconds: float) -> Any:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = {"peak_rss_mb": round(peak / (1024 if sys.platform == "linux" else 1024**2), 1)}
    if device.type == "cuda":
        memory["peak_gpu_mb"] = round(torch.cuda.max_memory_allocated(device) / 1024**2, 1)
    return {
        "stage": kind.stage,
        "state": "stopped" if outcome.stopped else "succeeded",
        "steps": outcome.steps,
        "metrics": {name: float(v) if math.isfinite(v) else None for name, v in outcome.metrics.items()},
        "checkpoint": outcome.checkpoint.relative_to(run.path).as_posix() if outcome.checkpoint else None,
        "seconds": round(seconds, 3),
        "device": str(device),
        "threads": torch.get_num_threads(),
        "memory": memory,
        "versions": versions(),
    }


def set_seeds(seed: int) -> None:
    """Seed python, numpy and torch."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


# Learning


def make_optimizer(model: nn.Module, learning_rate: float, weight_decay: float = 0.0) -> torch.optim.AdamW:
    """Return AdamW with beta (0.9, 0.95) [InstructGPT] and decay on matrices only, not on norms and biases."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.95), eps=1e-8)


def cosine_schedule(step: int, total: int, warmup: int, min_share: float) -> float:
    """Return the share of the peak learning rate at update `step` (from 0) of `total`.

    Linear from 1/warmup to 1 over `warmup` updates, then a cosine that would reach `min_share` at update `total`.
    """
    if step < warmup:
        return (step + 1) / warmup
    done = min((step - warmup) / max(total - warmup, 1), 1.0)
    return min_share + (1 - min_share) * 0.5 * (1 + math.cos(math.pi * done))


def set_learning_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """Set every group's learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = value


def check_finite(value: Tensor | float, what: str, step: int, records: Iterable[str]) -> None:
    """Raise StageError naming the batch when a loss or a gradient norm is not finite."""
    if not math.isfinite(float(value)):
        names = ", ".join(records)
        raise StageError(
            f"step {step}: {what} is {float(value)} on the records {names}: lower learning_rate or mend these records; "
            "the checkpoint before this step is intact"
        )


# Exact resume


def save_state(checkpoint: Path, optimizers: Mapping[str, torch.optim.Optimizer], **values: Any) -> None:
    """Write optimizers, random generators and JSON-like `values` (step, data cursor, ...) into a checkpoint."""
    directory = checkpoint / STATE
    directory.mkdir(parents=True, exist_ok=True)
    for name, optimizer in optimizers.items():
        torch.save(optimizer.state_dict(), directory / f"{name}.pt")
    kind, keys, *rest = np.random.get_state(legacy=True)
    generators: dict[str, Any] = {"torch": torch.get_rng_state(), "numpy": [kind, torch.tensor(keys), *rest]}
    generators["python"] = list(random.getstate())
    if torch.cuda.is_available():
        generators["cuda"] = torch.cuda.get_rng_state_all()
    torch.save(generators, directory / "generators.pt")
    (directory / "values.json").write_text(json.dumps(values), encoding="utf-8")


def load_state(checkpoint: Path, optimizers: Mapping[str, torch.optim.Optimizer]) -> dict[str, Any]:
    """Restore what `save_state` wrote, random generators included, and return its values."""
    directory = checkpoint / STATE
    try:
        for name, optimizer in optimizers.items():
            optimizer.load_state_dict(torch.load(directory / f"{name}.pt", map_location="cpu", weights_only=True))
        generators = torch.load(directory / "generators.pt", map_location="cpu", weights_only=True)
        values: dict[str, Any] = json.loads((directory / "values.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StageError(f"cannot resume from {checkpoint.name}, {error.filename} is missing: delete it") from error
    torch.set_rng_state(generators["torch"])
    kind, keys, *rest = generators["numpy"]
    np.random.set_state((kind, keys.numpy(), *rest))
    version, internal, gauss = generators["python"]
    random.setstate((version, tuple(internal), gauss))
    if "cuda" in generators and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(generators["cuda"])
    return values


class Progress:
    """Prints how far a stage is: at most one line a second, and always the last."""

    def __init__(self, total: int, start: int = 0) -> None:
        self.total, self.start = total, start
        self.began = time.monotonic()
        self.printed = 0.0

    def __call__(self, step: int, **values: float) -> None:
        """Print ``step 12/200  loss 1.2345  0.41 s/step  eta 1m17s``."""
        now = time.monotonic()
        if now - self.printed < 1 and step < self.total:
            return
        self.printed = now
        pace = (now - self.began) / max(step - self.start, 1)
        left = int(pace * (self.total - step))
        shown = "".join(f"  {name} {value:.4g}" for name, value in values.items())
        print(f"step {step}/{self.total}{shown}  {pace:.2f} s/step  eta {left // 60}m{left % 60:02d}s", flush=True)
