"""The same judgements through HTTP: the web server that `make run` starts, and people with a session each."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import Any

import httpx

from bench.queueing.labelers import TEXT
from config.stack.network import free_port


@contextmanager
def server(environment: dict[str, str]) -> Any:
    """Start the web server as the stack does and yield its address."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port), "--no-access-log"]
    process = subprocess.Popen([*command, "--log-level", "warning"], env={**os.environ, **environment})
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{address}/healthz")
                break
            except httpx.HTTPError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def judgements(address: str, sessions: list[str], seconds: float) -> list[float]:
    """Let people submit and go on for `seconds`; returns what each submit-and-next took, pages not counted."""
    gate = threading.Barrier(len(sessions))
    took: list[float] = []
    threads = [threading.Thread(target=_person, args=(address, key, seconds, gate, took)) for key in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


def _person(address: str, session: str, seconds: float, gate: threading.Barrier, took: list[float]) -> None:
    with httpx.Client(base_url=address, cookies={"sessionid": session}, timeout=60) as client:
        page = client.get("/projects/bench/open/", follow_redirects=True)
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert token, page.text[:500]
        headers = {"X-CSRFToken": token.group(1), "Accept": "application/json"}
        there = client.post("/work/bench/next/write/", headers=headers).headers["Location"]
        gate.wait(timeout=60)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end and "/tasks/" in there:
            began = time.perf_counter()
            answer = client.post(f"{there}submit/", data={"text": TEXT}, headers=headers)
            there = answer.raise_for_status().json()["next"]
            took.append(time.perf_counter() - began)
