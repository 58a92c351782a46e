"""What the shared fixtures promise: a real worker, a real page in a real browser, and production's static files."""

from pathlib import Path

import pytest
from celery import current_app
from playwright.sync_api import Page

from config.stack.process import wait_until
from tests.config.test_settings import start
from tests.conftest import AsgiServer
from tests.worker import WorkerProcess

TASK = "labeling.tasks.release_expired_assignments"


@pytest.mark.timeout(120)
def test_worker_takes_tasks_and_comes_back_after_a_kill(celery_worker: WorkerProcess) -> None:
    def finished(before: int) -> bool:
        return celery_worker.output().count(f"Task {TASK}") > before

    for _ in range(2):
        celery_worker.ensure_started()
        before = celery_worker.output().count(f"Task {TASK}")
        current_app.send_task(TASK)
        assert wait_until(lambda before=before: finished(before), 20), celery_worker.output()  # type: ignore[misc]
        assert "succeeded" in celery_worker.output().splitlines()[-1]
        celery_worker.kill()


def test_worker_works_on_the_tests_database(celery_worker: WorkerProcess) -> None:
    assert "/test_" in celery_worker.environment()["DATABASE_URL"]


@pytest.mark.browser
def test_browser_opens_a_page_without_a_policy_breach(page: Page, asgi_server: AsgiServer) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    answer = page.goto(asgi_server.url)
    assert answer is not None and answer.status == 200
    assert page.url.startswith(f"{asgi_server.url}/accounts/sign-in/")
    assert complaints == []


@pytest.mark.slow
def test_production_finds_every_static_file_it_refers_to(tmp_path: Path) -> None:
    """Manifest storage refuses a style sheet that names a file which is not there."""
    entry = (
        "import sys, runpy; sys.argv = ['manage.py', 'collectstatic', '--noinput', '-v', '0'];"
        "runpy.run_path('manage.py', run_name='__main__')"
    )
    ended = start(entry, {"STATIC_ROOT": str(tmp_path / "static")})
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "static" / "staticfiles.json").exists()
