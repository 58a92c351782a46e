"""Answers: submitting a demonstration or a comparison. `revisions` corrects them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from labeling.conversations import storable
from labeling.exceptions import AlreadyAnswered, AnswerRefused, AssignmentNotFound
from labeling.models import (
    Assignment,
    AssignmentState,
    Comparison,
    Demonstration,
    JudgedOutput,
    TaskKind,
)
from labeling.prompt_flags import check_flags
from labeling.services.drafts import keep_draft
from labeling.services.follow_ups import ask_follow_up
from labeling.services.leases import fill_slot, lock_lease
from labeling.services.rankings import check_qualities, check_ranks

MAX_ANSWER = 20_000
MAX_NOTE = 2_000


def check_answer_text(text: str) -> str:
    """Return the text as it is stored. Raises AnswerRefused when it is empty or longer than 20 000 characters."""
    clean = storable(text).replace("\r\n", "\n")
    if not clean.strip():
        empty = _("The answer is empty. Write one, or skip the task.")
        raise AnswerRefused(empty, fields={"text": [empty]})
    if len(clean) > MAX_ANSWER:
        sentence = _("The answer has %(n)d characters; at most %(max)d can be stored. Nothing is lost: shorten it.") % {
            "n": len(clean),
            "max": MAX_ANSWER,
        }
        raise AnswerRefused(sentence, fields={"text": [sentence]})
    return clean


def check_note(note: str) -> str:
    clean = storable(note).strip()
    if len(clean) > MAX_NOTE:
        sentence = _("A note has at most %(max)d characters.") % {"max": MAX_NOTE}
        raise AnswerRefused(sentence, fields={"note": [sentence]})
    return clean


def submit_demonstration(
    *, token: uuid.UUID | str, labeler: User, text: str, note: str = "", prompt_flags: list[str] | None = None
) -> Demonstration:
    """Store an answer and end the assignment. The same submission again returns the same row.

    After the lease ran out the answer is stored all the same, as surplus if somebody else has the slot by then. Raises
    AssignmentNotFound, AnswerRefused, or AlreadyAnswered for another text (which is kept as the draft).
    """
    text, note, flags = check_answer_text(text), check_note(note), check_flags(prompt_flags)
    with transaction.atomic():
        assignment = _lock(token=token, labeler=labeler, kind=TaskKind.WRITE)
        if assignment.state != AssignmentState.SUBMITTED:
            answer = Demonstration.objects.create(text=text, note=note, prompt_flags=flags, **_end(assignment))
            ask_follow_up(answer)
            return answer
        earlier = Demonstration.objects.filter(assignment=assignment)
        same = next((one for one in earlier.filter(text=text).order_by("revision") if one.prompt_flags == flags), None)
        if same is not None:
            return same
        keep_draft(assignment, {**assignment.draft, "text": text, "note": note, "prompt_flags": flags})
    # Raised only now: the text that came late is committed as the draft.
    raise AlreadyAnswered


def submit_comparison(
    *,
    token: uuid.UUID | str,
    labeler: User,
    ranks: Mapping[int, int],
    qualities: Mapping[int, int | None],
    none_acceptable: bool = False,
    note: str = "",
) -> Comparison:
    """Store ratings and a weak order over all outputs of the task; otherwise as `submit_demonstration`.

    `ranks` and `qualities` go by completion pk. A lower rank is better, equal ranks are a tie; stored as 1, 2, 2, 4.
    """
    note = check_note(note)
    with transaction.atomic():
        assignment = _lock(token=token, labeler=labeler, kind=TaskKind.COMPARE)
        order = [int(pk) for pk in assignment.shown_order]
        clean_ranks = check_ranks(ranks, order)
        clean_qualities = check_qualities(qualities, order, all_required=assignment.task.project.ratings_first)
        if assignment.state != AssignmentState.SUBMITTED:
            answer = Comparison.objects.create(none_acceptable=none_acceptable, note=note, **_end(assignment))
            judge(answer, order, clean_ranks, clean_qualities)
            return answer
        for earlier in Comparison.objects.filter(assignment=assignment).order_by("revision"):
            if _same(earlier, clean_ranks, clean_qualities, none_acceptable):
                return earlier
        keep_draft(
            assignment,
            {
                **assignment.draft,
                "ranks": {str(pk): rank for pk, rank in clean_ranks.items()},
                "qualities": {str(pk): quality for pk, quality in clean_qualities.items()},
                "none_acceptable": none_acceptable,
                "note": note,
            },
        )
    raise AlreadyAnswered


def _lock(*, token: uuid.UUID | str, labeler: User, kind: str) -> Assignment:
    assignment = lock_lease(token=token, labeler=labeler)
    if assignment.task.kind != kind:
        raise AssignmentNotFound(_("This task wants another kind of answer. Reload the page."))
    return assignment


def _end(assignment: Assignment) -> dict[str, Any]:
    """End a locked assignment as submitted; returns the columns that both kinds of answer share."""
    filled = fill_slot(assignment)
    assignment.state, assignment.ended_at = AssignmentState.SUBMITTED, timezone.now()
    assignment.save(update_fields=["state", "ended_at", "slot"])
    task, labeler = assignment.task, assignment.labeler
    return {
        "project": task.project,
        "round": task.round,
        "prompt": task.prompt,
        "assignment": assignment,
        "labeler": labeler,
        "actor": labeler,
        "surplus": not filled,
        "simulated": labeler.is_simulated,
        "guidelines_version": task.project.guidelines_version,
        "objective": task.project.objective,
    }


def judge(answer: Comparison, order: list[int], ranks: Mapping[int, int], qualities: Mapping[int, int | None]) -> None:
    JudgedOutput.objects.bulk_create(
        JudgedOutput(
            comparison=answer, completion_id=pk, rank=ranks[pk], quality=qualities[pk], shown_position=position
        )
        for position, pk in enumerate(order, start=1)
    )


def _same(
    earlier: Comparison, ranks: Mapping[int, int], qualities: Mapping[int, int | None], none_acceptable: bool
) -> bool:
    stored = {output.completion_id: (output.rank, output.quality) for output in earlier.judged.all()}
    given = {pk: (rank, qualities[pk]) for pk, rank in ranks.items()}
    return stored == given and earlier.none_acceptable == none_acceptable
