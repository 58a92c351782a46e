"""Changing one's keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.exceptions import InvalidInput
from accounts.keymap import ACTIONS, DEFAULTS, NAMED_KEYS, is_key, is_taken, keys_of, what_differs
from accounts.models import User


def set_keys(
    *, user: User, keys: Mapping[str, str] | None = None, off: bool | None = None, swap_digits: bool | None = None
) -> User:
    """Change a person's keys; what is left out stays, an empty key is the default again.

    Raises InvalidInput naming the actions whose key cannot be: unknown, taken by the answers, or given twice.
    """
    wanted = {name: str(key).strip() or DEFAULTS.get(name, "") for name, key in (keys or {}).items()}
    merged = {**keys_of(user.keymap), **{name: key for name, key in wanted.items() if name in ACTIONS}}
    problems: dict[str, list[Any]] = {name: [_("There is no such action.")] for name in wanted if name not in ACTIONS}
    for name, key in merged.items():
        if not is_key(key):
            problems[name] = [_("Press one key: a character, or %(keys)s.") % {"keys": ", ".join(NAMED_KEYS)}]
        elif is_taken(key):
            problems[name] = [_("%(key)s leads to an answer or ranks it; choose another key.") % {"key": key}]
        elif other := next((o for o, k in merged.items() if o != name and k.casefold() == key.casefold()), None):
            problems[name] = [
                _("%(key)s is also the key of “%(other)s”; choose another one.") % {"key": key, "other": ACTIONS[other]}
            ]
    if problems:
        raise InvalidInput(fields=problems)
    user.keymap = what_differs(
        merged,
        off=bool(user.keymap.get("off")) if off is None else off,
        swap_digits=bool(user.keymap.get("swap_digits")) if swap_digits is None else swap_digits,
    )
    user.save(update_fields=["keymap"])
    return user


def reset_keys(*, user: User) -> User:
    """Forget what a person changed."""
    user.keymap = {}
    user.save(update_fields=["keymap"])
    return user
