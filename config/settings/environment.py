"""Reading the environment, so that a missing or wrong value ends in one sentence that says what to set."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured


class SettingsError(ImproperlyConfigured):
    """A setting is missing or wrong; the message is one sentence that says what to set."""


env = environ.Env()

_HOST = re.compile(r"\*|\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\]")
_RATE = re.compile(r"[1-9][0-9]*/(s|sec|second|m|min|minute|h|hour|d|day)")

BROKER_SCHEMES = ("redis", "rediss", "redis+socket", "amqp", "amqps", "pyamqp", "sentinel")
DATABASE_SCHEMES = ("postgres", "postgresql", "psql", "pgsql")


def read_text(name: str, hint: str, default: str | None = None) -> str:
    """The value of `name`; `hint` finishes the sentence "Set NAME to …" when it is missing and has no default."""
    value = os.environ.get(name, "").strip()
    if value:
        return value
    if default is None:
        raise SettingsError(f"Set {name} to {hint}.")
    return default


def read_url(name: str, schemes: Sequence[str], hint: str, default: str | None = None) -> str:
    """An address whose scheme is one of `schemes`. The value is never repeated in the error: it holds a password."""
    value = read_text(name, hint, default)
    try:
        parts = urlsplit(value)
        # Reading the port finds one that is no number. A list of sentinels has several; they are left to the broker.
        _port = parts.port if not set(",;") & set(parts.netloc) else None
    except ValueError:
        raise SettingsError(
            f"{name} cannot be read as an address (is the port a number, and is the password percent-encoded?); "
            f"set it to {hint}."
        ) from None
    if parts.scheme not in schemes:
        raise SettingsError(f"{name} begins with an unknown scheme; set it to {hint}.")
    return value


def read_rate(name: str, default: str) -> str:
    """How often something may be asked for, as REST framework writes it: 60/min."""
    value = read_text(name, "a rate", default)
    if not _RATE.fullmatch(value):
        raise SettingsError(f"{name} is {value!r}; set it to a rate such as {default}.")
    return value


def read_list(name: str, hint: str, default: Sequence[str] | None = None) -> list[str]:
    """A comma-separated list; an empty one counts as missing."""
    text = read_text(name, hint, None if default is None else ",".join(default))
    items = [item.strip() for item in text.split(",") if item.strip()]
    if text and not items:
        raise SettingsError(f"Set {name} to {hint}.")
    return items


def read_hosts(name: str, hint: str, default: Sequence[str] | None = None) -> list[str]:
    """Host names without scheme and port; one that begins with a dot stands for its subdomains too."""
    hosts = read_list(name, hint, default)
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise SettingsError(
                f"{name} holds {host!r}, which is no host name; set it to names such as volant.example.org, without "
                "https:// and port, separated by commas."
            )
    return hosts


def read_web_address(name: str, hint: str, default: str | None = None) -> str:
    """An http or https address with a host; without the slash at its end."""
    value = read_text(name, hint, default)
    if not is_web_address(value):
        raise SettingsError(f"{name} is no web address; set it to one such as https://volant.example.org.")
    return value.rstrip("/")


def is_web_address(value: str) -> bool:
    """Whether a browser could open the text."""
    try:
        parts = urlsplit(value)
        return parts.scheme in {"https", "http"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # half an IPv6 address, or a port that is no number
        return False


def read_flag(name: str, default: bool) -> bool:
    """A yes/no value: true/false, yes/no, on/off, 1/0."""
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise SettingsError(f"{name} is {value!r}; set it to true or false.")


def read_number(name: str, default: int, *, at_least: int = 0) -> int:
    """A whole number that is not below `at_least`."""
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise SettingsError(f"{name} is {value!r}; set it to a whole number.") from None
    if number < at_least:
        raise SettingsError(f"{name} is {number}; set it to {at_least} or more.")
    return number


def read_path(name: str, hint: str, default: Path | None = None) -> Path:
    """An absolute directory or file path; it does not have to exist yet."""
    value = Path(read_text(name, hint, None if default is None else str(default)))
    if not value.is_absolute():
        raise SettingsError(f"{name} is {str(value)!r}, which is relative; set it to an absolute path.")
    return value


def read_choice(name: str, choices: Sequence[str], default: str) -> str:
    """One of `choices`."""
    value = os.environ.get(name, "").strip() or default
    if value not in choices:
        raise SettingsError(f"{name} is {value!r}; set it to one of {', '.join(choices)}.")
    return value
