"""How a command typed in another terminal finds the stack that is running."""

import fcntl
import json
import os
from collections.abc import MutableMapping
from pathlib import Path

from config.stack.errors import StackError
from config.stack.secrets import write_private

# What a command needs; the rest of the supervisor's environment stays its own.
SHARED = (
    "DATABASE_URL",
    "CELERY_BROKER_URL",
    "SECRET_KEY",
    "VOLANT_ARTIFACTS",
    "VOLANT_PUBLIC_URL",
    "ALLOWED_HOSTS",
    "VOLANT_VAR",
)
LOCK = "stack.lock"
RECORD = "stack.json"


def publish(var: Path, environment: MutableMapping[str, str]) -> None:
    """Write the addresses where `join_running_stack` looks for them; only their owner can read them."""
    write_private(var / RECORD, json.dumps({name: environment[name] for name in SHARED if name in environment}))


def withdraw(var: Path) -> None:
    """The stack stops: nobody shall try its addresses any more."""
    (var / RECORD).unlink(missing_ok=True)


def take_lock(var: Path) -> int | None:
    """The lock of a data directory, held until this process ends, however it ends; None when another one has it."""
    descriptor = os.open(var / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def take_directory(var: Path) -> None:
    """Make the data directory and hold it. Raises StackError when it cannot be used, or somebody else has it."""
    elsewhere = "keep your own data elsewhere: make run VOLANT_VAR=/a/directory/of/yours."
    try:
        var.mkdir(parents=True, exist_ok=True)
        held = take_lock(var)
        (var / "log").mkdir(exist_ok=True)
    except PermissionError:
        raise StackError(f"You may not write to {var}. Start as its owner, or {elsewhere}") from None
    except OSError as error:
        raise StackError(f"{var} cannot hold the data ({error.strerror}). Mend that, or {elsewhere}") from None
    if held is None:
        raise StackError(
            f"Volant is already running on {var}. Stop it first (Ctrl-C where it runs), or start a second one with "
            "data of its own: make run VOLANT_VAR=/another/directory PORT=8001."
        )


def is_running(var: Path) -> bool:
    """Whether a supervisor holds the data directory."""
    if not (var / LOCK).exists():
        return False
    descriptor = take_lock(var)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def join_running_stack(environment: MutableMapping[str, str], root: Path) -> None:
    """Fill in what is not set from the stack that runs on this data directory; without one, change nothing."""
    if environment.get("DATABASE_URL"):
        return
    var = Path(environment.get("VOLANT_VAR") or root / "var").absolute()
    try:
        record = json.loads((var / RECORD).read_text(encoding="utf-8")) if is_running(var) else {}
    except OSError:
        return
    for name, value in record.items():
        if not environment.get(name):
            environment[name] = value
