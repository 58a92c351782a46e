"""A labeler's own work: the next task, its draft, its answer."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import CanLabel, actor_of
from accounts.api.serializers import ErrorSerializer
from accounts.api.views import parsed
from labeling import own_work
from labeling.api import work_shapes as shapes
from labeling.api.projects import InProject
from labeling.models import Assignment, TaskKind
from labeling.services import answers, drafts, queue


def _shown() -> QuerySet[Assignment]:
    return Assignment.objects.select_related("task__project", "task__prompt").prefetch_related("task__completions")


def _said(claim: queue.Claim) -> dict[str, Any]:
    nothing = shapes.NothingSerializer(claim.nothing).data if claim.nothing else None
    assignment = shapes.AssignmentSerializer(claim.assignment).data if claim.assignment else None
    return {"assignment": assignment, "nothing": nothing}


class NextView(InProject):
    """Claim the next task, or learn why there is none."""

    @extend_schema(request=shapes.WantedSerializer, responses=shapes.ClaimSerializer)
    def post(self, request: Request, slug: str) -> Response:
        kind = parsed(shapes.WantedSerializer, request).get("kind")
        claim = queue.claim_next(labeler=actor_of(request), project=self.project(), kind=kind)
        return Response(_said(claim))


class OwnAssignment(APIView):
    """A view below ``assignments/{token}/``: 404 for the tasks of others."""

    permission_classes = [IsAuthenticated, CanLabel]


class AssignmentView(OwnAssignment):
    """A task of mine, with its draft."""

    @extend_schema(responses=shapes.AssignmentSerializer)
    def get(self, request: Request, token: uuid.UUID) -> Response:
        mine = get_object_or_404(_shown().filter(labeler=actor_of(request)), token=token)
        return Response(shapes.AssignmentSerializer(mine).data)


class ReadyView(OwnAssignment):
    """Keep one more task of the same kind ready for some minutes; `next/` gives it out, or it goes back."""

    @extend_schema(request=None, responses=shapes.ClaimSerializer)
    def post(self, request: Request, token: uuid.UUID) -> Response:
        _beside, claim = queue.keep_ready(token=token, labeler=actor_of(request))
        return Response(_said(claim))


class DraftView(OwnAssignment):
    """Store a draft and renew the lease; 409 with both drafts when another tab saved first."""

    @extend_schema(request=shapes.DraftSerializer, responses={200: shapes.DraftSavedSerializer, 409: ErrorSerializer})
    def put(self, request: Request, token: uuid.UUID) -> Response:
        given = parsed(shapes.DraftSerializer, request)
        saved = drafts.save_draft(token=token, labeler=actor_of(request), **given)
        return Response(shapes.DraftSavedSerializer(saved).data)


class DemonstrationView(OwnAssignment):
    """Submit an answer; the same again returns the same row."""

    @extend_schema(
        request=shapes.NewDemonstrationSerializer,
        responses={201: shapes.DemonstrationSerializer, 409: ErrorSerializer},
    )
    def post(self, request: Request, token: uuid.UUID) -> Response:
        given = parsed(shapes.NewDemonstrationSerializer, request)
        answer = answers.submit_demonstration(token=token, labeler=actor_of(request), **given)
        return Response(shapes.DemonstrationSerializer(answer).data, status=status.HTTP_201_CREATED)


class ComparisonView(OwnAssignment):
    """Submit ratings and a ranking; the same again returns the same row."""

    @extend_schema(
        request=shapes.NewComparisonSerializer, responses={201: shapes.ComparisonSerializer, 409: ErrorSerializer}
    )
    def post(self, request: Request, token: uuid.UUID) -> Response:
        judgement = shapes.NewComparisonSerializer.judgement(parsed(shapes.NewComparisonSerializer, request))
        answer = answers.submit_comparison(token=token, labeler=actor_of(request), judgement=judgement)
        return Response(shapes.ComparisonSerializer(answer).data, status=status.HTTP_201_CREATED)


class SkipView(OwnAssignment):
    """Pass a task over for good."""

    @extend_schema(request=shapes.SkipSerializer, responses={204: None})
    def post(self, request: Request, token: uuid.UUID) -> Response:
        queue.skip(token=token, labeler=actor_of(request), **parsed(shapes.SkipSerializer, request))
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(
    parameters=[
        OpenApiParameter("q", str, description="Words of the prompt or of my answer."),
        OpenApiParameter("kind", str, enum=TaskKind.values),
        OpenApiParameter("project", str, description="The project's slug."),
        OpenApiParameter("state", str, enum=list(own_work.STATES)),
    ]
)
class MyWorkView(generics.ListAPIView[Assignment]):
    """What I did and what I have in hand, newest first; with a filter, what I submitted or skipped."""

    serializer_class = shapes.MyWorkSerializer
    permission_classes = [IsAuthenticated, CanLabel]
    queryset = Assignment.objects.all()

    def get_queryset(self) -> QuerySet[Assignment]:
        if getattr(self, "swagger_fake_view", False):
            return Assignment.objects.none()
        me, wanted = actor_of(self.request), own_work.read_wanted(self.request.query_params)
        if wanted.as_query():
            return own_work.own_work(me, wanted)
        mine = Assignment.objects.of(me).seen().select_related("task__project", "task__prompt")
        return own_work.with_news(mine, me)
