"""From bytes to JSON objects, one line at a time, whatever the file holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from django.utils.translation import gettext as _

from labeling.exceptions import ImportRefused
from labeling.importing.parsed import LineRefused

LONGEST_LINE = 1_000_000
_BOM = b"\xef\xbb\xbf"
_COMPRESSED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
"""How gzip, zip (and so a spreadsheet), bzip2, xz and zstandard begin."""


class Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


@dataclass
class Line:
    """A line that is not blank: `number` counts from 1 and counts blank ones."""

    number: int
    content: bytes | None
    """None when the line is longer than `LONGEST_LINE` bytes."""

    def record(self) -> dict[str, Any]:
        """Return the line's JSON object. Raises LineRefused."""
        if self.content is None:
            raise LineRefused(_("longer than 1 MB; is this really one prompt a line?"))
        try:
            text = self.content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise LineRefused(_("not UTF-8 text (byte %(n)d of the line)") % {"n": error.start + 1}) from error
        try:
            value = json.loads(text, object_pairs_hook=_each_key_once)
        except RecursionError as error:
            raise LineRefused(_("nested too deeply")) from error
        except LineRefused:
            raise
        except ValueError as error:
            raise LineRefused(_("not JSON: %(error)s") % {"error": str(error)[:120]}) from error
        if not isinstance(value, dict):
            raise LineRefused(_("not a JSON object; the file must have one object a line (JSON Lines)"))
        return value


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; were one of two values under the same key taken, the other would be lost in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for number, (key, _value) in enumerate(pairs) if key in dict(pairs[:number]))
        raise LineRefused(_("the key %(key)s stands there twice") % {"key": twice[:40]})
    return found


def _refuse_other_than_text(first: bytes) -> None:
    """Raise ImportRefused for a file that no line of which could be read, and say what it is instead."""
    if first.startswith(_COMPRESSED):
        raise ImportRefused(fields={"file": [_("This file is compressed. Unpack it, then import what was in it.")]})
    if first.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in first[:4]:
        raise ImportRefused(fields={"file": [_("This file is text in UTF-16 or UTF-32. Save it as UTF-8.")]})


@dataclass
class LineReader:
    """Reads lines and hashes what it read. Holds one line at a time, and never more than 1 MB of it.

    Raises ImportRefused for a file that is compressed, or text in an encoding with a NUL in every second byte.
    """

    source: IO[bytes] | IO[str] | Iterable[bytes | str]
    digest: Digest = field(default_factory=hashlib.sha256)

    def __iter__(self) -> Iterator[Line]:
        for number, raw in enumerate(self._lines(), start=1):
            content = raw
            if content is not None and number == 1:
                _refuse_other_than_text(content)
                content = content.removeprefix(_BOM)
            if content is None or content.strip():
                yield Line(number, content)

    def _lines(self) -> Iterator[bytes | None]:
        readline = getattr(self.source, "readline", None)
        if readline is None:
            for piece in self.source:
                raw = self._bytes(piece)
                yield raw if len(raw) <= LONGEST_LINE else None
            return
        while raw := self._bytes(readline(LONGEST_LINE + 1)):
            if len(raw) <= LONGEST_LINE or raw.endswith(b"\n"):
                yield raw if len(raw) <= LONGEST_LINE else None
                continue
            while raw and not raw.endswith(b"\n"):
                raw = self._bytes(readline(LONGEST_LINE))
            yield None

    def _bytes(self, piece: bytes | str) -> bytes:
        raw = piece.encode("utf-8", "surrogatepass") if isinstance(piece, str) else piece
        self.digest.update(raw)
        return raw
