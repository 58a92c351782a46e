"""Says what went wrong with a run, in a sentence that a person can act on."""

from __future__ import annotations

import re
import signal

from django.utils.translation import gettext as _

_MEMORY = re.compile(r"out of memory|cannot allocate memory|MemoryError|std::bad_alloc|DefaultCPUAllocator", re.I)
_DISK = re.compile(
    r"No space left on device|StorageFull|Disk quota exceeded|PytorchStreamWriter failed|inline_container", re.I
)
_NEARLY_NOTHING = 16 * 2**20
"""Bytes. With less the log itself may have lost its last words."""
_MENDABLE = 2
"""A stage's exit code for what the reader of its last line can mend: config, data, checkpoint."""


def last_words(log_tail: str) -> str:
    """Return the last line of the log that says something."""
    lines = [line.strip() for line in log_tail.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def explain(stage: str, code: int, log_tail: str, *, free: int | None = None) -> str:
    """Return why a stage that ended with `code` (negative: by that signal) and without a result failed.

    `free` is what the disk of the run directory has left, in bytes.
    """
    words = last_words(log_tail)
    if _DISK.search(log_tail) or (code == 1 and free is not None and free < _NEARLY_NOTHING):
        return _(
            "The disk of the runs is full. Delete what is not needed, or lower keep_checkpoints; then start a new run. "
            "The checkpoints that were written are whole."
        )
    if code == -signal.SIGKILL:
        return _(
            "The system killed this run (signal 9), most often because memory ran out. Lower micro_batch_size, "
            "batch_size or max_length, or use a machine with more memory."
        )
    if _MEMORY.search(log_tail):
        return _("Memory ran out. Lower micro_batch_size, batch_size or max_length. The log ends: %(words)s") % {
            "words": words
        }
    if code == _MENDABLE:
        return words.removeprefix(f"{stage}: ") or _("The stage refused its settings or data without a word.")
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return _("The stage was ended by signal %(name)s. The log ends: %(words)s") % {"name": name, "words": words}
    if code == 0:
        return _("The stage ended without result.json. The log ends: %(words)s") % {"words": words}
    return _("The stage failed (exit code %(code)s). The log ends: %(words)s") % {"code": code, "words": words}
