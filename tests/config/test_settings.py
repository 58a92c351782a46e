"""A missing or wrong setting stops the start with one sentence that says what to set."""

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest
from django.conf import settings
from django.test import Client

from config.stack.children import ROOT, allowed_hosts, public_url, usable_cores, web
from tests.config.stack_process import clean_environment

GOOD = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "SECRET_KEY": "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "DATABASE_URL": "postgres://volant:secret-word@db.example.org:5432/volant",
    "CELERY_BROKER_URL": "amqp://volant:secret-word@mq.example.org//",
    "VOLANT_PUBLIC_URL": "https://volant.example.org/",
    "ALLOWED_HOSTS": "volant.example.org, www.example.org",
    "VOLANT_ARTIFACTS": "/srv/volant/artifacts",
}


def start(
    entry: str = "import config.asgi", changes: Mapping[str, str | None] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(**GOOD)
    for name, value in (changes or {}).items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    return subprocess.run(
        [sys.executable, "-c", entry],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SECRET_KEY", None, "Set SECRET_KEY to 50 or more random characters"),
        ("SECRET_KEY", "short", "SECRET_KEY is too short"),
        ("DATABASE_URL", None, "Set DATABASE_URL to the address of a PostgreSQL database"),
        ("DATABASE_URL", "sqlite:////srv/volant.db", "DATABASE_URL begins with an unknown scheme"),
        ("DATABASE_URL", "postgres://volant:secret-word@db.example.org", "DATABASE_URL names no database"),
        ("DATABASE_URL", "postgres://volant:secret-word@db.example.org:x/volant", "DATABASE_URL cannot be read"),
        ("DATABASE_URL", "postgres://volant:secret-word[@db.example.org/volant", "DATABASE_URL cannot be read"),
        ("CELERY_BROKER_URL", "redis://:secret-word@mq.example.org:x/0", "CELERY_BROKER_URL cannot be read"),
        ("API_RATE_ANON", "often", "API_RATE_ANON is 'often'; set it to a rate such as 60/min"),
        ("CELERY_BROKER_URL", None, "Set CELERY_BROKER_URL to the address of the message broker"),
        ("CELERY_BROKER_URL", "volant:secret-word@mq.example.org", "CELERY_BROKER_URL begins with an unknown scheme"),
        ("ALLOWED_HOSTS", None, "Set ALLOWED_HOSTS to the host names"),
        ("ALLOWED_HOSTS", "*", "ALLOWED_HOSTS is '*'"),
        ("ALLOWED_HOSTS", " , ", "Set ALLOWED_HOSTS to the host names"),
        ("ALLOWED_HOSTS", "https://volant.example.org", "ALLOWED_HOSTS holds 'https://volant.example.org'"),
        ("ALLOWED_HOSTS", "volant.example.org:8000", "ALLOWED_HOSTS holds 'volant.example.org:8000'"),
        ("ALLOWED_HOSTS", "a.example.org b.example.org", "which is no host name"),
        ("CSRF_TRUSTED_ORIGINS", "ftp://volant.example.org", "CSRF_TRUSTED_ORIGINS holds 'ftp://volant.example.org'"),
        ("VOLANT_PUBLIC_URL", "https://[half", "VOLANT_PUBLIC_URL is no web address"),
        ("VOLANT_PUBLIC_URL", "https://volant.example.org:port", "VOLANT_PUBLIC_URL is no web address"),
        ("API_RATE_SIGN_IN", "0/min", "API_RATE_SIGN_IN is '0/min'; set it to a rate such as 20/min"),
        ("API_RATE_USER", "10/mi", "API_RATE_USER is '10/mi'; set it to a rate such as 1200/min"),
        ("CELERY_BROKER_URL", "redis://:secret-word@mq.example.org/volant", "a Redis database that is no number"),
        ("CSRF_TRUSTED_ORIGINS", "volant.example.org", "CSRF_TRUSTED_ORIGINS holds 'volant.example.org'"),
        ("VOLANT_PUBLIC_URL", "volant.example.org", "VOLANT_PUBLIC_URL is no web address"),
        ("VOLANT_ARTIFACTS", None, "Set VOLANT_ARTIFACTS to the absolute path"),
        ("VOLANT_ARTIFACTS", "artifacts", "VOLANT_ARTIFACTS is 'artifacts', which is relative"),
        ("HSTS_SECONDS", "a year", "HSTS_SECONDS is 'a year'; set it to a whole number"),
        ("SECURE_SSL_REDIRECT", "maybe", "SECURE_SSL_REDIRECT is 'maybe'; set it to true or false"),
        ("EMAIL_URL", "mail.example.org", "EMAIL_URL begins with an unknown scheme"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL is 'LOUD'; set it to one of DEBUG"),
    ],
)
def test_wrong_setting_is_one_sentence(name: str, value: str | None, sentence: str) -> None:
    ended = start(changes={name: value})
    assert ended.returncode == 1
    assert sentence in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    assert "secret-word" not in ended.stderr


def test_a_database_that_does_not_answer_is_one_sentence() -> None:
    entry = "import runpy, sys; sys.argv = ['manage.py', 'migrate']; runpy.run_path('manage.py', run_name='__main__')"
    ended = start(entry, {"DATABASE_URL": "postgres://volant:secret-word@127.0.0.1:1/volant"})
    assert ended.returncode == 1
    assert "set DATABASE_URL to one that answers" in ended.stderr
    assert "Traceback" not in ended.stderr and "secret-word" not in ended.stderr


def test_manage_py_and_wsgi_say_it_too() -> None:
    for entry in (
        "import runpy, sys; sys.argv = ['manage.py', 'check']; runpy.run_path('manage.py', run_name='__main__')",
        "import config.wsgi",
    ):
        ended = start(entry, {"DATABASE_URL": None})
        assert ended.returncode == 1
        assert ended.stderr.startswith("Volant cannot start. Set DATABASE_URL to")
        assert "Traceback" not in ended.stderr


def test_production_is_closed_by_default() -> None:
    names = ["DEBUG", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS"]
    names += ["ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "VOLANT_PUBLIC_URL", "CELERY_BROKER_URL"]
    entry = (
        "import json; from django.conf import settings as s; "
        f"print(json.dumps({{n: getattr(s, n) for n in {names}}} | {{'db': s.DATABASES['default']['HOST']}}))"
    )
    ended = start(entry)
    assert json.loads(ended.stdout) == {
        "DEBUG": False,
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 3600,
        "ALLOWED_HOSTS": ["volant.example.org", "www.example.org"],
        "CSRF_TRUSTED_ORIGINS": ["https://volant.example.org"],
        "VOLANT_PUBLIC_URL": "https://volant.example.org",
        "CELERY_BROKER_URL": GOOD["CELERY_BROKER_URL"],
        "db": "db.example.org",
    }


def test_settings_open_no_file_and_no_socket() -> None:
    """Importing them only reads the environment."""
    entry = (
        "import importlib, sys\n"
        "import config.celery, django.conf, csp.constants, environ, django.utils.translation, django.db\n"
        "seen = []\n"
        "def hook(event, args):\n"
        "    if event.startswith('socket.') or (event == 'open' and 'site-packages' not in str(args[0])):\n"
        "        seen.append((event, str(args[0])))\n"
        "sys.addaudithook(hook)\n"
        "importlib.import_module('config.settings.production')\n"
        "bad = [e for e in seen if not e[1].endswith(('.py', '.pyc')) and '/config/' not in e[1]]\n"
        "print(bad)\n"
    )
    assert start(entry).stdout.strip() == "[]"


@pytest.mark.django_db
def test_headers_of_every_answer(client: Client) -> None:
    answer = client.get("/healthz")
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy and "style-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(("given", "kept"), [("abcdef-12345678", True), ("x\ny", False), ("short", False), ("", False)])
def test_request_id(client: Client, given: str, kept: bool) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": given.replace("\n", " ")})
    assert (answer.headers["X-Request-ID"] == given) is kept
    assert len(answer.headers["X-Request-ID"]) >= 8


def test_queue_settings_lose_no_work() -> None:
    assert settings.CELERY_TASK_ACKS_LATE and settings.CELERY_TASK_REJECT_ON_WORKER_LOST
    assert settings.CELERY_WORKER_PREFETCH_MULTIPLIER == 1
    assert settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] >= 43_200
    assert settings.CELERY_TASK_IGNORE_RESULT and settings.CELERY_RESULT_BACKEND is None


def test_hosts_and_addresses() -> None:
    assert public_url("0.0.0.0", 8123) == "http://127.0.0.1:8123"
    assert public_url("::1", 8123) == "http://[::1]:8123"
    assert "*" not in allowed_hosts("0.0.0.0")
    assert "127.0.0.1" in allowed_hosts("192.0.2.7") and "192.0.2.7" in allowed_hosts("192.0.2.7")
    assert usable_cores() >= 1


def test_the_web_server_believes_no_header_unless_a_proxy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    assert "--no-proxy-headers" in web("127.0.0.1", 8000).argv
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.1")
    assert "--no-proxy-headers" not in web("127.0.0.1", 8000).argv
