"""Where artifacts stand: datasets, run directories and base models below one root shared by web and workers.

Rows keep paths relative to the root (``settings.VOLANT_ARTIFACTS``), so that it can move.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from training.exceptions import TrainingError


def artifact_root() -> Path:
    """Return the root, made when it is missing."""
    root = Path(settings.VOLANT_ARTIFACTS)
    root.mkdir(parents=True, exist_ok=True)
    return root


def artifact(relative: str) -> Path:
    """Return the absolute path of an artifact. A path that leaves the root raises TrainingError."""
    root = artifact_root().resolve()
    path = (root / relative).resolve()
    if not path.is_relative_to(root):
        raise TrainingError(_("The path “%(path)s” leaves the artifact store.") % {"path": relative})
    return path


def dataset_path(project_slug: str, kind: str, version: int) -> str:
    """Return where a dataset's files stand, relative to the root."""
    return f"datasets/{project_slug}/{kind}-v{version:04d}"


def run_path(run_id: int) -> str:
    """Return a run's directory, relative to the root."""
    return f"runs/{run_id:06d}"


def base_path(name: str) -> str:
    """Return where the store keeps its own copy of a base model, relative to the root."""
    return f"bases/{name}"


def resolve_location(location: str) -> str:
    """Return what a stage may load for a checkpoint's `location`: an absolute directory, or a hub id as it is."""
    if Path(location).is_absolute():
        return location
    inside = artifact(location)
    return str(inside) if inside.exists() else location


def changed_file(directory: Path, described: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the first file that is missing or not the one that the manifest describes; None when all are as frozen."""
    for name, known in sorted(described.items()):
        try:
            with (directory / name).open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError:
            return name
        if found != known["sha256"]:
            return name
    return None


def link_tree(source: Path, target: Path) -> None:
    """Put the files of `source` into `target`: hard links where the file system allows, else copies."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        if not path.is_file():
            continue
        copy = target / path.name
        copy.unlink(missing_ok=True)
        try:
            copy.hardlink_to(path)
        except OSError:
            shutil.copy2(path, copy)
