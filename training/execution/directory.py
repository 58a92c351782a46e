"""Writes a run's directory: the config with its inputs resolved, and the frozen dataset."""

from __future__ import annotations

import fcntl
import time
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from training.exceptions import CannotStart
from training.models import Run
from training.rlhf.config import STAGES, ConfigError, dump_config, parse_config
from training.rlhf.rundir import RunDir, write_atomically
from training.storage import artifact, changed_file, link_tree, resolve_location, run_path

POLICY_NAME = "checkpoint-{}"
"""How ``generate`` calls a policy, so that its samples lead back to the checkpoint."""


def resolved_inputs(run: Run) -> dict[str, Any]:
    """Return the config fields that hold checkpoints, filled with what a stage may load."""
    filled: dict[str, Any] = {}
    for item in run.inputs.select_related("checkpoint").order_by("pk"):
        where = resolve_location(item.checkpoint.location)
        if Path(where).is_absolute() and not Path(where).exists():
            raise CannotStart(
                _("The checkpoint “%(name)s” is not at %(path)s any more; choose another one.")
                % {"name": item.checkpoint.name, "path": where}
            )
        if item.field == "policies":
            filled.setdefault("policies", {})[POLICY_NAME.format(item.checkpoint_id)] = where
        else:
            filled[item.field] = where
    return filled


def write_run_directory(run: Run) -> RunDir:
    """Make (or go on with) the directory of `run`. Raises CannotStart with a sentence that says what to do.

    The data are hard links to the frozen files where the file system allows it; a stage never writes to them.
    """
    directory = RunDir(artifact(run.path or run_path(run.pk)))
    directory.path.mkdir(parents=True, exist_ok=True)
    directory.result.unlink(missing_ok=True)
    try:
        config = parse_config(STAGES[run.stage], {**run.config, **resolved_inputs(run)})
    except ConfigError as error:
        raise CannotStart(_("The settings do not fit this version of Volant: %(why)s") % {"why": str(error)}) from error
    write_atomically(directory.config, dump_config(config))
    if run.dataset is not None:
        source = artifact(run.dataset.path)
        if not source.is_dir():
            raise CannotStart(
                _("The files of dataset %(dataset)s are not at %(path)s any more; freeze it again.")
                % {"dataset": run.dataset, "path": source}
            )
        if name := changed_file(source, run.dataset.manifest.get("files", {})):
            raise CannotStart(
                _("%(name)s of dataset %(dataset)s is not the file that was frozen; freeze it again, or put it back.")
                % {"name": name, "dataset": run.dataset}
            )
        link_tree(source, directory.data)
    return directory


def wait_until_free(directory: RunDir, *, seconds: float = 60.0) -> None:
    """Wait until no other process holds the directory's lock (the child of a worker that fell silent may linger)."""
    deadline = time.monotonic() + seconds
    with (directory.path / ".lock").open("w") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise CannotStart(
                        _("Another process still works in %(path)s; stop it, then start a new run.")
                        % {"path": directory.path}
                    ) from None
                time.sleep(0.5)
            else:
                return
