"""How times, durations and measured numbers are written on the researchers' pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from training.models import Run, Stage

register = template.Library()


@register.filter
def duration(value: timedelta | float | None) -> str:
    """Return a time span as two units at most: "1.2 s", "3 min 12 s", "2 h 05 min"; empty for None."""
    if value is None:
        return ""
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    seconds = max(seconds, 0.0)
    if seconds < 9.95:
        return _("%(seconds)s s") % {"seconds": number_format(seconds, 1)}
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes_rest = divmod(minutes, 60)
    if not minutes:
        return _("%(seconds)s s") % {"seconds": whole}
    if not hours:
        return _("%(minutes)d min %(seconds)02d s") % {"minutes": minutes, "seconds": rest}
    return _("%(hours)d h %(minutes)02d min") % {"hours": hours, "minutes": minutes_rest}


@register.filter
def metric(value: Any) -> str:
    """Return a measured number with four significant digits, a dash for what is undefined."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        return number_format(int(value), use_l10n=True, force_grouping=True)
    return f"{value:.4g}"


@register.filter
def percent(value: float | None) -> str:
    """Return a share as a percentage with one decimal, a dash for what is undefined."""
    return "–" if value is None else _("%(number)s %%") % {"number": number_format(100 * value, 1)}


@register.filter
def item(mapping: Any, key: Any) -> Any:
    """Return ``mapping[key]``, None when there is none."""
    return mapping.get(key) if isinstance(mapping, dict) else None


@register.filter
def elapsed(run: Run) -> timedelta | None:
    """Return how long a run has been (or was) on a worker; None before it started."""
    if run.running_at is None:
        return None
    return (run.ended_at or timezone.now()) - run.running_at


@register.filter
def remaining(run: Run) -> timedelta | None:
    """Return an estimate of the time left, from the pace so far; None when there is nothing to go by.

    The hundredths of a conversion are parts of different length, so they have no pace.
    """
    if (
        run.stage == Stage.CONVERT
        or run.ended_at
        or not run.running_at
        or not 0 < run.progress_step <= run.progress_total
    ):
        return None
    spent: timedelta = timezone.now() - run.running_at
    return spent / run.progress_step * (run.progress_total - run.progress_step)


@register.filter
def iso(moment: datetime | None) -> str:
    """Return a time as <time datetime> wants it."""
    return moment.isoformat(timespec="seconds") if moment else ""


@register.filter
def last_lines(text: str, count: int) -> str:
    """Return the last lines of a log."""
    return "\n".join(text.splitlines()[-count:])


@register.filter
def metric_name(name: str) -> str:
    """Return how a metric or an input of a run is called on the page."""
    known = {
        "model": _("start from"), "reward_model": _("reward model"), "reference": _("reference"),
        "policies": _("policy"), "accuracy": _("held-out pair accuracy"), "best_valid_loss": _("held-out loss"),
        "valid_loss": _("held-out loss"), "loss": _("loss"), "score": _("score"),
        "score_first": _("score at the start"),
        "kl": _("KL"), "length": _("tokens an answer"), "finished": _("finished answers"),
        "demonstrations": _("demonstrations"), "pairs": _("pairs"), "left_out": _("prompts too long, left out"),
    }  # fmt: skip
    return known.get(name, name.replace("_", " "))
