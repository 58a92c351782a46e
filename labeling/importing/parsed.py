"""What every format is read into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from labeling.conversations import Messages, is_storable
from labeling.models import Source


class LineRefused(ValueError):
    """A line that cannot be imported; the message is what the report shows."""


@dataclass(frozen=True)
class PromptDefaults:
    """What a record that does not say it itself gets.

    `key` empty: the record's id, else its hash. `language` empty: guessed from the text. `with_demonstrations`: the
    answers that a format carries become demonstrations of an external labeler, named `external_labeler` or the format.
    """

    source: str = Source.LABELER
    key: str = ""
    category: str = ""
    language: str = ""
    licence: str = ""
    with_demonstrations: bool = False
    external_labeler: str = ""


@dataclass(frozen=True)
class ParsedPrompt:
    """One prompt of a line. Empty fields take the defaults; `answer` is a demonstration that came with it."""

    messages: Messages
    follow_ups: tuple[str, ...] = ()
    external_id: str = ""
    source: str = ""
    key: str = ""
    category: str = ""
    language: str = ""
    licence: str = ""
    answer: str = ""
    reference: str = ""
    skill: str = ""
    sensitive: bool = False


@dataclass(frozen=True)
class Format:
    """A file format: its name, the keys that tell it from others, and its parser."""

    name: str
    recognises: Callable[[dict[str, Any]], bool]
    parse: Callable[[dict[str, Any]], list[ParsedPrompt]] = field(repr=False)
    """Raises LineRefused or ConversationError."""


def text_field(record: dict[str, Any], name: str, *, longest: int = 200) -> str:
    """Return a short text or number of a record as text, "" when absent. Raises LineRefused."""
    value = record.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise LineRefused(f"{name} must be text")
    text = str(value).strip()
    if not is_storable(text) or len(text) > longest:
        raise LineRefused(f"{name} must be at most {longest} characters without NUL bytes or broken Unicode")
    return text
