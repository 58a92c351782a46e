"""What a labeler's page does besides the task itself: revisions, reviewers' words, questions, own figures."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiTypes, PolymorphicProxySerializer, extend_schema
from rest_framework import status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import CanLabel, actor_of
from accounts.api.serializers import ErrorSerializer
from accounts.api.views import parsed
from accounts.models import User
from labeling import own_work
from labeling.api import exchange_shapes as shapes
from labeling.api.work import OwnAssignment
from labeling.current_answers import CurrentAnswer, current_answers, revisions_of
from labeling.exceptions import AlreadyRevised, NotFound
from labeling.models import Assignment, Comparison, Demonstration, Review, ThreadMessage
from labeling.services import reviews, revisions, threads
from labeling.services.written_prompts import NewPrompt, revise_written_prompt

REVISED = PolymorphicProxySerializer(
    "RevisedAnswer",
    [shapes.RevisedDemonstrationSerializer, shapes.RevisedComparisonSerializer, shapes.RevisedPromptSerializer],
    resource_type_field_name=None,
)


def own(request: Request, token: uuid.UUID) -> Assignment:
    return get_object_or_404(
        Assignment.objects.of(actor_of(request)).select_related("task__project", "task__prompt"), token=token
    )


class ThreadView(OwnAssignment):
    """What was asked and answered about a task of mine; reading it is having seen it. POST asks."""

    @extend_schema(responses=shapes.MessageSerializer(many=True))
    def get(self, request: Request, token: uuid.UUID) -> Response:
        assignment = own(request, token)
        threads.mark_seen(labeler=actor_of(request), assignment=assignment)
        written = ThreadMessage.objects.filter(assignment=assignment).select_related("author")
        return Response(shapes.MessageSerializer(written, many=True).data)

    @extend_schema(request=shapes.NewMessageSerializer, responses={201: shapes.MessageSerializer, 429: ErrorSerializer})
    def post(self, request: Request, token: uuid.UUID) -> Response:
        text = parsed(shapes.NewMessageSerializer, request)["text"]
        asked = threads.post_message(author=actor_of(request), assignment=own(request, token), text=text)
        return Response(shapes.MessageSerializer(asked).data, status=status.HTTP_201_CREATED)


class FeedbackView(OwnAssignment):
    """What reviewers said of work of mine; reading it is having seen it."""

    @extend_schema(responses=shapes.ReviewSerializer(many=True))
    def get(self, request: Request, token: uuid.UUID) -> Response:
        assignment = own(request, token)
        reviews.mark_seen(labeler=actor_of(request), assignment=assignment)
        said = Review.objects.filter(assignment=assignment).select_related("reviewer")
        return Response(shapes.ReviewSerializer(said, many=True).data)


class RevisionsView(OwnAssignment):
    """Every revision of an answer of mine, oldest first; POST stores the next, until a dataset has taken it in."""

    @extend_schema(responses=shapes.RevisionSerializer(many=True))
    def get(self, request: Request, token: uuid.UUID) -> Response:
        return Response(shapes.RevisionSerializer(revisions_of(own(request, token)), many=True).data)

    @extend_schema(request=REVISED, responses={201: shapes.RevisionSerializer, 409: ErrorSerializer})
    def post(self, request: Request, token: uuid.UUID) -> Response:
        assignment = own(request, token)
        previous = current_answers([assignment]).get(assignment.pk)
        if previous is None:
            raise NotFound
        made = _revise(request, actor_of(request), previous)
        return Response(shapes.RevisionSerializer(made).data, status=status.HTTP_201_CREATED)


def _revise(request: Request, actor: User, previous: CurrentAnswer) -> CurrentAnswer:
    if isinstance(previous, Demonstration):
        given, reason = read_revision(shapes.RevisedDemonstrationSerializer, request, previous)
        return revisions.revise_demonstration(actor=actor, previous=previous, reason=reason, **given)
    if isinstance(previous, Comparison):
        given, reason = read_revision(shapes.RevisedComparisonSerializer, request, previous)
        judgement = shapes.RevisedComparisonSerializer.judgement(given)
        return revisions.revise_comparison(actor=actor, previous=previous, judgement=judgement, reason=reason)
    given, reason = read_revision(shapes.RevisedPromptSerializer, request, previous)
    return revise_written_prompt(actor=actor, previous=previous, given=NewPrompt(**given), reason=reason)


def read_revision(shape: Any, request: Request, previous: CurrentAnswer) -> tuple[dict[str, Any], str]:
    """Return what the revision is to say, and why. Raises AlreadyRevised when it corrects one that was revised."""
    given = parsed(shape, request)
    reason: str = given.pop("reason")
    if given.pop("revision") != previous.revision:
        raise AlreadyRevised
    return given, reason


class FiguresView(APIView):
    """How much I submitted today, within seven days and in all, and in how much active time, by kind."""

    permission_classes = [IsAuthenticated, CanLabel]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response({kind or "all": asdict(row) for kind, row in own_work.figures(actor_of(request))})
