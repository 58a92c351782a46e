"""The child process of a run: started apart from the worker, never outliving it, stopped politely and then for good."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from training.storage import artifact_root

GRACE_SECONDS = 30.0
"""How long a stage has, after SIGTERM, to finish its step and write a checkpoint."""

_PASSED_ON = re.compile(
    r"^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|TZ|TMPDIR|TEMP|TMP|VIRTUAL_ENV|LD_LIBRARY_PATH|LD_PRELOAD|NO_PROXY"
    r"|HTTP_PROXY|HTTPS_PROXY|ALL_PROXY|http_proxy|https_proxy|all_proxy|no_proxy|CURL_CA_BUNDLE|REQUESTS_CA_BUNDLE"
    r"|(LC|HF|HUGGINGFACE|TRANSFORMERS|TORCH|TORCHINDUCTOR|PYTORCH|TRITON|CUDA|CUBLAS|CUDNN|NVIDIA|NCCL|HIP|ROCR|GLOO"
    r"|OMP|GOMP|KMP|MKL|OPENBLAS|XDG|PIP|UV|SSL|ACCELERATE|TOKENIZERS|SLURM)_.*|PYTHON[A-Z]+)$"
)
"""What a stage may see of the worker's environment: an allow list, so that no secret slips through by a new name."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def child_environment(environment: dict[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a stage: no database, broker or secret key, and patient threads.

    OMP_WAIT_POLICY=PASSIVE: idle OpenMP threads sleep instead of spinning, several times faster on shared cores.
    TQDM_MININTERVAL: a bar that is drawn again ten times a second pushes everything else out of the log.
    VOLANT_CACHE: beside the artifacts unless it is set, so that what one run has fetched serves the next.
    """
    source = dict(os.environ) if environment is None else environment
    kept = {name: value for name, value in source.items() if _PASSED_ON.match(name)}
    kept.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    kept.setdefault("TOKENIZERS_PARALLELISM", "false")
    kept.setdefault("TQDM_MININTERVAL", "5")
    kept["VOLANT_CACHE"] = source.get("VOLANT_CACHE") or str(artifact_root() / "cache")
    return kept | {"PYTHONUNBUFFERED": "1"}


def can_train() -> bool:
    """Whether this worker has the `train` extra. Looks for torch without importing it."""
    return importlib.util.find_spec("torch") is not None


def _die_with_parent() -> None:  # pragma: no cover - runs between fork and exec
    """Ask Linux to kill this process when its worker dies: it would otherwise go on, unseen, beside a second start."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def start_child(stage: str, directory: Path) -> subprocess.Popen[bytes]:
    """Start ``python -m training.rlhf.STAGE RUN_DIR`` in its own session, its output appended to ``log.txt``."""
    with (directory / "log.txt").open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - the stage is one of Stage's values
            [sys.executable, "-m", f"training.rlhf.{stage}", str(directory)],
            cwd=settings.BASE_DIR,
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )


def signal_child(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the child's whole session (it may have started processes of its own)."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def stop_child(child: subprocess.Popen[bytes], *, grace: float = GRACE_SECONDS) -> int:
    """SIGTERM, wait up to `grace` seconds, SIGKILL. Returns the exit code."""
    if child.poll() is None:
        child.terminate()
    deadline = time.monotonic() + grace
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    signal_child(child, signal.SIGKILL)
    return child.wait()
