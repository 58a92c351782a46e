"""Addresses of the servers that Volant leans on, as Django's settings want them."""

import re
from typing import Any
from urllib.parse import urlsplit

from config.settings.environment import BROKER_SCHEMES, DATABASE_SCHEMES, SettingsError, env, read_url

DATABASE_HINT = "the address of a PostgreSQL database, such as postgres://user:password@host:5432/volant"
BROKER_HINT = "the address of the message broker, such as redis://:password@host:6379/0 or amqp://user:password@host//"


def database(default: str | None = None) -> dict[str, Any]:
    """`DATABASES["default"]` from DATABASE_URL.

    Connections are not kept between requests: under ASGI every request has its own thread, so a kept connection
    would never be found again and PostgreSQL would run out of them.
    """
    url = read_url("DATABASE_URL", DATABASE_SCHEMES, DATABASE_HINT, default)
    parsed = env.db_url_config(url)
    if not parsed.get("NAME"):
        raise SettingsError(f"DATABASE_URL names no database; set it to {DATABASE_HINT}.")
    return {**parsed, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True, "ATOMIC_REQUESTS": False}


def broker(default: str | None = None) -> str:
    """CELERY_BROKER_URL, checked."""
    url = read_url("CELERY_BROKER_URL", BROKER_SCHEMES, BROKER_HINT, default)
    parts = urlsplit(url)
    if parts.scheme in {"redis", "rediss"} and not re.fullmatch(r"(/[0-9]*)?", parts.path):
        raise SettingsError(f"CELERY_BROKER_URL names a Redis database that is no number; set it to {BROKER_HINT}.")
    return url


def cache(default: str = "locmemcache://") -> dict[str, Any]:
    """`CACHES["default"]` from CACHE_URL. With more than one web process, throttles need a shared one."""
    return env.cache_url_config(
        read_url(
            "CACHE_URL",
            ("locmemcache", "redis", "rediss", "rediscache", "memcache", "dummycache"),
            "a cache address such as redis://:password@host:6379/1",
            default,
        )
    )


def email(default: str = "consolemail://") -> dict[str, Any]:
    """The EMAIL_* settings from EMAIL_URL."""
    schemes = ("smtp", "smtps", "smtp+tls", "smtp+ssl", "consolemail", "filemail", "memorymail", "dummymail")
    hint = "the address of a mail server, such as smtp+tls://user:password@host:587"
    return env.email_url_config(read_url("EMAIL_URL", schemes, hint, default))


def origin(url: str) -> str:
    """Scheme and host of an address: what CSRF_TRUSTED_ORIGINS wants."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
