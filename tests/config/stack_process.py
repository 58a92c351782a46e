"""`python -m config.stack` as a child process of the tests, on a data directory of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import psycopg

from config.stack import process
from config.stack.children import ROOT

# Addresses of the session's own servers must not reach the stack: it would use them instead of starting any.
FOREIGN = ("DATABASE_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE", "VOLANT_ARTIFACTS", "VOLANT_TEST_DIRECTORY")


def new_directory() -> Path:
    """A directory that `nobody` can walk through (pytest's tmp_path is closed to all others)."""
    directory = Path(tempfile.mkdtemp(prefix="volant-stack-"))
    directory.chmod(0o711)
    return directory


def clean_environment(**extra: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in FOREIGN} | extra


def run_stack(*arguments: str, seconds: float = 60, **extra: str) -> subprocess.CompletedProcess[str]:
    """Start the stack where it is expected to refuse, and return what it said."""
    return subprocess.run(
        [sys.executable, "-m", "config.stack", *arguments],
        cwd=ROOT,
        env=clean_environment(**extra),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


class StackProcess:
    """One supervisor. `record` is what it wrote when the first page answered."""

    def __init__(self, var: Path, python: str = sys.executable, **popen: Any) -> None:
        self.var = var
        self.python = python
        self.popen = popen
        self.environment = popen.pop("environment", None) or clean_environment()
        self.ready_file = var / "ready.json"
        self.log = var.with_name(f"{var.name}-terminal.log")
        self.process: subprocess.Popen[bytes] | None = None
        self.record: dict[str, Any] = {}

    def start(self, seconds: float = 120) -> "StackProcess":
        argv = [self.python, "-m", "config.stack", "--var", self.var, "--port", "0", "--no-demo"]
        argv += ["--ready-file", self.ready_file]
        self.ready_file.unlink(missing_ok=True)
        self.process = process.start(
            [str(part) for part in argv], environment=self.environment, log=self.log, cwd=ROOT, **self.popen
        )
        deadline = time.monotonic() + seconds
        while not self.ready_file.exists():
            assert self.process.poll() is None, f"the stack ended:\n{self.output()}"
            assert time.monotonic() < deadline, f"the stack is not ready:\n{self.output()}"
            time.sleep(0.05)
        self.record = json.loads(self.ready_file.read_text())
        return self

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def settings(self) -> dict[str, str]:
        """Addresses and key, as manage.py in another terminal finds them."""
        return json.loads((self.var / "stack.json").read_text())

    def database(self) -> psycopg.Connection:
        return psycopg.connect(self.settings()["DATABASE_URL"], autocommit=True)

    def get(self, path: str) -> tuple[int, str]:
        with urllib.request.urlopen(self.record["url"] + path, timeout=20) as answer:
            return answer.status, answer.read().decode()

    def answers(self, path: str = "/readyz") -> bool:
        try:
            return self.get(path)[0] == 200
        except OSError:
            return False

    def part(self, name: str) -> int:
        """The pid of a child: the leader of its group."""
        return next(p.pid for p in process.leftovers(self.var, name) if os.getpgid(p.pid) == p.pid)

    def postgres_pid(self) -> int | None:
        """None while PostgreSQL is down or between two starts: its file is then absent, or not yet written."""
        try:
            return int((self.var / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def valkey_pids(self) -> list[int]:
        return [p.pid for p in process.psutil.process_iter() if str(self.var / "valkey") in process.command_line(p.pid)]

    def everything_ended(self) -> bool:
        """No child, no PostgreSQL and no Valkey of this data directory is alive."""
        alive = process.leftovers(self.var)
        servers = [
            p.pid
            for p in process.psutil.process_iter()
            if str(self.var) in process.command_line(p.pid) and p.pid != os.getpid()
        ]
        return not alive and not servers

    def stop(self, signal_number: int = signal.SIGINT) -> int:
        """Ask it to stop; its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        return self.process.wait(60)

    def remove(self) -> None:
        """Stop whatever the test left, and delete the data."""
        if self.process is not None and self.process.poll() is None:
            self.stop(signal.SIGTERM)
        shutil.rmtree(self.var, ignore_errors=True)
        self.log.unlink(missing_ok=True)
