"""What the header and the task pages show of reviews and questions."""

from __future__ import annotations

from django import template
from django.db.models import QuerySet

from accounts.models import User
from accounts.permissions import can_label, can_review
from labeling.models import Assignment, Membership, Review, ThreadMessage
from labeling.services.threads import MAX_MESSAGE

register = template.Library()

MOST_COUNTED = 99


@register.simple_tag
def max_message() -> int:
    return MAX_MESSAGE


@register.simple_tag
def thread_of(assignment: Assignment) -> QuerySet[ThreadMessage]:
    return ThreadMessage.objects.filter(assignment=assignment).select_related("author")


@register.filter
def memberships(user: User) -> QuerySet[Membership]:
    """Return the projects that the reader works in, by name, with what they are given there."""
    return Membership.objects.filter(user=user).select_related("project").order_by("project__name")


@register.filter
def unread_feedback(user: User) -> int:
    """Return how many verdicts and answers the labeler has not looked at, at most 99."""
    if not can_label(user):
        return 0
    reviews = Review.objects.unseen_by(user).order_by().values("pk")
    answers = ThreadMessage.objects.unseen_by(user).order_by().values("pk")
    return reviews.union(answers, all=True)[:MOST_COUNTED].count()


@register.filter
def open_questions(user: User) -> int:
    """Return how many questions wait for an answer by who reads the page, at most 99."""
    if not can_review(user):
        return 0
    return ThreadMessage.objects.for_reviewer(user).unanswered().order_by()[:MOST_COUNTED].count()
