"""Prompts that labelers write, and marking one as sensitive: parse, call a service, show what came of it."""

from __future__ import annotations

import uuid

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import actor_of
from accounts.api.serializers import ErrorSerializer
from accounts.api.views import parsed
from labeling.api import prompt_shapes as shapes
from labeling.api.project_shapes import WriteTasksMadeSerializer
from labeling.api.projects import InProject
from labeling.api.work import OwnAssignment
from labeling.exceptions import NoOpenRound
from labeling.models import Prompt, Round
from labeling.services.request_prompts import PromptBrief, request_prompts
from labeling.services.sensitive import mark_sensitive
from labeling.services.written_prompts import NewPrompt, submit_written_prompt


class WrittenPromptView(OwnAssignment):
    """Submit a prompt; the same again returns the same row."""

    @extend_schema(
        request=shapes.NewWrittenPromptSerializer,
        responses={201: shapes.WrittenPromptSerializer, 409: ErrorSerializer},
    )
    def post(self, request: Request, token: uuid.UUID) -> Response:
        given = NewPrompt(**parsed(shapes.NewWrittenPromptSerializer, request))
        written = submit_written_prompt(token=token, labeler=actor_of(request), given=given)
        return Response(shapes.WrittenPromptSerializer(written).data, status=status.HTTP_201_CREATED)


class PromptTasksView(InProject):
    """Ask labelers for prompts in the open round."""

    @extend_schema(request=shapes.PromptTasksSerializer, responses={201: WriteTasksMadeSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = self.research_project()
        given = parsed(shapes.PromptTasksSerializer, request)
        current = Round.objects.current(project)
        if current is None:
            raise NoOpenRound
        count, priority = given.pop("count"), given.pop("priority")
        made = request_prompts(
            actor=actor_of(request), round=current, brief=PromptBrief(**given), count=count, priority=priority
        )
        return Response({"tasks": made}, status=status.HTTP_201_CREATED)


class SensitiveView(InProject):
    """Mark a prompt as sensitive, or take the mark off; for researchers."""

    @extend_schema(request=shapes.SensitiveSerializer, responses=shapes.SensitiveSerializer)
    def put(self, request: Request, slug: str, pk: int) -> Response:
        prompt = get_object_or_404(Prompt.objects.in_project(self.research_project()), pk=pk)
        given = parsed(shapes.SensitiveSerializer, request)
        marked = mark_sensitive(actor=actor_of(request), prompt=prompt, sensitive=given["sensitive"])
        return Response({"sensitive": marked.sensitive})
