"""A real PostgreSQL and a real Valkey for the whole test session (pytest plugin, `-p tests.embedded` in addopts).

Both start before Django's settings load. DATABASE_URL and CELERY_BROKER_URL are used instead when they are set.
Under xdist the workers inherit the addresses; each uses a Valkey database of its own.
"""

import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

# config.celery falls back to the development settings; the tests' own must be named before it is imported.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")

import pytest

from config.stack.postgres import EmbeddedPostgres
from config.stack.valkey import EmbeddedValkey


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> Generator[None]:
    if not {"-h", "--help", "--version", "-V", "--markers", "--fixtures"} & set(args):
        _start_servers(early_config)
    return (yield)


def _start_servers(config: pytest.Config) -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker and "VOLANT_TEST_DIRECTORY" in os.environ:
        number = 1 + int(worker.removeprefix("gw"))
        os.environ["CELERY_BROKER_URL"] = _with_database(os.environ["CELERY_BROKER_URL"], number)
        return
    directory = Path(tempfile.mkdtemp(prefix="volant-test-"))
    # So that `nobody`, who runs PostgreSQL when the tests run as root, can walk through.
    directory.chmod(0o711)
    config.add_cleanup(lambda: shutil.rmtree(directory, ignore_errors=True))
    os.environ["VOLANT_TEST_DIRECTORY"] = str(directory)
    os.environ.setdefault("VOLANT_ARTIFACTS", str(directory / "artifacts"))
    if not os.environ.get("DATABASE_URL"):
        postgres = EmbeddedPostgres(
            directory / "postgres", directory / "secrets", directory / "postgres.log", durable=False
        )
        config.add_cleanup(postgres.stop)
        postgres.start()
        os.environ["DATABASE_URL"] = postgres.url
    if not os.environ.get("CELERY_BROKER_URL"):
        valkey = EmbeddedValkey(directory / "valkey", directory / "secrets", directory / "valkey.log", durable=False)
        config.add_cleanup(valkey.stop)
        valkey.start()
        os.environ["CELERY_BROKER_URL"] = valkey.url


def _with_database(url: str, number: int) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{number}")) if parts.scheme.startswith("redis") else url
