"""The whole platform on a fresh database, as a child process that is stopped cleanly."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.demo.client import DemoError
from config.stack import attach, process

MARK = "made-by-the-demo"
"""A file that says that a directory may be deleted by the next demo."""
START_SECONDS = 300.0
STOP_SECONDS = 60.0
ROOT = Path(__file__).resolve().parents[2]
OF_ANOTHER_INSTALLATION = (
    "DATABASE_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE", "SECRET_KEY", "VOLANT_ARTIFACTS", "VOLANT_VAR",
    "VOLANT_PUBLIC_URL", "ALLOWED_HOSTS",
)  # fmt: skip


@dataclass(frozen=True)
class Account:
    """How somebody signs in."""

    username: str
    password: str


class Platform:
    """``python -m config.stack`` on a directory of its own, from `start` to `stop`.

    The directory is kept after the end, so that ``make run VOLANT_VAR=DIR`` shows what happened, and cleared by the
    next demo. The stack gets Ctrl-C from the demo, not from the terminal, and ends when the demo is killed.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = directory / "stack.log"
        self.address = ""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Clear the directory, start everything and wait for the first page. Raises DemoError with the log's end."""
        clear(self.directory)
        ready = self.directory / "ready.json"
        self._process = process.start(
            [sys.executable, "-m", "config.stack", "--var", self.directory, "--port", "0", "--ready-file", ready],
            environment={name: value for name, value in os.environ.items() if name not in OF_ANOTHER_INSTALLATION},
            log=self.log,
            cwd=ROOT,
        )
        child = self._process
        try:
            process.wait_until(lambda: ready.exists() or child.poll() is not None, START_SECONDS, 0.2)
            if not ready.exists():
                raise DemoError(f"the platform did not start. The end of {self.log}:\n{process.last_lines(self.log)}")
            self.address = json.loads(ready.read_text(encoding="utf-8"))["url"]
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ask the supervisor to stop, as Ctrl-C would, and wait for it."""
        if self._process is not None:
            process.stop(self._process, signal.SIGINT, STOP_SECONDS)

    def account(self, role: str) -> Account:
        """Return a login of a role, one of those that the first start makes and prints."""
        path = self.directory / "demo-logins.json"
        try:
            logins: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DemoError(f"the platform made no logins; see {self.log}") from None
        for login in logins:
            if login["role"] == role:
                return Account(login["username"], login["password"])
        raise DemoError(f"the platform made no login for a {role}; see {path}")


def clear(directory: Path) -> None:
    """Make an empty directory. An old demo's is deleted; one in use or made by somebody else is refused."""
    if directory.exists() and any(directory.iterdir()):
        if not (directory / MARK).exists():
            raise DemoError(f"{directory} holds something that no demo made; choose another place with --var")
        if attach.is_running(directory):
            raise DemoError(f"another demo is running on {directory}; wait for it, or choose another place with --var")
        process.clear(process.leftovers(directory), patience=10)
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MARK).touch()
