"""The JSON Lines records that go into and come out of the stages. Standard library only.

``messages`` is the chat form of TRL and OpenAI: ``[{"role": "user", "content": "..."}, ...]``. Only ``prompt``
and the field a record is named after are required when a file is written by hand.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

ROLES = ("system", "user", "assistant")
WORST_RANK = 1000
"""Ranks need not be without gaps, so this is far above the number of completions."""

Messages = list[dict[str, str]]


_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class RecordError(ValueError):
    """A record that cannot be used; the message names the file's line and what to mend."""


def check_messages(value: Any) -> Messages:
    """Return `value` if it is a conversation that ends with a user turn.

    Raises RecordError naming what is wrong: an empty list, an unknown role, an empty or non-text content,
    a system turn that is not first, or a last turn that is not the user's.
    """
    if not isinstance(value, list) or not value:
        raise RecordError("messages must be a list with at least one turn")
    for position, message in enumerate(value):
        if not isinstance(message, dict) or set(message) != {"role", "content"}:
            raise RecordError(f"turn {position + 1} must have exactly the keys role and content")
        if message["role"] not in ROLES:
            raise RecordError(
                f"turn {position + 1} has the unknown role {message['role']!r}; use one of {', '.join(ROLES)}"
            )
        if not isinstance(message["content"], str) or not message["content"].strip():
            raise RecordError(f"turn {position + 1} has no text")
        _check_text(message["content"], f"turn {position + 1}")
        if message["role"] == "system" and position:
            raise RecordError("a system turn may only be the first")
    if value[-1]["role"] != "user":
        raise RecordError("the last turn must be the user's")
    return value


