"""Guidelines by program: the newest, all versions, and acknowledging them before new work is given out."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import actor_of
from accounts.api.serializers import ErrorSerializer
from accounts.api.views import parsed
from labeling.api.projects import InProject
from labeling.models import Acknowledgement, GuidelinesVersion, Project
from labeling.services import guidelines


class GuidelinesSerializer(serializers.Serializer[Any]):
    """The newest guidelines; `must_read`: no new work is given out before they are acknowledged."""

    version = serializers.IntegerField()
    text = serializers.CharField(allow_blank=True)
    objective = serializers.CharField()
    version_read = serializers.IntegerField(help_text="The newest version that I acknowledged; 0: none.")
    must_read = serializers.BooleanField()


class GuidelinesVersionSerializer(serializers.ModelSerializer[GuidelinesVersion]):
    class Meta:
        model = GuidelinesVersion
        fields = ("version", "text", "objective", "created_at")
        read_only_fields = fields


class AcknowledgeSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(min_value=1)


class GuidelinesView(InProject):
    """The newest guidelines; POST ``{"version": n}`` says that I have read them."""

    @extend_schema(responses=GuidelinesSerializer)
    def get(self, request: Request, slug: str) -> Response:
        return Response(self._shown(request, self.project()))

    @extend_schema(request=AcknowledgeSerializer, responses={201: GuidelinesSerializer, 409: ErrorSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = self.project()
        given = parsed(AcknowledgeSerializer, request)
        guidelines.acknowledge(user=actor_of(request), project=project, version=given["version"])
        return Response(self._shown(request, project), status=status.HTTP_201_CREATED)

    @staticmethod
    def _shown(request: Request, project: Project) -> dict[str, Any]:
        me = actor_of(request)
        return {
            "version": project.guidelines_version,
            "text": project.guidelines,
            "objective": project.objective,
            "version_read": Acknowledgement.objects.version_read(project=project, user=me),
            "must_read": bool(Acknowledgement.objects.wanted_in(projects=[project.pk], user=me)),
        }


class GuidelinesVersionsView(InProject, generics.ListAPIView[GuidelinesVersion]):
    """All versions, newest first."""

    serializer_class = GuidelinesVersionSerializer
    queryset = GuidelinesVersion.objects.all()

    def get_queryset(self) -> QuerySet[GuidelinesVersion]:
        if getattr(self, "swagger_fake_view", False):
            return GuidelinesVersion.objects.none()
        return GuidelinesVersion.objects.filter(project=self.project())
