"""The formats by name, and telling them apart by their keys."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from labeling.importing import belle_eval, mt_bench, self_instruct, volant
from labeling.importing.parsed import Format, LineRefused

AUTO = "auto"
FORMATS: dict[str, Format] = {
    module.FORMAT.name: module.FORMAT for module in (volant, self_instruct, mt_bench, belle_eval)
}


def detect(record: dict[str, Any]) -> Format:
    """Return the format of a record by its keys. Raises LineRefused when none fits."""
    for known in FORMATS.values():
        if known.recognises(record):
            return known
    keys = ", ".join(sorted(str(key)[:40] for key in record)[:6]) or _("none")
    raise LineRefused(_("no known format has these keys: %(keys)s") % {"keys": keys})