def _check_text(value: Any, name: str) -> None:
    """Refuse what is no text, and half of a surrogate pair, which JSON can write and no tokenizer can read."""
    if not isinstance(value, str):
        raise RecordError(f"{name} must be text, not {str(value)[:40]!r}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise RecordError(f"{name} has broken Unicode (character {error.start + 1})") from error


def _check_weight(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise RecordError(f"weight must be a number of 0 or more, not {value!r}")


@dataclass(frozen=True)
class Demonstration:
    """An answer written by a person: what SFT learns from."""

    prompt: Messages
    completion: str
    id: str = ""
    source: str = "labeler"
    key: str = ""
    labeler: str = ""
    weight: float = 1.0
    simulated: bool = False

    def __post_init__(self) -> None:
        check_messages(self.prompt)
        _check_weight(self.weight)
        if not isinstance(self.completion, str) or not self.completion.strip():
            raise RecordError("completion is empty")
        for name in ("completion", "id", "source", "key", "labeler"):
            _check_text(getattr(self, name), name)


@dataclass(frozen=True)
class Comparison:
    """One labeler's weak order over 2 to 12 completions: what the reward model learns from.

    ``ranks[i]`` belongs to ``completions[i]``; a lower rank is better, equal ranks are a tie. Pairs are derived.
    """

    prompt: Messages
    completions: list[str]
    ranks: list[int]
    id: str = ""
    source: str = "labeler"
    key: str = ""
    labeler: str = ""
    weight: float = 1.0
    simulated: bool = False
    finished: list[bool] | None = None
    """Whether completion i ended by itself (with EOS), not by a length limit; None means all did."""
    strength: int | None = None
    """Of a pair: by how much its better one is, from 0 (a tie) to `strength_levels`. A labeler's edit may stand above
    the pair as a third completion; the strength is that of the lower two."""
    strength_levels: int | None = None

    def __post_init__(self) -> None:
        check_messages(self.prompt)
        _check_weight(self.weight)
        if not isinstance(self.completions, list) or any(not isinstance(c, str) for c in self.completions):
            raise RecordError("completions must be a list of texts")
        if not 2 <= len(self.completions) <= 12:
            raise RecordError(f"a comparison has 2 to 12 completions, not {len(self.completions)}")
        for number, completion in enumerate(self.completions, start=1):
            _check_text(completion, f"completion {number}")
        self._check_ranks()
        if self.finished is not None:
            if not isinstance(self.finished, list) or any(not isinstance(mark, bool) for mark in self.finished):
                raise RecordError("finished must be a list of true and false")
            if len(self.finished) != len(self.completions):
                raise RecordError(f"{len(self.completions)} completions but {len(self.finished)} finished marks")
        for name in ("id", "source", "key", "labeler"):
            _check_text(getattr(self, name), name)
        self._check_strength()

    def _check_ranks(self) -> None:
        if not isinstance(self.ranks, list):
            raise RecordError("ranks must be a list of whole numbers from 1 (the best)")
        if len(self.ranks) != len(self.completions):
            raise RecordError(f"{len(self.completions)} completions but {len(self.ranks)} ranks")
        if any(
            not isinstance(rank, int) or isinstance(rank, bool) or not 1 <= rank <= WORST_RANK for rank in self.ranks
        ):
            raise RecordError(f"ranks must be whole numbers from 1 (the best) to {WORST_RANK}")

    def _check_strength(self) -> None:
        if self.strength is None and self.strength_levels is None:
            return
        strength, levels = self.strength, self.strength_levels
        if type(strength) is not int or type(levels) is not int or not 0 <= strength <= levels:
            raise RecordError("strength must be a whole number from 0 (a tie) to strength_levels")
        *above, better, worse = sorted(self.ranks)
        if len(above) > 1 or (above and above[0] == better):
            raise RecordError("strength belongs to a pair, above which at most one edited completion stands")
        if (strength == 0) != (better == worse):
            raise RecordError("strength is 0 for a tie and more than 0 for a preference")

    def pairs(self) -> list[tuple[int, int]]:
        """Return (better, worse) index pairs; ties yield none. At most K(K-1)/2 of them."""
        indices = range(len(self.ranks))
        return [(i, j) for i in indices for j in indices if self.ranks[i] < self.ranks[j]]


@dataclass(frozen=True)
class Prompt:
    """A conversation that ends with a user turn: what PPO and ``generate`` start from."""

    prompt: Messages
    id: str = ""
    source: str = "labeler"
    key: str = ""

    def __post_init__(self) -> None:
        check_messages(self.prompt)
        for name in ("id", "source", "key"):
            _check_text(getattr(self, name), name)


@dataclass(frozen=True)
class Text:
    """One document for pretraining."""

    text: str
    id: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not self.text:
            raise RecordError("text is empty")
        _check_text(self.text, "text")


@dataclass(frozen=True)
class Sample:
    """One completion that ``generate`` drew: the ids are the ones that were sampled."""

    prompt_id: str
    completion: str
    id: str = ""
    tokens: list[int] = field(default_factory=list)
    finish_reason: str = "stop"
    """``stop``: ended with EOS (the last of `tokens`). ``length``: cut at the limit."""
    seed: int = 0
    temperature: float = 1.0
    top_p: float = 1.0
    checkpoint: str = ""
    """The policy's name as `GenerateConfig.policies` gives it."""


Record = TypeVar("Record", Demonstration, Comparison, Prompt, Text, Sample)


def parse_record(kind: type[Record], value: Any) -> Record:
    """Build a record from a decoded JSON value. Unknown keys and missing required ones raise RecordError."""
    if not isinstance(value, dict):
        raise RecordError("each line must be a JSON object")
    known = {f.name for f in fields(kind)}
    unknown = sorted(set(value) - known)
    if unknown:
        raise RecordError(f"unknown key {unknown[0]!r}; a {kind.__name__.lower()} has {', '.join(sorted(known))}")
    for f in fields(kind):
        if f.name not in value and f.default is MISSING and f.default_factory is MISSING:
            raise RecordError(f"the key {f.name!r} is missing")
    return kind(**value)


def read_records(kind: type[Record], path: Path) -> Iterator[Record]:
    """Yield the records of a JSON Lines file; the first bad line raises RecordError with its number.

    So does a file that cannot be opened. A byte order mark, as Windows' editors write it, is passed over.
    """
    try:
        opened = path.open("rb")
    except OSError as error:
        raise RecordError(
            f"{path.parent.name}/{path.name} cannot be read ({error.strerror}): put the records there, one a line"
        ) from error
    with opened as stream:
        for number, raw in enumerate(stream, start=1):
            line = raw.removeprefix(_BYTE_ORDER_MARK) if number == 1 else raw
            if not line.strip():
                continue
            try:
                record = parse_record(kind, json.loads(line.decode()))
            except RecursionError:
                raise RecordError(f"{path.name} line {number}: nested too deeply") from None
            except ValueError as error:
                raise RecordError(f"{path.name} line {number}: {error}") from error
            yield record


def record_line(record: Any) -> str:
    """Return the canonical line of a record: sorted keys, no spaces, UTF-8 as it is, one newline.

    What is None is left out, so a field that came later leaves the bytes of records without it as they were.
    """
    values = {name: value for name, value in asdict(record).items() if value is not None}
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n"


def write_records(path: Path, records: Iterable[Any]) -> tuple[int, str]:
    """Write records as canonical lines and return (how many, sha256 of the file)."""
    digest, count = hashlib.sha256(), 0
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for record in records:
            line = record_line(record)
            stream.write(line)
            digest.update(line.encode())
            count += 1
    return count, digest.hexdigest()


def split_of(key: str, valid_share: float) -> str:
    """Return ``train`` or ``valid`` for a key: a hash, so it never changes when data is added.

    The first 8 bytes of sha256(key) as a fraction of 2^64 are compared with `valid_share` (0 to 1).
    """
    fraction = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) / 2**64
    return "valid" if fraction < valid_share else "train"
