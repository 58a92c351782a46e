"""A label that a dataset has taken in is frozen: from then on it is not revised, so the dataset stays what it says."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from labeling.exceptions import AnswerFrozen
from labeling.models import Comparison, Demonstration, Prompt, WrittenPrompt
from labeling.models.answer import Answer

_BATCH = 5000


def mark_frozen(
    *,
    demonstrations: Collection[int] = (),
    comparisons: Collection[int] = (),
    prompts: Collection[int] = (),
    at: datetime,
) -> None:
    """Note on labels, by pk, when a dataset first took them in. Call it in the transaction that makes the dataset.

    `prompts` are the prompts that stand in it: what a labeler wrote them as is a label too.

    One that was revised between the reading and now is marked all the same: the dataset holds that revision. Its
    successor is not.
    """
    # Before the demonstrations: mending a written prompt locks it first and then what was made of it.
    written = Prompt.objects.filter(pk__in=prompts).exclude(written=None).values_list("written_id", flat=True)
    _mark(WrittenPrompt, {pk for pk in written if pk is not None}, at)
    _mark(Demonstration, demonstrations, at)
    _mark(Comparison, comparisons, at)


def _mark(model: type[Answer], pks: Collection[int], at: datetime) -> None:
    # In one order, so that two freezes cannot wait for each other.
    ordered = sorted(pks)
    for start in range(0, len(ordered), _BATCH):
        batch = ordered[start : start + _BATCH]
        model._default_manager.filter(pk__in=batch, frozen_at=None).update(frozen_at=at)


def refuse_frozen(answer: Answer) -> None:
    """Raise AnswerFrozen for a label, locked by the caller, that a dataset holds."""
    if answer.frozen_at is not None:
        raise AnswerFrozen
