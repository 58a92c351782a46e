"""Which metrics of a run share a chart. Metrics that are not named here get a chart of their own, further down."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _


def curve_plan() -> list[dict[str, Any]]:
    """Return the charts that people look at first, in order: ``{"title", "hint", "series": [{"name", "label"}]}``."""

    def chart(title: str, *series: tuple[str, str], hint: str = "") -> dict[str, Any]:
        return {"title": title, "hint": hint, "series": [{"name": name, "label": label} for name, label in series]}

    train, held_out = _("train"), _("held out")
    return [
        chart(_("Loss"), ("loss", train), ("valid_loss", held_out)),
        chart(_("Pair accuracy"), ("accuracy", train), ("valid_accuracy", held_out)),
        chart(_("Score"), ("score", _("score")), ("reward", _("score − β·KL"))),
        chart(_("KL"), ("kl", _("KL")), hint=_("nats an answer")),
        chart(_("Reward"), ("reward_mean", _("mean")), ("reward_std", _("deviation"))),
        chart(_("Policy loss"), ("policy_loss", _("policy"))),
        chart(_("Value loss"), ("value_loss", _("value"))),
        chart(_("Answer length"), ("length", _("tokens")), hint=_("in tokens")),
        chart(_("Finished answers"), ("finished", _("share"))),
        chart(_("Entropy"), ("entropy", _("entropy"))),
    ]


HEADLINE = frozenset(
    {
        "best_valid_loss", "accuracy", "pairs", "score", "score_first", "kl", "length", "finished", "demonstrations",
        "samples", "left_out",
    }
)  # fmt: skip
"""Final metrics that stand above the curves; the others are in the table."""
