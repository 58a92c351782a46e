"""Answers: submitting a demonstration or a comparison. `revisions` corrects them."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from labeling.conversations import storable_json
from labeling.exceptions import AlreadyAnswered, AssignmentNotFound
from labeling.judgements import ComparisonJudgement
from labeling.models import Assignment, AssignmentState, Comparison, Demonstration, TaskKind
from labeling.prompt_flags import check_flags
from labeling.services.drafts import keep_draft
from labeling.services.follow_ups import ask_follow_up
from labeling.services.guidelines import rules_of
from labeling.services.judging import asked_before, asked_for, check_judgement, is_same, store
from labeling.services.leases import fill_slot, lock_lease
from labeling.services.texts import check_answer_text, check_note


def submit_demonstration(
    *, token: uuid.UUID | str, labeler: User, text: str, note: str = "", prompt_flags: list[str] | None = None
) -> Demonstration:
    """Store an answer and end the assignment. The same submission again returns the same row.

    After the lease ran out the answer is stored all the same, as surplus if somebody else has the slot by then. Raises
    AssignmentNotFound, AnswerRefused, or AlreadyAnswered for another text (which is kept as the draft).
    """
    text, note, flags = check_answer_text(text), check_note(note), check_flags(prompt_flags)
    with transaction.atomic():
        assignment = lock_task(token=token, labeler=labeler, kind=TaskKind.WRITE)
        if assignment.state != AssignmentState.SUBMITTED:
            answer = Demonstration.objects.create(
                text=text, note=note, prompt_flags=flags, **end_assignment(assignment)
            )
            ask_follow_up(answer)
            return answer
        earlier = Demonstration.objects.filter(assignment=assignment)
        same = next((one for one in earlier.filter(text=text).order_by("revision") if one.prompt_flags == flags), None)
        if same is not None:
            return same
        keep_draft(assignment, {**assignment.draft, "text": text, "note": note, "prompt_flags": flags})
    # Raised only now: the text that came late is committed as the draft.
    raise AlreadyAnswered


def submit_comparison(*, token: uuid.UUID | str, labeler: User, judgement: ComparisonJudgement) -> Comparison:
    """Store answers and a weak order over all outputs of the task; otherwise as `submit_demonstration`.

    `judging.check_judgement` has the rules. Ranks are stored as 1, 2, 2, 4. What is sent again after the submission
    says the same when ranks, answers, strength, edit, flags and "none is acceptable" do.
    """
    with transaction.atomic():
        assignment = lock_task(token=token, labeler=labeler, kind=TaskKind.COMPARE)
        order = [int(pk) for pk in assignment.shown_order]
        if assignment.state != AssignmentState.SUBMITTED:
            judged = check_judgement(judgement, order, asked_for(assignment))
            answer = Comparison.objects.create(**{**end_assignment(assignment), **judged.columns})
            store(answer, judged)
            return answer
        earlier = list(Comparison.objects.filter(assignment=assignment).order_by("revision"))
        # Under the form that it was given under: the project may have changed it since.
        judged = check_judgement(judgement, order, asked_before(earlier[0]))
        same = next((one for one in earlier if is_same(one, judged)), None)
        if same is not None:
            return same
        keep_draft(assignment, {**assignment.draft, **storable_json(judgement.as_draft())})
    raise AlreadyAnswered


def lock_task(*, token: uuid.UUID | str, labeler: User, kind: str) -> Assignment:
    """Return the labeler's locked assignment if it wants this kind of answer. Raises AssignmentNotFound."""
    assignment = lock_lease(token=token, labeler=labeler)
    if assignment.task.kind != kind:
        raise AssignmentNotFound(_("This task wants another kind of answer. Reload the page."))
    return assignment


def end_assignment(assignment: Assignment) -> dict[str, Any]:
    """End a locked assignment as submitted; returns the columns that all kinds of answer share."""
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
        **rules_of(user=labeler, project=task.project),
    }
