"""Threads: what a labeler asks about a task, and what reviewers and researchers of the project answer."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from labeling.conversations import storable
from labeling.exceptions import MessageRefused, NotFound, TooManyMessages
from labeling.models import Assignment, ThreadMessage
from labeling.services.leases import serialize_labeler

MAX_MESSAGE = 2_000
MESSAGES_IN_A_WHILE = 10
A_WHILE = timedelta(minutes=5)


@transaction.atomic
def post_message(*, author: User, assignment: Assignment, text: str) -> ThreadMessage:
    """Store a message of the thread about `assignment`: its labeler may write, and who may review it.

    Raises NotFound to everybody else, MessageRefused when it is empty or longer than 2000 characters, TooManyMessages
    after ten in five minutes. Sending the last message of the thread again returns it: a double click asks once.
    """
    reviewable = Assignment.objects.reviewable_by(author).filter(pk=assignment.pk)
    if assignment.labeler_id != author.pk and not reviewable.exists():
        raise NotFound
    clean = storable(text).replace("\r\n", "\n").strip()
    if not clean:
        empty = _("The message is empty. Write what you want to ask or say.")
        raise MessageRefused(empty, fields={"text": [empty]})
    if len(clean) > MAX_MESSAGE:
        long = _("A message has at most %(max)d characters; this one has %(n)d.") % {
            "max": MAX_MESSAGE,
            "n": len(clean),
        }
        raise MessageRefused(long, fields={"text": [long]})
    serialize_labeler(author)
    last = ThreadMessage.objects.filter(assignment=assignment).last()
    if last is not None and last.author_id == author.pk and last.text == clean:
        return last
    since = timezone.now() - A_WHILE
    if ThreadMessage.objects.filter(author=author, created_at__gte=since).count() >= MESSAGES_IN_A_WHILE:
        raise TooManyMessages
    return ThreadMessage.objects.create(assignment=assignment, author=author, text=clean)


def mark_seen(*, labeler: User, assignment: Assignment) -> int:
    """Note that the labeler has the answers about this task before their eyes; returns how many were new."""
    fresh = ThreadMessage.objects.unseen_by(labeler).filter(assignment=assignment)
    return fresh.update(seen_at=timezone.now())
