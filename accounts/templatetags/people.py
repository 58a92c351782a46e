"""What templates ask about the person who reads the page: what they may do, and how they like it shown."""

from __future__ import annotations

import json

from django import template
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from accounts import keymap, permissions
from accounts.models import User

register = template.Library()

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "theme"

register.filter("can_label", permissions.can_label)
register.filter("can_review", permissions.can_review)
register.filter("can_research", permissions.can_research)
register.filter("can_manage_people", permissions.can_manage_people)


def theme_of(request: HttpRequest | None) -> str:
    """Return the theme that the reader chose, "auto" unless it is a known one: the cookie is theirs to write."""
    chosen = request.COOKIES.get(THEME_COOKIE, "auto") if request is not None else "auto"
    return chosen if chosen in THEMES else "auto"


@register.simple_tag(takes_context=True)
def theme(context: template.Context) -> str:
    return theme_of(context.get("request"))


@register.filter
def keymap_json(user: User | AnonymousUser) -> str:
    """Return the reader's keys for the pages' script."""
    return json.dumps(keymap.for_page(user.keymap if isinstance(user, User) else {}))


@register.filter
def keys(user: User | AnonymousUser) -> dict[str, str]:
    """Return the reader's key of each action: ``{{ user|keys }}`` has ``.next``, ``.tie`` …"""
    return keymap.keys_of(user.keymap if isinstance(user, User) else {})


@register.filter
def initials(user: User | AnonymousUser) -> str:
    """Return one or two letters for a person: "Ada Lovelace" → "AL", "李雷" → "李"."""
    words = str(user).split()
    if not words:
        return "?"
    letters = words[0][0] + (words[-1][0] if len(words) > 1 else "")
    return letters.upper()
