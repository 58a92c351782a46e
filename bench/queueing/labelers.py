"""Labelers at work in a process of its own: a line of JSON in (who, how long), a line out (what each step took).

    DATABASE_URL=… python -m bench.queueing.labelers

Each labeler is a thread with its own connection, and does nothing but claim and submit, without a pause for thought.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

import django

TEXT = "Begin with what you know, write down what you do not, and ask before anything that cannot be undone. " * 3


def main() -> None:
    django.setup()
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(_count_queries(**asked) if asked.pop("count", False) else _work(**asked)), flush=True)


def _work(labelers: list[int], seconds: float) -> dict[str, Any]:
    from accounts.models import User
    from labeling.models import Project

    project = Project.objects.get(slug="bench")
    people = list(User.objects.filter(pk__in=labelers))
    gate, cpu = threading.Barrier(len(people)), time.process_time()
    took: list[tuple[float, float]] = []
    trouble: list[str] = []
    threads = [
        threading.Thread(target=_labeler, args=(person, project, seconds, gate, took, trouble)) for person in people
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "claim": [pair[0] for pair in took],
        "submit": [pair[1] for pair in took],
        "trouble": trouble[:5],
        "cpu": time.process_time() - cpu,
    }


def _labeler(
    person: Any,
    project: Any,
    seconds: float,
    gate: threading.Barrier,
    took: list[tuple[float, float]],
    trouble: list[str],
) -> None:
    from django.db import connection

    try:
        connection.ensure_connection()
        gate.wait(timeout=60)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pair = _judge(person, project)
            if pair is None:
                return
            took.append(pair)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is a figure of the bench
        trouble.append(repr(error))
    finally:
        connection.close()


def _judge(person: Any, project: Any) -> tuple[float, float] | None:
    from labeling.services import answers, queue

    began = time.perf_counter()
    claim = queue.claim_next(labeler=person, project=project, kind="write")
    claimed = time.perf_counter()
    if claim.token is None:
        return None
    answers.submit_demonstration(token=claim.token, labeler=person, text=TEXT)
    return claimed - began, time.perf_counter() - claimed


def _count_queries(labelers: list[int]) -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from accounts.models import User
    from labeling.models import Project

    project, person = Project.objects.get(slug="bench"), User.objects.get(pk=labelers[0])
    _judge(person, project)
    with CaptureQueriesContext(connection) as captured:
        _judge(person, project)
    asked = [query["sql"] for query in captured.captured_queries if query["sql"] not in ("BEGIN", "COMMIT")]
    return {"queries": len(asked)}


if __name__ == "__main__":
    main()
