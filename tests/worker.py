"""A real Celery worker for tests: the same command that the stack starts, as a child process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

from celery import current_app
from django.conf import settings
from django.db import connection

from config.stack import process

ROOT = Path(__file__).resolve().parents[1]


class WorkerProcess:
    """Started on first use and kept; `kill` is for tests of what happens when one dies."""

    def __init__(self, queues: str) -> None:
        self.queues = queues
        self.name = f"test-{os.getpid()}@localhost"
        self.process: subprocess.Popen[bytes] | None = None
        self.log = Path(os.environ.get("VOLANT_TEST_DIRECTORY", "/tmp")) / f"worker-{os.getpid()}.log"

    def ensure_started(self, seconds: float = 60) -> None:
        """Start the worker when none runs, and wait until it takes tasks."""
        if self.process is not None and self.process.poll() is None:
            return
        argv = [sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", self.queues, "-n", self.name]
        argv += ["-c", "1", "-P", "prefork", "--without-gossip", "--without-mingle", "-l", "INFO"]
        self.process = process.start(argv, environment=self.environment(), log=self.log, cwd=ROOT)
        deadline = time.monotonic() + seconds
        while not current_app.control.ping([self.name], timeout=0.5):
            assert self.process.poll() is None, f"the worker died:\n{process.last_lines(self.log, 40)}"
            assert time.monotonic() < deadline, f"the worker does not answer:\n{process.last_lines(self.log, 40)}"

    def is_busy(self) -> bool:
        """Whether a task is running."""
        if self.process is None or self.process.poll() is not None:
            return False
        answer = current_app.control.inspect([self.name], timeout=1).active()
        return not answer or any(answer.values())

    def purge(self) -> None:
        """Throw away every message that waits in the queues."""
        with current_app.connection_for_write() as broker:
            for queue in self.queues.split(","):
                current_app.amqp.queues[queue].bind(broker.default_channel).declare()
                current_app.amqp.queues[queue].bind(broker.default_channel).purge()

    def kill(self) -> None:
        """SIGKILL for the worker and its pool, as the kernel does when memory is out."""
        if self.process is not None:
            process.kill_group(self.process.pid)
            self.process.wait()

    def stop(self) -> None:
        """Stop; a task that is running is not waited for."""
        if self.process is not None:
            process.stop(self.process, signal.SIGTERM, 8)

    def output(self) -> str:
        """What the worker logged."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def environment(self) -> dict[str, str]:
        database = connection.settings_dict
        password = quote(database["PASSWORD"], safe="")
        address = f"{database['HOST']}:{database['PORT']}" if database["PORT"] else database["HOST"]
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings.test",
            # The test database, not the one that DATABASE_URL names.
            "DATABASE_URL": f"postgres://{database['USER']}:{password}@{address}/{database['NAME']}",
            "CELERY_BROKER_URL": settings.CELERY_BROKER_URL,
            "VOLANT_ARTIFACTS": str(settings.VOLANT_ARTIFACTS),
            "REMAP_SIGTERM": "SIGQUIT",
            "OMP_WAIT_POLICY": "PASSIVE",
        }
