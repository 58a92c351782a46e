"""From what a labeler clicked to a stored weak order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from labeling.exceptions import AnswerRefused
from labeling.models import CompareMode

HIGHEST_RANK = 12
LEVELS = {CompareMode.STRENGTH: 4, CompareMode.SEVEN_POINT: 3}
"""How many strengths a preference has in each mode for pairs."""


def mode_for(mode: str, outputs: int) -> CompareMode:
    """Return how a task is judged: a pair mode wants exactly two outputs; a task that has more is ranked."""
    return CompareMode(mode) if outputs == 2 else CompareMode.RANKING


def competition_ranks(ranks: Mapping[int, int]) -> dict[int, int]:
    """Return the same weak order with ranks 1, 2, 2, 4: one more than how many are better."""
    return {key: 1 + sum(other < rank for other in ranks.values()) for key, rank in ranks.items()}


def check_ranks(given: Mapping[int, Any], outputs: Collection[int]) -> dict[int, int]:
    """Return competition ranks for exactly `outputs`. Raises AnswerRefused."""
    refuse_foreign(given, outputs)
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


def check_strength(
    given: Any, shown: Sequence[int], *, mode: str, ranks: Mapping[int, Any], none_acceptable: bool
) -> tuple[dict[int, int], int | None]:
    """Return the ranks of a pair in the order shown, and the strength without its sign. Raises AnswerRefused.

    Who says that none of the two is acceptable may leave the preference out: then they tie and the strength is null,
    which is not the 0 of who called them equal. Ranks that were sent besides must say the same.
    """
    levels, (first, second) = LEVELS[CompareMode(mode)], shown
    refuse_foreign(ranks, shown)
    if given is None and none_acceptable:
        return {first: 1, second: 1}, None
    if given is None:
        raise AnswerRefused(
            _("Say which of the two is better and by how much, or that they tie."),
            fields={"strength": [_("Choose one of the answers, or the tie.")]},
        )
    if isinstance(given, bool) or not isinstance(given, int) or abs(given) > levels:
        sentence = _("A strength is a whole number from -%(n)d (the first is better) to %(n)d (the second is).")
        raise AnswerRefused(fields={"strength": [sentence % {"n": levels}]})
    derived = competition_ranks({first: given, second: -given})
    if ranks and check_ranks(ranks, shown) != derived:
        raise AnswerRefused(fields={"ranks": [_("The ranks say something else than the strength. Leave them out.")]})
    return derived, abs(given)


def signed_strength(shown: Sequence[int], ranks: Mapping[int, int], strength: int | None) -> int | None:
    """Return a stored strength as the page has it: negative when the output shown first is better."""
    if strength is None:
        return None
    return -strength if ranks[shown[0]] < ranks[shown[1]] else strength


def refuse_foreign(given: Collection[int], outputs: Collection[int]) -> None:
    """Raise AnswerRefused when something is said of an output that the task does not have."""
    if set(given) - set(outputs):
        raise AnswerRefused(_("This answer names an output of another task. Reload the page."), code="foreign_output")
