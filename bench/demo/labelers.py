"""Simulated labelers: each signs in with an account of its own and works through the queue, all at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from bench.demo.client import Client, DemoError
from bench.demo.judgement import draw, judge
from bench.demo.platform import Account
from bench.demo.scenario import Scenario

RESERVED_PATIENCE = 120.0
"""Seconds to wait for tasks that somebody else holds before giving up."""


def work_until_done(
    address: str, accounts: Sequence[Account], *, project: str, kind: str, scenario: Scenario, seed: int
) -> dict[str, int]:
    """Let every labeler claim, answer and submit tasks of `kind` until none is left; return answers by labeler.

    The first labeler that fails stops the others, and its error is raised.
    """
    halt = threading.Event()

    def shift(account: Account) -> int:
        try:
            with Client(address) as client:
                client.sign_in(account.username, account.password)
                read_guidelines(client, project)
                return Shift(client, project, kind, scenario, seed, halt).run()
        except BaseException:
            halt.set()
            raise

    with ThreadPoolExecutor(max_workers=len(accounts), thread_name_prefix="labeler") as pool:
        futures = {account.username: pool.submit(shift, account) for account in accounts}
        return {name: future.result() for name, future in futures.items()}


def read_guidelines(client: Client, project: str) -> None:
    """Acknowledge the newest guidelines, as a person does before the first task; again is harmless."""
    newest = client.get(f"projects/{project}/guidelines/")
    client.post(f"projects/{project}/guidelines/", {"version": newest["version"]})


@dataclass
class Shift:
    """One labeler's work on one kind of task."""

    client: Client
    project: str
    kind: str
    scenario: Scenario
    seed: int
    halt: threading.Event

    def run(self) -> int:
        """Work until the queue is done for this labeler, and return how many tasks were answered."""
        answered, waited = 0, 0.0
        while not self.halt.is_set():
            claim = self.client.post(f"projects/{self.project}/next/", {"kind": self.kind})
            if claim["assignment"]:
                self.answer(claim["assignment"])
                answered, waited = answered + 1, 0.0
                continue
            reason = claim["nothing"]["reason"]
            if reason in ("done", "none_left_for_you"):
                return answered
            if reason != "reserved":
                raise DemoError(f"a labeler is given no work in {self.project}: {reason}")
            if waited > RESERVED_PATIENCE:
                raise DemoError(f"the last {self.kind} tasks of {self.project} stay reserved by somebody")
            time.sleep(0.2)
            waited += 0.2
        return answered

    def answer(self, assignment: dict[str, Any]) -> None:
        """Write or judge what was claimed, and submit it."""
        place, messages = f"assignments/{assignment['token']}", assignment["prompt"]["messages"]
        if self.kind == "write":
            text = self.scenario.demonstrate(messages, draw(self.seed, "write", messages[-1]["content"]))
            self.client.post(f"{place}/demonstration/", {"text": text})
            return
        shown = assignment["completions"]
        verdict = judge(
            messages,
            [completion["text"] for completion in shown],
            oracle=self.scenario.oracle,
            top=self.scenario.top,
            seed=self.seed,
        )
        body = {
            "ranks": {str(c["id"]): rank for c, rank in zip(shown, verdict.ranks, strict=True)},
            "qualities": {str(c["id"]): quality for c, quality in zip(shown, verdict.qualities, strict=True)},
            "none_acceptable": verdict.none_acceptable,
        }
        self.client.post(f"{place}/comparison/", body)
