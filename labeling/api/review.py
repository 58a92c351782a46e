"""Reviewing by program: what waits, one piece of work, a word on it, mending it, and questions."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import CanReview, actor_of
from accounts.api.serializers import ErrorSerializer
from accounts.api.views import parsed
from labeling import reviewing
from labeling.api import exchange_shapes as shapes
from labeling.api.exchange import REVISED, read_revision
from labeling.current_answers import current_answers
from labeling.exceptions import NotFound
from labeling.models import Assignment, Comparison, Demonstration, Review, ThreadMessage
from labeling.services import reviews, threads


class ReviewsView(generics.ListAPIView[Assignment]):
    """The work of my projects that waits for review, was sent back, or was reviewed."""

    serializer_class = shapes.SubmittedSerializer
    permission_classes = [IsAuthenticated, CanReview]
    queryset = Assignment.objects.all()

    @extend_schema(parameters=[OpenApiParameter("show", str, enum=list(reviewing.STANDINGS))])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Assignment]:
        if getattr(self, "swagger_fake_view", False):
            return Assignment.objects.none()
        standing = self.request.query_params.get("show", "new")
        return reviewing.submitted_work(actor_of(self.request), standing if standing in reviewing.STANDINGS else "new")


class UnderReview(APIView):
    """A view below ``review/{id}/``: 404 for one's own work and for other projects'."""

    permission_classes = [IsAuthenticated, CanReview]

    def work(self) -> Assignment:
        mine = Assignment.objects.reviewable_by(actor_of(self.request))
        found = mine.select_related("task__project", "task__prompt", "labeler")
        return get_object_or_404(found, pk=self.kwargs["pk"])


class ReviewView(UnderReview):
    """One piece of work beside the others of its task; POST approves it or sends it back."""

    @extend_schema(responses=shapes.UnderReviewSerializer)
    def get(self, request: Request, pk: int) -> Response:
        work = self.work()
        beside = reviewing.side_by_side(work)
        pairs = [(judge.labeler, judge.answer) for judge in beside.get("judges", [])]
        pairs += [(str(one.labeler), answer) for one, answer in beside.get("answers", [])]
        shown = {
            "id": work.pk,
            "labeler": work.labeler.username,
            "kind": work.task.kind,
            "prompt": work.task.prompt.messages if work.task.prompt else None,
            "outputs": {str(one.completion.pk): one.completion.text for one in beside.get("outputs", [])},
            "answers": [{"labeler": name, **shapes.answer_as_json(answer)} for name, answer in pairs],
            "disagreement": beside.get("disagreement"),
            "reviews": Review.objects.filter(assignment=work).select_related("reviewer"),
            "thread": ThreadMessage.objects.filter(assignment=work).select_related("author"),
        }
        return Response(shapes.UnderReviewSerializer(shown).data)

    @extend_schema(request=shapes.NewReviewSerializer, responses={201: shapes.ReviewSerializer, 409: ErrorSerializer})
    def post(self, request: Request, pk: int) -> Response:
        given = parsed(shapes.NewReviewSerializer, request)
        said = reviews.review(reviewer=actor_of(request), assignment=self.work(), **given)
        return Response(shapes.ReviewSerializer(said).data, status=status.HTTP_201_CREATED)


class ReviewEditView(UnderReview):
    """Mend somebody's answer as its next revision, with a reason."""

    @extend_schema(request=REVISED, responses={201: shapes.ReviewSerializer, 409: ErrorSerializer})
    def post(self, request: Request, pk: int) -> Response:
        work = self.work()
        answer = current_answers([work]).get(work.pk)
        said: dict[str, Any] = {"reviewer": actor_of(request), "assignment": work}
        if isinstance(answer, Demonstration):
            given, reason = read_revision(shapes.RevisedDemonstrationSerializer, request, answer)
            made = reviews.edit_demonstration(revision=answer.revision, text=given["text"], reason=reason, **said)
        elif isinstance(answer, Comparison):
            given, reason = read_revision(shapes.RevisedComparisonSerializer, request, answer)
            judgement = shapes.RevisedComparisonSerializer.judgement(given)
            made = reviews.edit_comparison(revision=answer.revision, judgement=judgement, reason=reason, **said)
        else:
            raise NotFound
        return Response(shapes.ReviewSerializer(made).data, status=status.HTTP_201_CREATED)


class ReplyView(UnderReview):
    """Answer a labeler's question about this work."""

    @extend_schema(request=shapes.NewMessageSerializer, responses={201: shapes.MessageSerializer, 429: ErrorSerializer})
    def post(self, request: Request, pk: int) -> Response:
        text = parsed(shapes.NewMessageSerializer, request)["text"]
        said = threads.post_message(author=actor_of(request), assignment=self.work(), text=text)
        return Response(shapes.MessageSerializer(said).data, status=status.HTTP_201_CREATED)


class QuestionsView(generics.ListAPIView[ThreadMessage]):
    """Questions of labelers that nobody has answered."""

    serializer_class = shapes.OpenQuestionSerializer
    permission_classes = [IsAuthenticated, CanReview]
    queryset = ThreadMessage.objects.all()

    def get_queryset(self) -> QuerySet[ThreadMessage]:
        if getattr(self, "swagger_fake_view", False):
            return ThreadMessage.objects.none()
        waiting = ThreadMessage.objects.for_reviewer(actor_of(self.request)).unanswered()
        return waiting.select_related("author")
