"""Fixtures that every part shares: a web server that a browser can open, a Celery worker, Chromium."""

import asyncio
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

from tests.worker import WorkerProcess

HOW_TO_GET_CHROMIUM = (
    "Browser tests need Chromium and none was found. Get it with `apt-get install chromium`, or with "
    "`.venv/bin/playwright install chromium`, or name one: CHROMIUM=/path/to/chromium make test"
)
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def find_chromium() -> str | None:
    """The system's Chromium or Chrome, else Playwright's own; CHROMIUM names another one."""
    if named := os.environ.get("CHROMIUM"):
        return named
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    store = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    own = sorted(store.glob("chromium-*/chrome-linux*/chrome"))
    return str(own[-1]) if own else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave browser tests out where there is no Chromium, loudly; in CI that is an error."""
    browser_tests = [item for item in items if item.get_closest_marker("browser")]
    if not browser_tests or find_chromium():
        return
    if os.environ.get("CI"):
        raise pytest.UsageError(HOW_TO_GET_CHROMIUM)
    config.stash[_LEFT_OUT] = len(browser_tests)
    for item in browser_tests:
        item.add_marker(pytest.mark.skip(reason="no Chromium"))


_LEFT_OUT = pytest.StashKey[int]()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if number := config.stash.get(_LEFT_OUT, 0):
        terminalreporter.section(f"{number} BROWSER TESTS WERE LEFT OUT", sep="!", red=True, bold=True)
        terminalreporter.line(HOW_TO_GET_CHROMIUM)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    # Playwright's sync API keeps an event loop in the main thread; Django would refuse every query of the test itself.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    return {**browser_type_launch_args, "executable_path": find_chromium(), "args": CHROMIUM_ARGUMENTS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    # Without a locale Chromium says en-US@posix, which chart code does not understand.
    return {**browser_context_args, "locale": "en-US", "viewport": {"width": 1280, "height": 800}}


class AsgiServer:
    """The whole web application on a real port, in a thread: server-sent events flow, unlike in `live_server`."""

    def __init__(self) -> None:
        application = ASGIStaticFilesHandler(get_asgi_application())
        self.server = uvicorn.Server(
            uvicorn.Config(application, lifespan="off", log_level="warning", timeout_graceful_shutdown=1)
        )
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, name="asgi-server", daemon=True)

    def _serve(self) -> None:
        asyncio.run(self.server.serve([self.socket]))

    def start(self) -> None:
        self.thread.start()
        deadline = time.monotonic() + 20
        while not self.server.started:
            assert time.monotonic() < deadline and self.thread.is_alive(), "the web server did not start"
            time.sleep(0.02)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(timeout=20)
        self.socket.close()


@pytest.fixture
def asgi_server(transactional_db: None) -> Iterator[AsgiServer]:
    """`asgi_server.url` is the address; rows that the test commits are seen by it, and the other way round."""
    server = AsgiServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def base_url() -> str:
    """Keeps pytest-base-url (through pytest-playwright) from wanting a live_server."""
    return ""


@pytest.fixture(scope="session")
def _worker_process(django_db_setup: None) -> Iterator[WorkerProcess]:
    process = WorkerProcess(queues="default,gpu")
    yield process
    process.stop()


@pytest.fixture
def celery_worker(_worker_process: WorkerProcess, transactional_db: None) -> Iterator[WorkerProcess]:
    """A worker process on the tests' database and broker, taking both queues, one task at a time.

    It lives for the session; messages that another test left behind are thrown away first, and a worker that is still
    busy after the test is killed, so that it cannot write into the next one's rows.
    """
    _worker_process.purge()
    _worker_process.ensure_started()
    yield _worker_process
    _worker_process.purge()
    if _worker_process.is_busy():
        _worker_process.stop()
