"""Which key does what while labeling: defaults, and what a person changed.

Plain data. `User.keymap` keeps only what differs: ``{"off": true, "swap_digits": true, "keys": {"next": "n"}}``.
Letters A to L lead to the answers of that letter and digits rank or rate, so those cannot be given away; Ctrl+Enter
always submits. All keys of one character can be turned off (WCAG 2.2, success criterion 2.1.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

ACTIONS = {
    "next": _("next answer"),
    "previous": _("previous answer"),
    "tie": _("tie it with the one you ranked before"),
    "clear": _("clear the answer you are at"),
    "undo": _("undo"),
    "raw": _("raw text"),
    "help": _("list of keys"),
}
"""What has a key that can be changed, and what it does, in a few words."""

DEFAULTS = {
    "next": "]",
    "previous": "[",
    "tie": "=",
    "clear": "Delete",
    "undo": "z",
    "raw": "v",
    "help": "?",
}
NAMED_KEYS = ("Delete", "Backspace", "Insert", "Home", "End", "PageUp", "PageDown", "F2", "F4", "F6", "F7", "F8", "F9")
"""Keys without a character that may be chosen; the others move, scroll or belong to the browser."""

LETTERS_OF_ANSWERS = "abcdefghijkl"


def keys_of(keymap: Mapping[str, Any]) -> dict[str, str]:
    """Return the key of every action as a person has it. What is no key any more is the default again."""
    changed = keymap.get("keys")
    chosen = changed if isinstance(changed, dict) else {}
    return {name: str(chosen.get(name) or key) for name, key in DEFAULTS.items()}


def is_key(key: str) -> bool:
    """Whether a key may be given to an action: one visible character or a named key."""
    return key in NAMED_KEYS or (len(key) == 1 and key.isprintable() and not key.isspace())


def is_taken(key: str) -> bool:
    """Whether a key is one that leads to an answer or ranks."""
    return key.casefold() in LETTERS_OF_ANSWERS or key.isdecimal()


def what_differs(keys: Mapping[str, str], *, off: bool, swap_digits: bool) -> dict[str, Any]:
    """Return what `User.keymap` keeps."""
    changed = {name: key for name, key in keys.items() if key != DEFAULTS[name]}
    stored: dict[str, Any] = {"keys": changed} if changed else {}
    return stored | ({"off": True} if off else {}) | ({"swap_digits": True} if swap_digits else {})


def for_page(keymap: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole keymap for the pages' script and the API."""
    return {
        "keys": keys_of(keymap),
        "off": bool(keymap.get("off")),
        "swap_digits": bool(keymap.get("swap_digits")),
    }
