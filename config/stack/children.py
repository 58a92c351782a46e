"""What the stack starts besides the two servers, and the environment that all of it sees."""

import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from config.stack.process import OWNER_MARK

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Child:
    """One long-lived part of the platform."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: int = signal.SIGTERM


def web(host: str, port: int) -> Child:
    """uvicorn; open live streams get three seconds to end, or it would never stop.

    By itself uvicorn believes X-Forwarded-For from this machine: with no proxy there, anybody on it (or at the other
    end of a tunnel) could change addresses at will and never be locked out. FORWARDED_ALLOW_IPS says that one is there.
    """
    options = ("--host", host, "--port", str(port), "--timeout-graceful-shutdown", "3", "--lifespan", "off")
    proxies = () if os.environ.get("FORWARDED_ALLOW_IPS") else ("--no-proxy-headers",)
    argv = (sys.executable, "-m", "uvicorn", "config.asgi:application", *options, *proxies, "--no-access-log")
    return Child("web", argv)


def worker(queue: str, concurrency: int, environment: Mapping[str, str] | None = None) -> Child:
    """A Celery worker for one queue.

    A prefork pool also where one task at a time is wanted: the parent process stays free to answer pings, to hear
    that it shall stop, and to put the message back when the pool process is killed.
    """
    argv = (
        sys.executable,
        "-m",
        "celery",
        "-A",
        "config",
        "-q",
        "--no-color",
        "worker",
        "-Q",
        queue,
        "-n",
        f"{queue}@%h",
        "-l",
        "INFO",
    )
    pool = ("-P", "prefork", "-c", str(concurrency), "--prefetch-multiplier", "1")
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    return Child(f"worker-{queue}", argv + pool + quiet, environment or {})


def beat() -> Child:
    """The clock; its table is in PostgreSQL, so there is no schedule file to go stale."""
    return Child("beat", (sys.executable, "-m", "celery", "-A", "config", "-q", "--no-color", "beat", "-l", "INFO"))


def all_children(host: str, port: int) -> list[Child]:
    """In the order of their start: the web first, so that a page shows early."""
    # Two OpenMP processes that spin while they wait take each other's cores; one that sleeps costs little alone.
    threads = {
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(usable_cores())),
    }
    return [web(host, port), worker("default", 2), worker("gpu", 1, threads), beat()]


def usable_cores() -> int:
    """Cores that this process may use: its affinity, cut by a container's CPU quota (cgroup v2)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else psutil.cpu_count() or 1
    quota_file = Path("/sys/fs/cgroup/cpu.max")
    if quota_file.exists():
        quota, period = quota_file.read_text(encoding="ascii").split()[:2]
        if quota != "max":
            cores = min(cores, max(1, int(quota) // int(period)))
    return cores


def shared_environment(var: Path, host: str, port: int, secret_key: str) -> dict[str, str]:
    """The environment of every child; what the person who starts the stack has set stays as it is."""
    environment = dict(os.environ)
    defaults = {
        "DJANGO_SETTINGS_MODULE": "config.settings.dev",
        "SECRET_KEY": secret_key,
        "VOLANT_ARTIFACTS": str(var / "artifacts"),
        "VOLANT_PUBLIC_URL": public_url(host, port),
        "ALLOWED_HOSTS": ",".join(allowed_hosts(host)),
    }
    for name, value in defaults.items():
        if not environment.get(name):
            environment[name] = value
    environment |= {
        "VOLANT_VAR": str(var),
        OWNER_MARK: str(var),
        "PYTHONUNBUFFERED": "1",
        # SIGTERM puts the message of a running task back into its queue instead of waiting for the task.
        "REMAP_SIGTERM": "SIGQUIT",
    }
    if os.geteuid() == 0:
        # Celery warns root of pickled tasks; ours are JSON and nothing else is accepted.
        environment["PYTHONWARNINGS"] = "ignore:You're running the worker with superuser privileges"
    return environment


def public_url(host: str, port: int) -> str:
    """An address that can be opened on this machine."""
    shown = "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104  compared, not bound
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def allowed_hosts(host: str) -> list[str]:
    """Names that the web answers to: this machine's own, and every address it has when it listens on all of them."""
    names = ["127.0.0.1", "localhost", "[::1]"]
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104
        addresses = [address for group in psutil.net_if_addrs().values() for address in group]
        names += [a.address for a in addresses if a.family == socket.AF_INET]
        names += [f"[{a.address.split('%')[0]}]" for a in addresses if a.family == socket.AF_INET6]
        names += [socket.gethostname(), socket.getfqdn()]
    else:
        names.append(f"[{host}]" if ":" in host else host)
    return list(dict.fromkeys(names))
