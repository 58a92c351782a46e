"""Projects, their prompts and rounds: parse, call a service, show what came of it."""

from __future__ import annotations

import io
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.parsers import DepthSafeJSONParser
from accounts.api.permissions import CanLabel, actor_of
from accounts.api.views import parsed
from accounts.permissions import can_research
from labeling.api import project_shapes as shapes
from labeling.exceptions import NoOpenRound, NotAllowed
from labeling.models import Project, Prompt, Round, TaskKind
from labeling.services import projects, rounds
from labeling.services.import_prompts import PromptDefaults, import_prompts


class InProject(APIView):
    """A view below ``projects/{slug}/``: 404 for a project that one may not know."""

    permission_classes = [IsAuthenticated, CanLabel]

    def project(self) -> Project:
        return get_object_or_404(Project.objects.visible_to(actor_of(self.request)), slug=self.kwargs["slug"])

    def research_project(self) -> Project:
        """Return the project for researchers; members who are not get a 403, since they know that it is there."""
        project = self.project()
        if not can_research(self.request.user):
            raise NotAllowed
        return project


class ProjectsView(generics.ListAPIView[Project]):
    """The projects that I may see; researchers make new ones."""

    serializer_class = shapes.ProjectSerializer
    permission_classes = [IsAuthenticated, CanLabel]
    queryset = Project.objects.all()

    def get_queryset(self) -> QuerySet[Project]:
        return Project.objects.visible_to(actor_of(self.request))

    @extend_schema(request=shapes.ProjectSerializer, responses={201: shapes.ProjectSerializer})
    def post(self, request: Request) -> Response:
        if not can_research(request.user):
            raise NotAllowed
        made = projects.create_project(actor=actor_of(request), **parsed(shapes.ProjectSerializer, request))
        return Response(shapes.ProjectSerializer(made).data, status=status.HTTP_201_CREATED)


class ProjectView(InProject):
    """One project and its settings."""

    @extend_schema(responses=shapes.ProjectSerializer)
    def get(self, request: Request, slug: str) -> Response:
        return Response(shapes.ProjectSerializer(self.project()).data)

    @extend_schema(request=shapes.ProjectSettingsSerializer(partial=True), responses=shapes.ProjectSerializer)
    def patch(self, request: Request, slug: str) -> Response:
        project = self.research_project()
        serializer = shapes.ProjectSettingsSerializer(project, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        changed = projects.change_settings(actor=actor_of(request), project=project, **serializer.validated_data)
        return Response(shapes.ProjectSerializer(changed).data)


class PromptsView(InProject, generics.ListAPIView[Prompt]):
    """Prompts, newest first; for researchers."""

    serializer_class = shapes.PromptSerializer
    permission_classes = [IsAuthenticated, CanLabel]
    queryset = Prompt.objects.all()
    filterset_fields = ("split", "source", "category", "language")

    def get_queryset(self) -> QuerySet[Prompt]:
        if getattr(self, "swagger_fake_view", False):
            return Prompt.objects.none()
        return Prompt.objects.in_project(self.research_project())


class ImportsView(InProject):
    """Import a file of prompts; `dry_run` reports the same and stores nothing."""

    parser_classes = [MultiPartParser, FormParser, DepthSafeJSONParser]

    @extend_schema(request=shapes.NewImportSerializer, responses=shapes.ImportReportSerializer)
    def post(self, request: Request, slug: str) -> Response:
        project = self.research_project()
        given = parsed(shapes.NewImportSerializer, request)
        stream = given.get("file")
        name = stream.name if stream is not None else "text"
        report = import_prompts(
            actor=actor_of(request),
            project=project,
            filename=name,
            stream=stream if stream is not None else io.BytesIO(given["text"].encode("utf-8", "surrogatepass")),
            format=given["format"],
            defaults=PromptDefaults(**given.get("defaults", {})),
            dry_run=given["dry_run"],
        )
        return Response(report.as_dict(), status=status.HTTP_200_OK if report.dry_run else status.HTTP_201_CREATED)


class RoundsView(InProject, generics.ListAPIView[Round]):
    """The rounds of a project; POST opens the next."""

    serializer_class = shapes.RoundSerializer
    permission_classes = [IsAuthenticated, CanLabel]
    queryset = Round.objects.all()

    def get_queryset(self) -> QuerySet[Round]:
        if getattr(self, "swagger_fake_view", False):
            return Round.objects.none()
        return Round.objects.filter(project=self.project())

    @extend_schema(request=None, responses={201: shapes.RoundSerializer})
    def post(self, request: Request, slug: str) -> Response:
        opened = rounds.open_round(actor=actor_of(request), project=self.research_project())
        return Response(shapes.RoundSerializer(opened).data, status=status.HTTP_201_CREATED)


class CloseRoundView(InProject):
    """Close a round: nothing of it is given out any more."""

    @extend_schema(request=None, responses=shapes.RoundSerializer)
    def post(self, request: Request, slug: str, number: int) -> Response:
        turn = get_object_or_404(Round, project=self.research_project(), number=number)
        return Response(shapes.RoundSerializer(rounds.close_round(actor=actor_of(request), round=turn)).data)


class WriteTasksView(InProject):
    """Ask for demonstrations in the open round, of prompts that no round asked about yet, oldest first."""

    @extend_schema(request=shapes.WriteTasksSerializer, responses={201: shapes.WriteTasksMadeSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = self.research_project()
        given = parsed(shapes.WriteTasksSerializer, request)
        current = Round.objects.current(project)
        if current is None:
            raise NoOpenRound
        chosen: dict[str, Any] = {name: given[name] for name in ("split", "source") if name in given}
        wanted = Prompt.objects.in_project(project).never_tasked(TaskKind.WRITE).filter(**chosen).order_by("pk")
        pks = list(wanted.values_list("pk", flat=True)[: given["limit"]])
        made = rounds.request_demonstrations(
            actor=actor_of(request),
            round=current,
            prompts=Prompt.objects.filter(pk__in=pks),
            judgements=given.get("judgements"),
            priority=given["priority"],
        )
        return Response({"tasks": made}, status=status.HTTP_201_CREATED)
