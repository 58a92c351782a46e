"""Revisions: a correction is a new row with actor, time and reason; what stood there before stays."""

from __future__ import annotations

from enum import Enum
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import can_review
from labeling.exceptions import AlreadyRevised, AnswerRefused, NotAllowed
from labeling.judgements import ComparisonJudgement
from labeling.models import Comparison, Demonstration, Project, WrittenPrompt
from labeling.models.answer import Answer
from labeling.prompt_flags import check_flags
from labeling.services.frozen import refuse_frozen
from labeling.services.guidelines import rules_of
from labeling.services.judging import asked_before, check_judgement, store
from labeling.services.texts import check_answer_text, check_note


class Unchanged(Enum):
    """Says that a revision leaves something as it was, where None has a meaning of its own."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED


@transaction.atomic
def revise_demonstration(
    *,
    actor: User,
    previous: Demonstration,
    text: str,
    note: str | None = None,
    prompt_flags: list[str] | Unchanged | None = UNCHANGED,
    reason: str = "",
) -> Demonstration:
    """Store a corrected answer as the next revision; the labeler who gave it may, and reviewers.

    Raises AnswerRefused, NotAllowed, AlreadyRevised when `previous` is not the newest any more, or AnswerFrozen when a
    dataset holds it.
    """
    text = check_answer_text(text)
    locked = Demonstration.objects.select_for_update(of=("self",)).select_related("project").get(pk=previous.pk)
    flags = locked.prompt_flags if prompt_flags is UNCHANGED else check_flags(prompt_flags)
    columns = supersede(actor=actor, locked=locked, note=note, reason=reason)
    return Demonstration.objects.create(text=text, **{**columns, "prompt_flags": flags})


@transaction.atomic
def revise_comparison(
    *, actor: User, previous: Comparison, judgement: ComparisonJudgement, reason: str = ""
) -> Comparison:
    """Store a corrected judgement as the next revision; otherwise as `revise_demonstration`.

    It is judged with the form and in the mode of the comparison that it corrects. Flags of the prompt that are left
    out (None) stay as they were.
    """
    locked = Comparison.objects.select_for_update(of=("self",)).select_related("project", "form").get(pk=previous.pk)
    order = list(locked.judged.order_by("shown_position").values_list("completion_id", flat=True))
    judged = check_judgement(judgement, order, asked_before(locked))
    columns = supersede(actor=actor, locked=locked, note=judged.note, reason=reason)
    flags = locked.prompt_flags if judged.prompt_flags is None else judged.prompt_flags
    answer = Comparison.objects.create(**{**columns, **judged.columns, "prompt_flags": flags})
    store(answer, judged)
    return answer


def supersede(*, actor: User, locked: Answer, note: str | None, reason: str) -> dict[str, Any]:
    """Make a locked answer yield to its next revision; returns the columns of that one."""
    own = locked.labeler_id is not None and locked.labeler_id == actor.pk
    visible = Project.objects.visible_to(actor).filter(pk=locked.project_id).exists()
    if not own and not (can_review(actor) and visible):
        raise NotAllowed(_("Only who gave this answer, or a reviewer of the project, may revise it."))
    if not locked.is_current:
        raise AlreadyRevised
    refuse_frozen(locked)
    why = check_note(reason, field="reason")
    if not own and not why:
        raise AnswerRefused(fields={"reason": [_("Say why you revise somebody else's answer.")]})
    locked.is_current = False
    locked.save(update_fields=["is_current"])
    return {
        "project": locked.project,
        "round_id": locked.round_id,
        # A written prompt makes prompts instead of answering one.
        **({} if isinstance(locked, WrittenPrompt) else {"prompt_id": locked.prompt_id}),
        "assignment_id": locked.assignment_id,
        "labeler_id": locked.labeler_id,
        "external_labeler": locked.external_labeler,
        "actor": actor,
        "reason": why,
        "revision": locked.revision + 1,
        "surplus": locked.surplus,
        "simulated": locked.simulated or actor.is_simulated,
        **rules_of(user=actor, project=locked.project),
        "prompt_flags": locked.prompt_flags,
        "note": locked.note if note is None else check_note(note),
    }
