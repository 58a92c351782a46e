"""How conversations, answers and forms are shown; every page renders text through here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from labeling.rendering import render_markdown

register = template.Library()

_TONES: Mapping[str, str] = {
    "queued": "neutral", "open": "busy", "active": "busy", "held": "busy", "claimed": "busy", "starting": "busy",
    "running": "busy", "cancelling": "warn", "submitted": "ok", "done": "ok", "succeeded": "ok", "finished": "ok",
    "promoted": "ok", "frozen": "ok", "accepted": "ok", "expired": "warn", "skipped": "neutral", "released": "neutral",
    "cancelled": "neutral", "withdrawn": "neutral", "closed": "neutral", "paused": "warn", "failed": "bad",
    "lost": "bad",
}  # fmt: skip


@register.filter
def markdown(text: str) -> SafeString:
    """Return sanitised HTML for Markdown that a person or a model wrote."""
    return render_markdown(text or "")


@register.filter
def letter(position: int) -> str:
    """Return the name of an output by the place it is shown in: 1 → "A"."""
    return chr(ord("A") + int(position) - 1)


@register.filter
def tone(state: str) -> str:
    """Return the badge tone of a state; unknown states are neutral."""
    return _TONES.get(str(state), "neutral")


@register.filter
def role_name(role: str) -> str:
    """Return how a turn's author is called on the page."""
    names = {"user": gettext("User"), "assistant": gettext("Assistant"), "system": gettext("System")}
    return names.get(role, role)


@register.filter
def widget_kind(field: BoundField) -> str:
    """Return "check", "group" or "input": how a field's label and help stand around its widget."""
    if isinstance(field.field.widget, CheckboxInput):
        return "check"
    return "group" if field.use_fieldset else "input"


@register.filter
def with_aria(field: BoundField) -> SafeString:
    """Render a field's widget; Django 5.2 adds aria-describedby and aria-invalid where they are due."""
    attributes: dict[str, Any] = {}
    if field.errors and not field.use_fieldset:
        attributes["aria-describedby"] = f"{field.auto_id}_error" + (
            f" {field.auto_id}_helptext" if field.help_text else ""
        )
    return field.as_widget(attrs=attributes)
