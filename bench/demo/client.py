"""A small client of the platform's HTTP API: one account, its token, and patient waiting for runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import httpx

STUCK_AFTER = 900.0
"""Seconds without any sign of life (state, step) after which a run counts as stuck. Not a budget for the run."""
POLL_SECONDS = 1.0
ENDED = ("succeeded", "failed", "cancelled", "lost")


class DemoError(Exception):
    """The demo cannot go on; the message says what happened, in whose words, and what to look at."""


class Client:
    """Speaks to ``/api/v1/`` as one account, no faster than it is allowed to (429 is waited out).

    For one thread; every simulated labeler has its own.
    """

    def __init__(self, address: str) -> None:
        self._http = httpx.Client(base_url=f"{address.rstrip('/')}/api/v1/", timeout=60.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def sign_in(self, username: str, password: str) -> None:
        """Fetch a token and use it from now on."""
        answer = self.post("auth/token/", {"username": username, "password": password})
        self._http.headers["Authorization"] = f"Token {answer['token']}"

    def get(self, path: str, **query: Any) -> Any:
        """GET and decode. Raises DemoError with the platform's own sentence when it refuses."""
        return self._answer("GET", path, params=query or None)  # {} would cut off the query of a page's link

    def post(self, path: str, body: Any = None) -> Any:
        return self._answer("POST", path, json={} if body is None else body)

    def text(self, path: str) -> str:
        """GET a file."""
        return self._send("GET", path).text

    def listed(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield every row of a list, page after page."""
        page = self.get(path, **query)
        while True:
            if isinstance(page, list):
                yield from page
                return
            yield from page["results"]
            if not page.get("next"):
                return
            page = self.get(page["next"])

    def _answer(self, method: str, path: str, **rest: Any) -> Any:
        response = self._send(method, path, **rest)
        return response.json() if response.content else None

    def _send(self, method: str, path: str, **rest: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **rest)
            while response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                time.sleep(float(response.headers.get("Retry-After") or 1.0))
                response = self._http.request(method, path, **rest)
        except httpx.HTTPError as error:
            raise DemoError(f"{method} {path}: no answer ({type(error).__name__}: {error})") from error
        if response.is_success:
            return response
        raise DemoError(f"{method} {path} was refused ({response.status_code}): {_reason(response)}")

    def wait_for(self, run_id: Any, *, watch: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
        """Poll a run until it ends and return it.

        Raises DemoError with the run's error sentence and log tail when it did not succeed, or with its name and
        last state when nothing about it has changed for `STUCK_AFTER` seconds.
        """
        seen: tuple[Any, ...] = ()
        changed = time.monotonic()
        while True:
            run = self.get(f"runs/{run_id}/")
            if watch:
                watch(run)
            if run["state"] in ENDED:
                break
            life = (run["state"], run.get("progress_step"), run.get("heartbeat_at"))
            if life != seen:
                seen, changed = life, time.monotonic()
            elif time.monotonic() - changed > STUCK_AFTER:
                raise DemoError(
                    f"run {run_id} ({run['stage']}) has been {run['state']} at step {life[1]} without a sign of life "
                    f"for {STUCK_AFTER:.0f} s; is the gpu worker running?"
                )
            time.sleep(POLL_SECONDS)
        if run["state"] != "succeeded":
            raise DemoError(
                f"run {run_id} ({run['stage']}) ended as {run['state']}: {run.get('error') or 'no reason given'}\n"
                f"{run.get('log_tail', '')}".rstrip()
            )
        return run


def _reason(response: httpx.Response) -> str:
    """Return the platform's error sentence, with the fields it complains about."""
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return response.text[:500]
    fields = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in (error.get("fields") or {}).items())
    return f"{error['message']}{f' ({fields})' if fields else ''}"
