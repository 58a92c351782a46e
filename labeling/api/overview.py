"""What waits for me in each of my projects, and Markdown as everybody will read it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import CanLabel, actor_of
from accounts.api.views import parsed
from accounts.models import User
from labeling.api.work_shapes import NothingSerializer
from labeling.models import Assignment, AssignmentState, Project, TaskKind
from labeling.rendering import LONGEST_RENDERED, render_markdown
from labeling.services import outlook


class BegunSerializer(serializers.ModelSerializer[Assignment]):
    kind = serializers.CharField(source="task.kind")

    class Meta:
        model = Assignment
        fields = ("token", "kind", "state", "expires_at", "draft_saved_at")
        read_only_fields = fields


class WaitingSerializer(serializers.Serializer[Any]):
    project = serializers.SlugField()
    waiting = serializers.DictField(
        child=serializers.IntegerField(), help_text=f"Tasks by kind; {outlook.CAP} means that many or more."
    )
    nothing = NothingSerializer(allow_null=True)
    begun = BegunSerializer(many=True)


class PreviewSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(trim_whitespace=False, allow_blank=True, max_length=LONGEST_RENDERED)


class RenderedSerializer(serializers.Serializer[Any]):
    html = serializers.CharField(help_text="Safe to put on a page. Formulas are left as TeX in elements of class math.")


class WorkView(APIView):
    """What waits for me, project by project, or why there is nothing. It gives nothing out."""

    permission_classes = [IsAuthenticated, CanLabel]

    @extend_schema(responses=WaitingSerializer(many=True))
    def get(self, request: Request) -> Response:
        labeler = actor_of(request)
        rows = [_waiting(labeler, project) for project in Project.objects.filter(members=labeler)]
        return Response(WaitingSerializer(rows, many=True).data)


def _waiting(labeler: User, project: Project) -> dict[str, Any]:
    found = outlook.look(labeler=labeler, project=project)
    in_hand = [AssignmentState.ACTIVE, AssignmentState.EXPIRED]
    begun = Assignment.objects.of(labeler).seen().filter(task__project=project, state__in=in_hand)
    return {
        "project": project.slug,
        "waiting": {kind: found.waiting.get(kind, 0) for kind in TaskKind.values},
        "nothing": found.nothing,
        "begun": begun.select_related("task").order_by("-claimed_at")[:50],
    }


class PreviewView(APIView):
    """Render Markdown as labelers, reviewers and researchers see it."""

    permission_classes = [IsAuthenticated, CanLabel]

    @extend_schema(request=PreviewSerializer, responses=RenderedSerializer)
    def post(self, request: Request) -> Response:
        return Response({"html": render_markdown(parsed(PreviewSerializer, request)["text"])})
