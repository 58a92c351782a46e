"""The whole stack as a person starts it: real processes on a data directory of their own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from config.stack import process
from config.stack.children import ROOT
from tests.config.stack_process import StackProcess, clean_environment, new_directory, run_stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def stack() -> Iterator[StackProcess]:
    """One stack for the tests that leave it running."""
    running = StackProcess(new_directory()).start()
    yield running
    running.remove()


@pytest.fixture
def own_stack() -> Iterator[StackProcess]:
    """A stack for a test that stops or kills it."""
    made = StackProcess(new_directory())
    yield made
    made.remove()


def leave_a_trace(stack: StackProcess) -> None:
    """A committed row and a queued message, to be found by a later start."""
    with stack.database() as database:
        database.execute("CREATE TABLE IF NOT EXISTS trace (word text)")
        database.execute("INSERT INTO trace VALUES ('kept')")
    with redis.Redis.from_url(stack.settings()["CELERY_BROKER_URL"]) as broker:
        broker.lpush("a queue that nobody reads", "kept")
        # Written out within a second: a kill -9 before that may lose it, as the documentation says.
        broker.execute_command("WAITAOF", 1, 0, 5000)


def traces(stack: StackProcess) -> tuple[int, int]:
    with stack.database() as database:
        rows = database.execute("SELECT count(*) FROM trace WHERE word = 'kept'").fetchone()
    with redis.Redis.from_url(stack.settings()["CELERY_BROKER_URL"]) as broker:
        return (rows or (0,))[0], int(broker.llen("a queue that nobody reads"))


@pytest.mark.parametrize("stop_signal", [signal.SIGINT, signal.SIGTERM])
def test_stop_is_clean_and_a_second_start_finds_its_data(own_stack: StackProcess, stop_signal: int) -> None:
    own_stack.start()
    assert own_stack.answers()
    key = own_stack.settings()["SECRET_KEY"]
    leave_a_trace(own_stack)
    assert own_stack.stop(stop_signal) == 0, own_stack.output()
    assert own_stack.everything_ended()
    assert not (own_stack.var / "stack.json").exists()
    own_stack.start()
    assert traces(own_stack) == (1, 1)
    # Sessions outlive a restart only when the key does.
    assert own_stack.settings()["SECRET_KEY"] == key


def test_killed_supervisor_leaves_nothing_and_its_data(own_stack: StackProcess) -> None:
    own_stack.start()
    leave_a_trace(own_stack)
    assert own_stack.process is not None
    own_stack.process.kill()
    own_stack.process.wait()
    assert process.wait_until(own_stack.everything_ended, 15), "children outlived their supervisor"
    own_stack.start()
    assert traces(own_stack) == (1, 1)
    assert own_stack.answers()


def test_start_right_after_a_killed_supervisor(own_stack: StackProcess) -> None:
    """The children of the killed one are still on their way down."""
    own_stack.start()
    leave_a_trace(own_stack)
    assert own_stack.process is not None
    own_stack.process.kill()
    own_stack.process.wait()
    own_stack.start()
    assert traces(own_stack) == (1, 1)
    assert own_stack.answers()


def test_everything_killed_at_once(own_stack: StackProcess) -> None:
    """As when a container is destroyed: lock file, append-only file and every pid are left as they were."""
    own_stack.start()
    leave_a_trace(own_stack)
    assert own_stack.process is not None
    own_stack.process.send_signal(signal.SIGSTOP)
    postgres = own_stack.postgres_pid()
    assert postgres is not None
    for pid in [postgres, *own_stack.valkey_pids(), *(p.pid for p in process.leftovers(own_stack.var))]:
        os.kill(pid, signal.SIGKILL)
    own_stack.process.kill()
    own_stack.process.wait()
    own_stack.start()
    assert traces(own_stack) == (1, 1)


def test_killed_postgres_comes_back(stack: StackProcess) -> None:
    leave_a_trace(stack)
    killed = stack.postgres_pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)

    def is_back() -> bool:
        return stack.postgres_pid() not in (None, killed) and stack.answers()

    assert process.wait_until(is_back, 30), stack.output()
    assert traces(stack)[0] >= 1
    assert "PostgreSQL ended (killed by SIGKILL)" in stack.output()


def test_killed_valkey_comes_back(stack: StackProcess) -> None:
    leave_a_trace(stack)
    (killed,) = stack.valkey_pids()
    os.kill(killed, signal.SIGKILL)
    assert process.wait_until(lambda: stack.valkey_pids() not in ([], [killed]) and stack.answers(), 30), stack.output()
    assert traces(stack)[1] >= 1


@pytest.mark.parametrize("part", ["web", "worker-gpu", "worker-default", "beat"])
def test_killed_child_comes_back(stack: StackProcess, part: str) -> None:
    killed = stack.part(part)
    os.kill(killed, signal.SIGKILL)

    def is_back() -> bool:
        return any(os.getpgid(p.pid) == p.pid != killed for p in process.leftovers(stack.var, part))

    assert process.wait_until(is_back, 30), stack.output()
    assert f"{part} ended (killed by SIGKILL)" in stack.output()
    assert process.wait_until(stack.answers, 30)
    # The pool of the killed worker does not work on beside the new one.
    assert len({os.getpgid(p.pid) for p in process.leftovers(stack.var, part)}) == 1


def test_second_supervisor_refuses(stack: StackProcess) -> None:
    refused = run_stack("--var", str(stack.var), "--port", "0")
    assert refused.returncode == 1
    assert f"Volant is already running on {stack.var}" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert stack.answers()


def test_busy_port_is_said_before_anything_starts(own_stack: StackProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run_stack("--var", str(own_stack.var), "--port", str(port))
    assert refused.returncode == 1
    assert f"Port {port} on 127.0.0.1 is in use by another program." in refused.stderr
    assert "make run PORT=" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (own_stack.var / "postgres").exists()


def test_foreign_address_is_refused(own_stack: StackProcess) -> None:
    refused = run_stack("--var", str(own_stack.var), "--host", "192.0.2.1")
    assert refused.returncode == 1
    assert "192.0.2.1 is no address of this machine" in refused.stderr


def test_commands_in_another_terminal_find_the_stack(stack: StackProcess) -> None:
    answer = subprocess.run(
        [
            sys.executable,
            "manage.py",
            "shell",
            "-v",
            "0",
            "-c",
            "from django.db import connection as c; print(c.settings_dict['PORT'])",
        ],
        cwd=ROOT,
        env=clean_environment(VOLANT_VAR=str(stack.var)),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert f":{answer.stdout.strip()}/" in stack.settings()["DATABASE_URL"]


def test_no_process_of_the_stack_has_loaded_torch(stack: StackProcess) -> None:
    assert stack.answers("/accounts/sign-in/") or stack.answers()
    for running in process.leftovers(stack.var):
        assert "libtorch" not in Path(f"/proc/{running.pid}/maps").read_text(), running.cmdline()


def test_secrets_are_private(stack: StackProcess) -> None:
    private = [stack.var / "stack.json", stack.var / "valkey" / "valkey.conf", *(stack.var / "secrets").iterdir()]
    assert len(private) == 5
    for path in private:
        assert path.stat().st_mode & 0o077 == 0, path
    password = (stack.var / "secrets" / "valkey-password").read_text().strip()
    for pid in stack.valkey_pids():
        assert password not in process.command_line(pid)


def test_a_data_directory_that_cannot_be_one_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for var, why in ((tmp_path / "file", "File exists"), (tmp_path / "file" / "below", "Not a directory")):
        refused = run_stack("--port", "0", "--var", str(var))
        assert refused.returncode == 1
        assert f"{var} cannot hold the data ({why})" in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1, refused.stderr


def test_a_failed_start_repeats_nothing_of_an_earlier_one(tmp_path: Path) -> None:
    """Addresses are given, so that only manage.py runs."""
    known = {"DATABASE_URL": "mysql://db/volant", "CELERY_BROKER_URL": "redis://127.0.0.1:1/0"}
    first = run_stack("--port", "0", "--var", str(tmp_path), **known)
    assert "DATABASE_URL begins with an unknown scheme" in first.stderr
    second = run_stack("--port", "0", "--var", str(tmp_path), **known, LOG_LEVEL="loud")
    assert "LOG_LEVEL is 'loud'" in second.stderr
    assert "DATABASE_URL" not in second.stderr


def test_ordinary_user(own_stack: StackProcess) -> None:
    """As root, the stack is started as `nobody`, with a Python that `nobody` can run."""
    if os.geteuid() != 0:
        pytest.skip("the other tests of this file run as an ordinary user already")
    nobody = 65534
    python, environment = _python_for(nobody, own_stack.var / "python")
    own_stack.var.chmod(0o700)
    os.chown(own_stack.var, nobody, nobody)
    environment = clean_environment(HOME=str(own_stack.var), **environment)
    as_nobody = StackProcess(
        own_stack.var, python=python, environment=environment, user=nobody, group=nobody, extra_groups=[]
    )
    try:
        as_nobody.start()
        leave_a_trace(as_nobody)
        for pid in (as_nobody.postgres_pid(), as_nobody.part("web")):
            assert pid is not None
            assert Path(f"/proc/{pid}").stat().st_uid == nobody
        assert as_nobody.stop() == 0, as_nobody.output()
        as_nobody.start()
        assert traces(as_nobody) == (1, 1)
        assert as_nobody.stop() == 0
    finally:
        as_nobody.remove()


def _python_for(uid: int, copy: Path) -> tuple[str, dict[str, str]]:
    """This interpreter, or a copy of it where another user can reach it (it often lies below /root)."""
    packages = next(entry for entry in sys.path if entry.endswith("site-packages"))
    environment = {"PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"}
    for python in (Path(sys.executable), copy / "bin" / "python3"):
        if python.is_relative_to(copy):
            library = Path(sysconfig.get_path("stdlib"))
            copy.mkdir()
            (copy / "bin").mkdir()
            shutil.copy(Path(sys.executable).resolve(), python)
            ignored = shutil.ignore_patterns("site-packages", "test", "config-*", "__pycache__")
            shutil.copytree(library, copy / "lib" / library.name, ignore=ignored)
            for shared in Path(sysconfig.get_config_var("LIBDIR")).glob("libpython3*.so*"):
                shutil.copy(shared, copy / "lib")
            environment |= {"PYTHONHOME": str(copy), "LD_LIBRARY_PATH": str(copy / "lib")}
        try:
            subprocess.run(
                [python, "-c", "import django, psycopg, redis"],
                user=uid,
                group=uid,
                extra_groups=[],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return str(python), environment
    pytest.skip("the project itself cannot be read by another user: run the tests as an ordinary user too")
