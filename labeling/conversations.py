"""What a conversation is: turns of system, user and assistant that end with the user's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

ROLES = ("system", "user", "assistant")
Messages = list[dict[str, str]]


class ConversationError(ValueError):
    """Not a conversation that can be a prompt; the message says which turn and why."""


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold the text: no NUL and no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def storable(text: str) -> str:
    """Return the text without what PostgreSQL cannot hold; nothing that a person can type is lost."""
    return text if is_storable(text) else text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def storable_json(value: Any) -> Any:
    """Return a JSON value with every text in it made `storable`."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(str(key)): storable_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [storable_json(inner) for inner in value]
    return value


def check_messages(value: Any) -> Messages:
    """Return `value` if it is a conversation that ends with a user turn; raises ConversationError."""
    if not isinstance(value, list) or not value:
        raise ConversationError(_("messages must be a list with at least one turn"))
    for number, message in enumerate(value, start=1):
        if not isinstance(message, dict) or set(message) != {"role", "content"}:
            raise ConversationError(_("turn %(n)d must have exactly the keys role and content") % {"n": number})
        if message["role"] not in ROLES:
            raise ConversationError(
                _("turn %(n)d has the unknown role %(role)r; use one of %(roles)s")
                % {"n": number, "role": message["role"], "roles": ", ".join(ROLES)}
            )
        if message["role"] == "system" and number > 1:
            raise ConversationError(_("a system turn may only be the first"))
        check_text(message["content"], _("turn %(n)d") % {"n": number})
    if value[-1]["role"] != "user":
        raise ConversationError(_("the last turn must be the user's"))
    return value


def check_text(value: Any, what: str) -> str:
    """Return `value` if it is text with something in it; raises ConversationError that names `what`."""
    if not isinstance(value, str) or not value.strip():
        raise ConversationError(_("%(what)s has no text") % {"what": what})
    if not is_storable(value):
        raise ConversationError(_("%(what)s has a NUL byte or broken Unicode") % {"what": what})
    return value


def with_reference(messages: Messages, reference: str) -> Messages:
    """Return the conversation with a reference passage under its last turn; without one, as it is."""
    if not reference:
        return messages
    last = messages[-1]
    return [*messages[:-1], {**last, "content": f"{last['content']}\n\n{reference}"}]


def fingerprint(messages: Messages, follow_ups: Sequence[str] = (), reference: str = "") -> str:
    """Return the sha256 of the canonical JSON of a prompt: what makes it one prompt in a project."""
    parts: dict[str, Any] = {"messages": messages, "follow_ups": list(follow_ups)}
    if reference:  # left out when there is none: prompts from before references existed keep their hash
        parts["reference"] = reference
    canonical = json.dumps(
        parts,
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(canonical.encode()).hexdigest()
