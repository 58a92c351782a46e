"""Child processes that never outlive their parent, and how to find those that did."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

# Every child carries these in its environment: which data directory it belongs to, and which part it is.
OWNER_MARK = "VOLANT_STACK"
PART_MARK = "VOLANT_STACK_PART"

_PR_SET_PDEATHSIG = 1
# Loaded here, not between fork and exec, where only a few calls are safe.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(signal_number: int) -> Callable[[], None]:
    """A `preexec_fn`: the kernel sends `signal_number` when the thread that started the child ends, even by kill -9.

    Start such children from the main thread: the end of a helper thread counts as the parent's end.
    """
    parent = os.getpid()

    def set_signal() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return set_signal


def start(
    argv: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    log: Path | int,
    cwd: Path,
    death_signal: int = signal.SIGTERM,
    **kwargs: Any,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own (Ctrl-C does not reach it), writing straight into its log file.

    The file, not a pipe, so that the child can still log while it stops after the supervisor was killed.
    """
    with contextlib.ExitStack() as stack:
        output = log if isinstance(log, int) else stack.enter_context(log.open("ab"))
        return subprocess.Popen(  # noqa: S603
            [str(part) for part in argv],
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(death_signal),
            **kwargs,
        )


def stop(process: subprocess.Popen[bytes], signal_number: int, seconds: float) -> bool:
    """Signal and wait; after `seconds` kill its whole session. True when it went by itself."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal_number)
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        kill_group(process.pid)
        process.wait()
        return False


def kill_group(leader: int) -> None:
    """SIGKILL for a child and everything in its process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def is_running(pid: int) -> bool:
    """Whether the process exists and is not a zombie: a zombie's pid in a lock file blocks PostgreSQL for nothing."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def command_line(pid: int) -> str:
    """The command line of a process, empty when it is gone or a zombie."""
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""


def leftovers(var: Path, part: str | None = None) -> list[psutil.Process]:
    """Processes of an earlier stack on the same data directory (of one `part` of it), this process excluded."""
    found = []
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            environment = process.environ()
        except (psutil.Error, OSError):
            continue
        if environment.get(OWNER_MARK) != str(var) or (part is not None and environment.get(PART_MARK) != part):
            continue
        if is_running(process.pid):
            found.append(process)
    return found


def clear(processes: Iterable[psutil.Process], patience: float) -> int:
    """Give processes time to end by themselves, then kill them. Returns how many had to be killed."""
    _, alive = psutil.wait_procs(list(processes), timeout=patience)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=5)
    return len(alive)


def stop_leftover(pid: int, words: str, signal_number: int, patience: float) -> None:
    """Stop the process of a pid file, if it still is the one that wrote it: `words` stand in its command line."""
    if not is_running(pid) or words not in command_line(pid):
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        leftover = psutil.Process(pid)
        leftover.send_signal(signal_number)
        clear([leftover], patience)


def wait_until(ready: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Poll `ready` until it is true or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return True
        time.sleep(pause)
    return False


def last_lines(log: Path, count: int = 15, *, after: int = 0) -> str:
    """The end of a log file, for an error message; nothing of its first `after` bytes, which earlier starts wrote."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(after, log.stat().st_size - 20_000))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])
