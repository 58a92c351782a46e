"""The queue: judgements a second, and what one takes, by tasks and labelers. Duplicates and losses are counted.

    make bench-queue                                    all sizes, three repeats: about ten minutes
    make bench-queue ARGS="--sizes 10000 --labelers 1 10 --repeats 1 --seconds 2"

For each size a database of its own on one embedded PostgreSQL (durable, as `make run` has it), filled in bulk and not
analysed by hand. Labelers are threads in two processes, each with its own connection, that claim and submit without a
pause. Repeats go round the sizes, so that other load on the machine meets all of them; a size of up to 10,000 tasks is
filled again before each cell, because it would be used up. Medians of repeats; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bench.queueing import filling, web
from config.stack.postgres import EmbeddedPostgres

PROCESSES = 2
REFILLED = 10_000


@dataclass
class Size:
    """One size: its database, its labelers' processes, and what is known of it."""

    tasks: int
    url: str
    project: int
    round: int
    people: list[int]
    server: int
    workers: list[subprocess.Popen[str]] = field(default_factory=list)
    answered: int = 0
    duplicates: int = 0
    lost: int = 0

    def start(self) -> None:
        environment = os.environ | {"DATABASE_URL": self.url}
        command = [sys.executable, "-m", "bench.queueing.labelers"]
        self.workers = [
            subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(PROCESSES)
        ]

    def stop(self) -> None:
        for worker in self.workers:
            assert worker.stdin is not None
            worker.stdin.close()
            worker.wait(timeout=30)

    def fill(self) -> int:
        self.answered = 0
        return filling.fill(self.url, project=self.project, round=self.round, tasks=self.tasks)

    def ask(self, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Give each worker one order, all at once, and wait for all."""
        used = self.workers[: len(parts)]
        for worker, order in zip(used, parts, strict=True):
            assert worker.stdin is not None
            worker.stdin.write(json.dumps(order) + "\n")
            worker.stdin.flush()
        return [json.loads(worker.stdout.readline()) for worker in used if worker.stdout is not None]

    def check(self, done: int) -> None:
        """Compare what the labelers were told with what is stored."""
        self.answered += done
        stored, duplicates, filled, held = filling.audit(self.url)
        self.duplicates += duplicates
        # What was in hand when the time was over is held; an answer without its row, or a slot without, is lost.
        self.lost += abs(self.answered - stored) + abs(stored - filled)
        assert held <= len(self.people), held


def cell(size: Size, labelers: int, seconds: float) -> dict[str, float]:
    """Let so many labelers work for some seconds; returns the rate and the percentiles in milliseconds."""
    if size.tasks <= REFILLED:
        size.fill()
    people = size.people[:labelers]
    parts = [part for part in (people[number::PROCESSES] for number in range(PROCESSES)) if part]
    began = time.perf_counter()
    server = cpu_of_server(size.server)
    told = size.ask([{"labelers": part, "seconds": seconds} for part in parts])
    passed, server = time.perf_counter() - began, cpu_of_server(size.server) - server
    trouble = [text for one in told for text in one["trouble"]]
    if trouble:
        sys.exit(f"A labeler failed: {trouble}")
    claims = [1000 * took for one in told for took in one["claim"]]
    submits = [1000 * took for one in told for took in one["submit"]]
    both = sorted(a + b for a, b in zip(claims, submits, strict=True))
    claims, submits = sorted(claims), sorted(submits)
    size.check(len(both))
    return {
        "rate": len(both) / passed,
        "p50": _at(both, 0.5),
        "p95": _at(both, 0.95),
        "claim_p50": _at(claims, 0.5),
        "claim_p95": _at(claims, 0.95),
        "submit_p50": _at(submits, 0.5),
        "submit_p95": _at(submits, 0.95),
        "cpu_ms": 1000 * sum(one["cpu"] for one in told) / max(1, len(both)),
        "server_cpu_ms": 1000 * server / max(1, len(both)),
    }


def cpu_of_server(pid: int) -> float:
    """Return the seconds of CPU that PostgreSQL has used, with all its processes, living and ended."""
    main = psutil.Process(pid)
    own = main.cpu_times()
    living = 0.0
    for child in main.children(recursive=True):
        # One that ends just now (a vacuum, say) counts with the ended ones the next time.
        with contextlib.suppress(psutil.NoSuchProcess):
            took = child.cpu_times()
            living += took.user + took.system
    return own.children_user + own.children_system + living


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def make_size(postgres: EmbeddedPostgres, tasks: int) -> Size:
    """Make the database of one size with its people, and fill it."""
    name = f"queue_{tasks}"
    with postgres._connect("postgres") as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    url = postgres.url.rsplit("/", 1)[0] + f"/{name}"
    environment = os.environ | {"DATABASE_URL": url}
    migrate = [sys.executable, "-W", "ignore", "manage.py", "migrate", "-v", "0"]
    subprocess.run(migrate, env=environment, check=True)
    make = "import django, json; django.setup(); from bench.queueing.filling import people_and_project as make"
    made = subprocess.run(
        [sys.executable, "-c", f"{make}; print(json.dumps(make()))"],
        env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    project, turn, people = json.loads(made.stdout)
    assert postgres.process is not None
    size = Size(tasks, url, project, turn, people, postgres.process.pid)
    began = time.monotonic()
    wanted = size.fill()
    print(f"{tasks:,} tasks, {wanted:,} wanted judgements, filled in {time.monotonic() - began:.0f} s", flush=True)
    return size


def through_web(size: Size, seconds: float) -> dict[str, float]:
    """The first size again through HTTP: ten people with a session each, in the web server of `make run`."""
    size.fill()
    environment = os.environ | {"DATABASE_URL": size.url}
    make = (
        "import django, json; django.setup(); from django.test import Client; from accounts.models import User\n"
        "def key(pk):\n client = Client(); client.force_login(User.objects.get(pk=pk), "
        "backend='django.contrib.auth.backends.ModelBackend'); return client.cookies['sessionid'].value\n"
        f"print(json.dumps([key(pk) for pk in {size.people[:10]}]))"
    )
    done = subprocess.run([sys.executable, "-c", make], env=environment, check=True, capture_output=True, text=True)
    with web.server({"DATABASE_URL": size.url}) as address:
        took = sorted(1000 * one for one in web.judgements(address, json.loads(done.stdout), seconds))
    size.check(len(took))
    return {"rate": len(took) / seconds, "p50": _at(took, 0.5), "p95": _at(took, 0.95)}


def report(sizes: list[Size], options: argparse.Namespace) -> dict[str, Any]:
    """Measure every cell in every repeat, print the table, and return the figures."""
    cells: dict[tuple[int, int], list[dict[str, float]]] = {}
    for repeat in range(options.repeats):
        for labelers in options.labelers:
            for size in sizes:
                cells.setdefault((size.tasks, labelers), []).append(cell(size, labelers, options.seconds))
        print(f"repeat {repeat + 1} of {options.repeats}, load {os.getloadavg()[0]:.1f}", flush=True)
    table = {
        key: {name: statistics.median(run[name] for run in runs) for name in runs[0]} for key, runs in cells.items()
    }
    print("| tasks | labelers | a second | p50 ms | p95 | claim p50 | p95 | submit p50 | p95 | CPU ms | PostgreSQL |")
    print("| --- " * 11 + "|")
    for (tasks, labelers), row in sorted(table.items()):
        figures = " | ".join(
            f"{row[name]:.1f}"
            for name in (
                "p50",
                "p95",
                "claim_p50",
                "claim_p95",
                "submit_p50",
                "submit_p95",
                "cpu_ms",
                "server_cpu_ms",
            )
        )
        print(f"| {tasks:,} | {labelers} | {row['rate']:.0f} | {figures} |")
    asked = min(options.labelers, key=lambda number: abs(number - 10))
    small, large = min(options.sizes), max(options.sizes)
    ratios = [
        big["p50"] / few["p50"] for few, big in zip(cells[small, asked], cells[large, asked], strict=True)
    ]  # fmt: skip
    told = {f"{tasks}x{labelers}": row for (tasks, labelers), row in table.items()}
    return {
        "judgements_per_s": table[small, asked]["rate"],
        "p50_ms": table[small, asked]["p50"],
        "p95_ms": table[small, asked]["p95"],
        "scale_1m_over_10k": statistics.median(ratios) if (small, large) == (10_000, 1_000_000) else None,
        "labelers": asked,
        "cells": told,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--labelers", type=int, nargs="+", default=[1, 10, 50, 200])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-web", action="store_true", help="leave the figure through HTTP out")
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.dev"
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    directory = Path(tempfile.mkdtemp(prefix="volant-bench-"))
    directory.chmod(0o711)
    postgres = EmbeddedPostgres(directory / "postgres", directory / "secrets", directory / "postgres.log")
    sizes: list[Size] = []
    try:
        postgres.start()
        sizes = [make_size(postgres, tasks) for tasks in sorted(options.sizes)]
        for size in sizes:
            size.start()
        print(f"load before {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores", flush=True)
        figures = report(sizes, options)
        figures["queries"] = sizes[-1].ask([{"labelers": sizes[-1].people[-1:], "count": True}])[0]["queries"]
        figures["duplicates"] = sum(size.duplicates for size in sizes)
        figures["lost"] = sum(size.lost for size in sizes)
        if not options.no_web:
            figures["web"] = through_web(sizes[0], options.seconds)
            print("through HTTP, 10 people: {rate:.0f}/s, p50 {p50:.0f} ms, p95 {p95:.0f} ms".format(**figures["web"]))
        figures["load"] = os.getloadavg()[0]
        print(json.dumps(figures))
    finally:
        for size in sizes:
            size.stop()
        postgres.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
