"""Training's API: parse, call a service, show what came of it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from labeling.models import Project, Round
from training.api import serializers as shapes
from training.api.permissions import IsResearcher
from training.exceptions import ConfigRefused
from training.loop import loop_state
from training.models import Checkpoint, Dataset, Run, Sample
from training.rlhf.rundir import RunDir
from training.services.checkpoints import promote_checkpoint, register_base
from training.services.datasets import freeze_dataset
from training.services.records import FreezeQuery
from training.services.runs import cancel_run, request_run
from training.services.samples import publish_samples
from training.storage import artifact

METRICS_AT_ONCE = 1000


class Research(APIView):
    """Shared by every view here: researchers only, and an actor who is a person."""

    permission_classes = [IsAuthenticated, IsResearcher]

    @property
    def actor(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user

    def project(self) -> Project:
        return get_object_or_404(Project.objects.visible_to(self.actor), slug=self.kwargs["slug"])

    def parsed(self, shape: Any) -> dict[str, Any]:
        """Return the request's body as `shape` understands it, or answer 400."""
        serializer = shape(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        found: dict[str, Any] = serializer.validated_data
        return found


def _runs() -> QuerySet[Run]:
    return Run.objects.select_related("project", "round").prefetch_related("inputs", "checkpoints")


class ProjectDatasets(Research, generics.ListAPIView):  # type: ignore[type-arg]
    serializer_class = shapes.DatasetSerializer
    queryset = Dataset.objects.none()

    def get_queryset(self) -> QuerySet[Dataset]:
        return Dataset.objects.filter(project=self.project()).select_related("project", "round")

    @extend_schema(request=shapes.FreezeSerializer, responses={201: shapes.DatasetSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Freeze the labels of the project into the next version of a dataset."""
        data = self.parsed(shapes.FreezeSerializer)
        dataset = freeze_dataset(
            actor=self.actor, project=self.project(), kind=data["kind"], query=FreezeQuery.from_json(data["query"])
        )
        return Response(shapes.DatasetSerializer(dataset).data, status=status.HTTP_201_CREATED)


class DatasetDetail(Research, generics.RetrieveAPIView):  # type: ignore[type-arg]
    serializer_class = shapes.DatasetSerializer
    queryset = Dataset.objects.select_related("project", "round")


class DatasetFile(Research):
    @extend_schema(responses={(200, "application/jsonl"): shapes.ANY_FILE})
    def get(self, request: Request, pk: int, name: str) -> FileResponse:
        """Download one of the dataset's files."""
        dataset = get_object_or_404(Dataset, pk=pk)
        path = artifact(dataset.path) / name
        if name not in {*dataset.manifest.get("files", {}), "manifest.json"} or not path.is_file():
            raise NotFound
        filename = f"{dataset.project.slug}-{dataset.kind}-v{dataset.version}-{name}"
        return FileResponse(path.open("rb"), as_attachment=True, filename=filename)


class ProjectRuns(Research, generics.ListAPIView):  # type: ignore[type-arg]
    serializer_class = shapes.RunSerializer
    queryset = Run.objects.none()
    filterset_fields = ["stage", "state"]

    def get_queryset(self) -> QuerySet[Run]:
        return _runs().filter(project=self.project())

    @extend_schema(request=shapes.NewRunSerializer, responses={201: shapes.RunSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Queue a run. A setting, dataset or input that cannot work is refused, field by field."""
        data, project = self.parsed(shapes.NewRunSerializer), self.project()
        run = request_run(
            actor=self.actor,
            project=project,
            stage=data["stage"],
            config=data["config"],
            dataset=_dataset(data["dataset"]),
            inputs=_checkpoints(data["inputs"]),
            round=get_object_or_404(Round, project=project, number=data["round"]) if data["round"] else None,
            note=data["note"],
        )
        return Response(shapes.RunSerializer(_runs().get(pk=run.pk)).data, status=status.HTTP_201_CREATED)


def _dataset(pk: int | None) -> Dataset | None:
    if pk is None:
        return None
    dataset = Dataset.objects.filter(pk=pk).first()
    if dataset is None:
        raise ConfigRefused({"dataset": f"There is no dataset {pk}."})
    return dataset


def _checkpoints(inputs: dict[str, list[int]]) -> dict[str, list[Checkpoint]]:
    known = Checkpoint.objects.in_bulk({pk for pks in inputs.values() for pk in pks})
    missing = {field: f"There is no checkpoint {pk}." for field, pks in inputs.items() for pk in pks if pk not in known}
    if missing:
        raise ConfigRefused(missing)
    return {field: [known[pk] for pk in pks] for field, pks in inputs.items()}


class RunDetail(Research, generics.RetrieveAPIView):  # type: ignore[type-arg]
    serializer_class = shapes.RunSerializer
    queryset = _runs()


class RunCancel(Research):
    @extend_schema(request=None, responses=shapes.RunSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Cancel a run; one on a worker is told to stop and ends within half a minute."""
        run = cancel_run(actor=self.actor, run=get_object_or_404(Run, pk=pk))
        return Response(shapes.RunSerializer(_runs().get(pk=run.pk)).data)


class RunMetrics(Research):
    @extend_schema(
        parameters=[OpenApiParameter("after", int, description="Id of the last metric that you have.")],
        responses=shapes.MetricsSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        """Metrics after an id, at most a thousand at a time."""
        run = get_object_or_404(Run, pk=pk)
        given = request.query_params.get("after", "0")
        after = int(given) if given.isdecimal() and len(given) < 19 else 0
        rows = list(run.metrics.filter(pk__gt=after).order_by("pk")[:METRICS_AT_ONCE])
        shown = {
            "state": run.state, "attempt": run.attempts, "progress_step": run.progress_step,
            "progress_total": run.progress_total, "last": rows[-1].pk if rows else after, "metrics": rows,
        }  # fmt: skip
        return Response(shapes.MetricsSerializer(shown).data)


class RunLog(Research):
    @extend_schema(responses=shapes.LogSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """The last lines of the run's log, as they are now."""
        run = get_object_or_404(Run, pk=pk)
        return Response({"log": RunDir(artifact(run.path)).log_tail(200) or run.log_tail})


class RunSamples(Research, generics.ListAPIView):  # type: ignore[type-arg]
    serializer_class = shapes.SampleSerializer
    queryset = Sample.objects.none()

    def get_queryset(self) -> QuerySet[Sample]:
        return Sample.objects.filter(run=get_object_or_404(Run, pk=self.kwargs["pk"]))


class RunPublish(Research):
    @extend_schema(request=shapes.PublishSerializer, responses=shapes.PublishedSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Publish a generate run's outputs as comparison tasks, in an open round or in the next one."""
        data, run = self.parsed(shapes.PublishSerializer), get_object_or_404(Run, pk=pk)
        number = data["round"]
        round = get_object_or_404(Round, project=run.project_id, number=number) if number else None
        published = publish_samples(actor=self.actor, run=run, round=round)
        shown = {"round": published.round.number, "tasks": published.tasks, "left_out": published.left_out}
        return Response(shapes.PublishedSerializer(shown).data)


class Checkpoints(Research, generics.ListAPIView):  # type: ignore[type-arg]
    serializer_class = shapes.CheckpointSerializer
    queryset = Checkpoint.objects.none()
    filterset_fields = ["kind"]

    def get_queryset(self) -> QuerySet[Checkpoint]:
        found = Checkpoint.objects.select_related("project", "run")
        if slug := self.request.query_params.get("project"):
            return found.usable_in(get_object_or_404(Project, slug=slug))
        return found

    @extend_schema(parameters=[OpenApiParameter("project", str, description="Slug: its own and the shared ones.")])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Checkpoints, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(request=shapes.NewBaseSerializer, responses={201: shapes.CheckpointSerializer})
    def post(self, request: Request) -> Response:
        """Register a base model."""
        data = self.parsed(shapes.NewBaseSerializer)
        project = get_object_or_404(Project, slug=data["project"]) if "project" in data else None
        checkpoint = register_base(actor=self.actor, name=data["name"], location=data["location"], project=project)
        return Response(shapes.CheckpointSerializer(checkpoint).data, status=status.HTTP_201_CREATED)


class CheckpointPromote(Research):
    @extend_schema(request=None, responses=shapes.CheckpointSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Make a policy the project's current one."""
        checkpoint = promote_checkpoint(actor=self.actor, checkpoint=get_object_or_404(Checkpoint, pk=pk))
        return Response(shapes.CheckpointSerializer(checkpoint).data)


class Loop(Research):
    @extend_schema(responses=shapes.LoopSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """Where the project's loop stands, and the next action."""
        return Response(shapes.LoopSerializer(loop_state(self.project())).data)
