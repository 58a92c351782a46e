"""Times and shares as people read them."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext

register = template.Library()


@register.filter
def duration(seconds: int | None) -> str:
    """Return "45 s", "12 min" or "3 h 05 min"; a dash for none, as for nothing known."""
    if not seconds:
        return "–"
    minutes = round(seconds / 60)
    if seconds < 60:
        return gettext("%(n)d s") % {"n": seconds}
    if minutes < 60:
        return gettext("%(n)d min") % {"n": minutes}
    return gettext("%(h)d h %(m)02d min") % {"h": minutes // 60, "m": minutes % 60}


@register.filter
def percent(share: float) -> str:
    """Return "33 %" for a third."""
    return f"{round(share * 100)} %"
