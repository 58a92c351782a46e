"""Reviews: a reviewer approves somebody's work, mends it, or sends it back with a reason [D2]."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from labeling.conversations import storable
from labeling.current_answers import CurrentAnswer, current_answers
from labeling.exceptions import AlreadyRevised, NotFound, ReviewRefused
from labeling.judgements import ComparisonJudgement
from labeling.models import Assignment, Comparison, Demonstration, Review, Verdict
from labeling.services import revisions

MAX_COMMENT = 2_000
SCORES = range(1, 8)


@transaction.atomic
def review(
    *, reviewer: User, assignment: Assignment, revision: int, verdict: str, comment: str = "", score: int | None = None
) -> Review:
    """Store a reviewer's word on the newest revision: approved, or sent back with a reason.

    `score`, 1 to 7, is for demonstrations [D3]. Raises NotFound to who may not review this work (their own, another
    project's), AlreadyRevised when `revision` is not the newest any more, ReviewRefused naming the field to mend.
    """
    answer = _reviewable(reviewer, assignment)
    if answer.revision != revision:
        raise AlreadyRevised
    clean = _check_comment(comment)
    if verdict not in (Verdict.APPROVED, Verdict.SENT_BACK):
        raise ReviewRefused(fields={"verdict": [_("Choose to approve or to send back.")]})
    if verdict == Verdict.SENT_BACK and not clean:
        raise ReviewRefused(fields={"comment": [_("Say why you send it back: the labeler is to mend it.")]})
    if verdict == Verdict.SENT_BACK and answer.frozen_at is not None:
        raise ReviewRefused(
            _("A dataset has taken this answer in, so it cannot be mended any more. Say it in a comment.")
        )
    return _store(reviewer, answer, verdict, comment=clean, score=_check_score(score, answer))


@transaction.atomic
def edit_demonstration(
    *, reviewer: User, assignment: Assignment, revision: int, text: str, reason: str, score: int | None = None
) -> Review:
    """Mend somebody's answer: the next revision is the reviewer's, what stood there stays. Otherwise as `review`."""
    previous = _reviewable(reviewer, assignment)
    if not isinstance(previous, Demonstration):
        raise NotFound
    if previous.revision != revision:
        raise AlreadyRevised
    clean = _check_comment(reason)
    made = revisions.revise_demonstration(actor=reviewer, previous=previous, text=text, reason=clean)
    return _store(reviewer, made, Verdict.EDITED, comment=clean, score=_check_score(score, made))


@transaction.atomic
def edit_comparison(
    *, reviewer: User, assignment: Assignment, revision: int, judgement: ComparisonJudgement, reason: str
) -> Review:
    """Mend somebody's comparison; otherwise as `edit_demonstration`."""
    previous = _reviewable(reviewer, assignment)
    if not isinstance(previous, Comparison):
        raise NotFound
    if previous.revision != revision:
        raise AlreadyRevised
    clean = _check_comment(reason)
    made = revisions.revise_comparison(actor=reviewer, previous=previous, judgement=judgement, reason=clean)
    return _store(reviewer, made, Verdict.EDITED, comment=clean, score=None)


def mark_seen(*, labeler: User, assignment: Assignment) -> int:
    """Note that the labeler has the verdicts on this work before their eyes; returns how many were new."""
    fresh = Review.objects.unseen_by(labeler).filter(assignment=assignment)
    return fresh.update(seen_at=timezone.now())


def _reviewable(reviewer: User, assignment: Assignment) -> CurrentAnswer:
    """Return the newest answer, locked so that nobody revises it meanwhile."""
    if not Assignment.objects.reviewable_by(reviewer).filter(pk=assignment.pk).exists():
        raise NotFound
    answer = current_answers([assignment]).get(assignment.pk)
    if answer is None:
        raise ReviewRefused(_("Nothing was submitted for this task yet, so there is nothing to review."))
    locked = type(answer)._default_manager.select_for_update(of=("self",)).get(pk=answer.pk)
    if not locked.is_current:
        raise AlreadyRevised
    return locked


def _check_comment(comment: str) -> str:
    clean = storable(comment).replace("\r\n", "\n").strip()
    if len(clean) > MAX_COMMENT:
        long = _("A comment has at most %(max)d characters; this one has %(n)d.") % {
            "max": MAX_COMMENT,
            "n": len(clean),
        }
        raise ReviewRefused(long, fields={"comment": [long]})
    return clean


def _check_score(score: int | None, answer: CurrentAnswer) -> int | None:
    if score is None:
        return None
    if not isinstance(answer, Demonstration):
        raise ReviewRefused(fields={"score": [_("Only written answers get a score.")]})
    if isinstance(score, bool) or score not in SCORES:
        raise ReviewRefused(fields={"score": [_("A score is a whole number from 1 to 7.")]})
    return score


def _store(reviewer: User, answer: CurrentAnswer, verdict: str, *, comment: str, score: int | None) -> Review:
    assert answer.assignment_id is not None
    return Review.objects.create(
        assignment_id=answer.assignment_id,
        reviewer=reviewer,
        revision=answer.revision,
        verdict=verdict,
        comment=comment,
        score=score,
    )
