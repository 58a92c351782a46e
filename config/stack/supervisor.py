"""Starts everything in order, keeps it running, and stops it in the order that loses nothing."""

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from types import FrameType

from config.stack import attach, process
from config.stack.broker import bring_back_unacknowledged
from config.stack.children import ROOT, Child, all_children, public_url, shared_environment
from config.stack.errors import StackError, StopRequested
from config.stack.network import check_port, free_port
from config.stack.output import Terminal, say
from config.stack.postgres import EmbeddedPostgres
from config.stack.secrets import kept_secret, write_private
from config.stack.valkey import EmbeddedValkey

LONGEST_PAUSE = 30.0
CALM_AFTER = 60.0


@dataclass
class Running:
    """A child and its history of deaths; the pause before a restart doubles with each one in quick succession."""

    child: Child
    process: Popen[bytes]
    started: float
    pause: float = 1.0
    restart_at: float | None = None


class Supervisor:
    """One stack on one data directory. `run()` returns when it was asked to stop and everything has ended."""

    def __init__(self, var: Path, host: str, port: int, *, demo: bool = True, ready_file: Path | None = None) -> None:
        self.var = var.absolute()
        self.host = host
        self.port = port
        self.demo = demo
        self.ready_file = ready_file
        self.terminal = Terminal(self.var / "log")
        self.postgres: EmbeddedPostgres | None = None
        self.valkey: EmbeddedValkey | None = None
        self.children: dict[str, Running] = {}
        self.environment: dict[str, str] = {}
        self.stop_signals = 0

    def run(self) -> None:
        """Raises StackError when it cannot start; whatever had started is stopped again."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Also SIGINT: a shell that starts us with & has it ignored.
            signal.signal(number, self._note_stop)
        self._take_directory()
        try:
            self._start()
            self._watch()
        except StopRequested:
            pass
        finally:
            self._stop()

    def _note_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop_signals += 1

    def _check_stop(self) -> None:
        if self.stop_signals:
            raise StopRequested

    def _take_directory(self) -> None:
        attach.take_directory(self.var)
        left = process.leftovers(self.var)
        if left:
            say(f"Waiting for {len(left)} processes of an earlier start that was cut off.")
            process.clear(left, patience=10)

    # --- starting

    def _start(self) -> None:
        began = time.monotonic()
        if self.port == 0:
            self.port = free_port(self.host)
        check_port(self.host, self.port)
        secrets = self.var / "secrets"
        self.environment = shared_environment(self.var, self.host, self.port, kept_secret(secrets, "secret-key"))
        if not self.environment.get("DATABASE_URL"):
            say("Starting PostgreSQL.")
            self.postgres = EmbeddedPostgres(self.var / "postgres", secrets, self.terminal.path("postgres"))
            self.postgres.start()
            self.environment["DATABASE_URL"] = self.postgres.url
        self._check_stop()
        if not self.environment.get("CELERY_BROKER_URL"):
            say("Starting Valkey.")
            self.valkey = EmbeddedValkey(self.var / "valkey", secrets, self.terminal.path("valkey"))
            self.valkey.start()
            self.environment["CELERY_BROKER_URL"] = self.valkey.url
            bring_back_unacknowledged(self.valkey.url)
        attach.publish(self.var, self.environment)
        self._check_stop()
        say("Bringing the database up to date.")
        self._run_command("migrate", "--noinput")
        self._make_demo_data()
        web, *others = all_children(self.host, self.port)
        self._start_child(web)
        self._wait_for_web()
        for child in others:
            self._start_child(child)
        self._announce(time.monotonic() - began)

    def _run_command(self, *arguments: str) -> None:
        """A manage.py command, to its end; StackError with its last lines when it fails."""
        name = arguments[0]
        log = self.terminal.path(name)
        before = log.stat().st_size if log.exists() else 0
        command = process.start(
            [sys.executable, ROOT / "manage.py", *arguments],
            environment={**self.environment, process.PART_MARK: name},
            log=log,
            cwd=ROOT,
        )
        while command.poll() is None:
            if self.stop_signals:
                process.stop(command, signal.SIGTERM, 5)
                raise StopRequested
            self.terminal.show_new_lines()
            time.sleep(0.05)
        self.terminal.show_new_lines()
        if command.returncode != 0:
            raise StackError(f"manage.py {name} failed. The end of {log}:\n{process.last_lines(log, after=before)}")

    def _make_demo_data(self) -> None:
        """Once a data directory: later starts leave alone what people have changed or deleted."""
        done = self.var / "demo-data-made"
        if not self.demo or done.exists() or not list(ROOT.glob("*/management/commands/seed_demo.py")):
            return
        say("Making the demo project.")
        self.terminal.follow("seed_demo")
        try:
            self._run_command("seed_demo")
        except StackError as error:
            say(f"{error}\nGoing on without the demo project; the next start tries again.")
            return
        done.touch()

    def _start_child(self, child: Child) -> None:
        log = self.terminal.follow(child.name)
        environment = {**self.environment, **child.environment, process.PART_MARK: child.name}
        started = process.start(child.argv, environment=environment, log=log, cwd=ROOT)
        earlier = self.children.get(child.name)
        self.children[child.name] = Running(
            child, started, time.monotonic(), pause=min(earlier.pause * 2, LONGEST_PAUSE) if earlier else 1.0
        )

    def _wait_for_web(self) -> None:
        web = self.children["web"]
        address = public_url(self.host, self.port) + "/healthz"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            self._check_stop()
            self.terminal.show_new_lines()
            if web.process.poll() is not None:
                break
            try:
                with opener.open(address, timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        log = self.terminal.path("web")
        raise StackError(f"The web server did not start. The end of {log}:\n{process.last_lines(log)}")

    def _announce(self, seconds: float) -> None:
        address = self.environment["VOLANT_PUBLIC_URL"]
        say(f"\nVolant is running at {address}   (started in {seconds:.1f} s; Ctrl-C stops it)")
        self._show_logins()
        say(f"Data and logs: {self.var}\n")
        if self.ready_file is not None:
            record = {"url": public_url(self.host, self.port), "pid": os.getpid(), "seconds": round(seconds, 2)}
            write_private(self.ready_file, json.dumps(record) + "\n")

    def _show_logins(self) -> None:
        """seed_demo leaves the logins it made as {name: password} or a list of {"username", "password", "role"}."""
        path = self.var / "demo-logins.json"
        if not path.exists():
            return
        try:
            logins = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            return
        say("Sign in as:")
        pairs = (
            logins.items()
            if isinstance(logins, dict)
            else [(login.get("username", ""), login.get("password", "")) for login in logins]
        )
        for username, password in pairs:
            shown = password.get("password", "") if isinstance(password, dict) else password
            say(f"  {username:<14} {shown}")

    # --- running

    def _watch(self) -> None:
        while not self.stop_signals:
            self.terminal.show_new_lines()
            self._revive_servers()
            for running in list(self.children.values()):
                self._revive(running)
            time.sleep(0.2)

    def _revive_servers(self) -> None:
        """The servers come first and keep their ports; the others reconnect by themselves."""
        for name, server in (("PostgreSQL", self.postgres), ("Valkey", self.valkey)):
            if server is None or server.process is None or server.process.poll() is None:
                continue
            say(f"{name} ended ({_reason(server.process.returncode)}); starting it again.")
            try:
                server.start()
                say(f"{name} is back.")
            except StackError as error:
                say(f"{error}\nTrying again in 5 s.")
                self._pause(5)

    def _revive(self, running: Running) -> None:
        now = time.monotonic()
        if running.process.poll() is None:
            if now - running.started > CALM_AFTER:
                running.pause = 0.5
            return
        if running.restart_at is None:
            name = running.child.name
            say(
                f"{name} ended ({_reason(running.process.returncode)}); starting it again in {running.pause:.0f} s. "
                f"Its log: {self.terminal.path(name)}"
            )
            running.restart_at = now + running.pause
        elif now >= running.restart_at:
            # What a killed worker left running (its pool, a training process) must not work beside the new one.
            process.clear(process.leftovers(self.var, running.child.name), patience=2)
            self._start_child(running.child)

    def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.stop_signals:
            time.sleep(0.1)

    # --- stopping

    def _stop(self) -> None:
        """Web, workers and beat together; then Valkey, which they put messages back into; PostgreSQL last."""
        asked_before = self.stop_signals
        if self.children:
            say("Stopping.")
        for running in self.children.values():
            if running.process.poll() is None:
                running.process.send_signal(running.child.stop_signal)
        deadline = time.monotonic() + 12
        alive = [running.process for running in self.children.values()]
        while (alive := [each for each in alive if each.poll() is None]) and time.monotonic() < deadline:
            self.terminal.show_new_lines()
            if self.stop_signals > max(asked_before, 1):
                break
            time.sleep(0.05)
        for each in alive:
            process.kill_group(each.pid)
            each.wait()
        process.clear(process.leftovers(self.var), patience=1)
        self.terminal.show_new_lines()
        attach.withdraw(self.var)
        if self.ready_file is not None:
            self.ready_file.unlink(missing_ok=True)
        if self.valkey is not None:
            self.valkey.stop()
        if self.postgres is not None:
            self.postgres.stop()
        if self.children:
            say("Stopped; everything is saved.")


def _reason(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit status {code}"
