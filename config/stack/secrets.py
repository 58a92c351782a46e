"""Passwords and the secret key of the embedded default: made once, kept in files that only their owner reads."""

import os
import secrets
from pathlib import Path


def kept_secret(directory: Path, name: str) -> str:
    """The secret called `name`, made on first use. Written under another name first: a crash leaves no half of one."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / name
    if path.exists() and (text := path.read_text(encoding="ascii").strip()):
        return text
    text = secrets.token_urlsafe(48)
    write_private(path, text + "\n")
    return text


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, all or nothing."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
