"""What labelers and researchers say to each other about one piece of work: questions, and reviews."""

from __future__ import annotations

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import Actor
from labeling.models.assignment import Assignment


class ThreadMessageQuerySet(models.QuerySet["ThreadMessage"]):
    def unanswered(self) -> ThreadMessageQuerySet:
        """Return labelers' messages that nobody else has answered since."""
        later = ThreadMessage.objects.filter(assignment=OuterRef("assignment"), pk__gt=OuterRef("pk"))
        return self.filter(author=models.F("assignment__labeler")).exclude(Exists(later))

    def for_reviewer(self, actor: Actor) -> ThreadMessageQuerySet:
        """Return the messages about work that `actor` may review."""
        return self.filter(assignment__in=Assignment.objects.reviewable_by(actor))

    def unseen_by(self, labeler: User) -> ThreadMessageQuerySet:
        """Return answers to this labeler's questions that they have not looked at."""
        return self.filter(assignment__labeler=labeler, seen_at=None).exclude(author=labeler)


class ThreadMessage(models.Model):
    """One message of the thread between a labeler and the reviewers and researchers about the labeler's task.

    A thread belongs to the assignment: another labeler of the same task sees nothing of it, so judgements stay
    independent.
    """

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="thread")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When the labeler first saw an answer.")

    objects = ThreadMessageQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [models.CheckConstraint(condition=Q(text__regex=r"\S"), name="thread_message_not_empty")]
        indexes = [models.Index(fields=["assignment"], condition=Q(seen_at=None), name="thread_message_unseen")]

    def __str__(self) -> str:
        return self.text[:80]


class Verdict(models.TextChoices):
    APPROVED = "approved", _("approved")
    EDITED = "edited", _("edited")
    SENT_BACK = "sent_back", _("sent back")


class ReviewQuerySet(models.QuerySet["Review"]):
    def unseen_by(self, labeler: User) -> ReviewQuerySet:
        """Return verdicts on this labeler's work that they have not looked at."""
        return self.filter(assignment__labeler=labeler, seen_at=None)


class Review(models.Model):
    """A reviewer's word on a submitted piece of work. The labeler reads it in My work; one sent back wants mending."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="reviews_given")
    revision = models.PositiveSmallIntegerField(help_text="The revision of the answer that was reviewed.")
    verdict = models.CharField(max_length=12, choices=Verdict)
    score = models.PositiveSmallIntegerField(null=True, blank=True, help_text="1 to 7, of a demonstration.")
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True, blank=True)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(verdict__in=Verdict.values), name="review_verdict_known"),
            models.CheckConstraint(
                condition=~Q(verdict="sent_back") | Q(comment__regex=r"\S"), name="review_sent_back_says_why"
            ),
            models.CheckConstraint(condition=Q(score=None) | Q(score__gte=1, score__lte=7), name="review_score_1_to_7"),
        ]
        indexes = [
            models.Index(fields=["assignment", "-created_at"], name="review_of_assignment"),
            models.Index(fields=["assignment"], condition=Q(seen_at=None), name="review_unseen"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} {self.assignment_id}"
