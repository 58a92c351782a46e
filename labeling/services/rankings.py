"""From what a labeler clicked to a stored weak order."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from labeling.exceptions import AnswerRefused

HIGHEST_RANK = 12
QUALITIES = range(1, 8)


def competition_ranks(ranks: Mapping[int, int]) -> dict[int, int]:
    """Return the same weak order with ranks 1, 2, 2, 4: one more than how many are better."""
    return {key: 1 + sum(other < rank for other in ranks.values()) for key, rank in ranks.items()}


def check_ranks(given: Mapping[int, Any], outputs: Collection[int]) -> dict[int, int]:
    """Return competition ranks for exactly `outputs`. Raises AnswerRefused."""
    _refuse_foreign(given, outputs)
    missing = [output for output in outputs if given.get(output) is None]
    if missing:
        raise AnswerRefused(
            _("%(n)d of %(k)d outputs have no rank. Rank every output; equal ranks are a tie.")
            % {"n": len(missing), "k": len(outputs)},
            fields={"ranks": [_("Rank every output.")]},
        )
    for rank in given.values():
        if isinstance(rank, bool) or not isinstance(rank, int) or not 1 <= rank <= HIGHEST_RANK:
            raise AnswerRefused(fields={"ranks": [_("A rank is a whole number from 1 (the best) to 12.")]})
    return competition_ranks(given)


def check_qualities(given: Mapping[int, Any], outputs: Collection[int], *, all_required: bool) -> dict[int, int | None]:
    """Return a quality for each output, None where unanswered. Raises AnswerRefused."""
    _refuse_foreign(given, outputs)
    for quality in given.values():
        if quality is not None and (
            isinstance(quality, bool) or not isinstance(quality, int) or quality not in QUALITIES
        ):
            raise AnswerRefused(fields={"qualities": [_("A quality is a whole number from 1 to 7.")]})
    qualities = {output: given.get(output) for output in outputs}
    if all_required and None in qualities.values():
        raise AnswerRefused(
            _("This project rates first: give every output a quality from 1 to 7."),
            fields={"qualities": [_("Rate every output.")]},
        )
    return qualities


def _refuse_foreign(given: Mapping[int, Any], outputs: Collection[int]) -> None:
    if set(given) - set(outputs):
        raise AnswerRefused(_("This answer names an output of another task. Reload the page."), code="foreign_output")
