"""What training's API takes and gives."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from training.models import Checkpoint, Dataset, DatasetKind, Run, RunMetric, Sample, Stage


class DatasetSerializer(serializers.ModelSerializer[Dataset]):
    project = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    round = serializers.IntegerField(source="round.number", read_only=True, default=None, allow_null=True)

    class Meta:
        model = Dataset
        fields = ["id", "project", "kind", "version", "round", "sha256", "query", "manifest", "created_at"]
        read_only_fields = fields


class FreezeSerializer(serializers.Serializer[Any]):
    """`query` may hold rounds, include_simulated, include_surplus, split, fresh_only, limit, sources."""

    kind = serializers.ChoiceField(choices=[k for k in DatasetKind.values if k != DatasetKind.PRETRAIN])
    query = serializers.DictField(required=False, default=dict)


class CheckpointSerializer(serializers.ModelSerializer[Checkpoint]):
    project = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    location = serializers.CharField(source="public_location", read_only=True)

    class Meta:
        model = Checkpoint
        fields = ["id", "project", "kind", "name", "location", "run", "step", "metrics", "promoted_at", "created_at"]
        read_only_fields = fields


class NewBaseSerializer(serializers.Serializer[Any]):
    """A Hugging Face directory or a hub id; without a project it is shared by all."""

    name = serializers.CharField(max_length=120)
    location = serializers.CharField(max_length=500)
    project = serializers.SlugField(required=False)


class RunSerializer(serializers.ModelSerializer[Run]):
    project = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    round = serializers.IntegerField(source="round.number", read_only=True, default=None, allow_null=True)
    inputs = serializers.SerializerMethodField()
    checkpoint = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields = [
            "id", "project", "round", "stage", "state", "config", "dataset", "inputs", "checkpoint", "note",
            "queued_at", "running_at", "ended_at", "attempts", "worker", "progress_step", "progress_total", "result",
            "error", "log_tail",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "integer"}}})
    def get_inputs(self, run: Run) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for item in run.inputs.all():
            found.setdefault(item.field, []).append(item.checkpoint_id)
        return found

    @extend_schema_field({"type": "integer", "nullable": True})
    def get_checkpoint(self, run: Run) -> int | None:
        return next((checkpoint.pk for checkpoint in run.checkpoints.all()), None)


class NewRunSerializer(serializers.Serializer[Any]):
    """`inputs` maps a config field to checkpoint ids; what is left out gets a sensible default."""

    stage = serializers.ChoiceField(choices=Stage.choices)
    config = serializers.DictField(required=False, default=dict)
    dataset = serializers.IntegerField(required=False, allow_null=True, default=None)
    inputs = serializers.DictField(
        child=serializers.ListField(child=serializers.IntegerField()), required=False, default=dict
    )
    round = serializers.IntegerField(required=False, allow_null=True, default=None, help_text="The round's number.")
    note = serializers.CharField(required=False, allow_blank=True, default="")


class MetricSerializer(serializers.ModelSerializer[RunMetric]):
    class Meta:
        model = RunMetric
        fields = ["id", "step", "time", "values"]


class MetricsSerializer(serializers.Serializer[Any]):
    """Metrics after the id that was asked for, and where the run stands. Ask again with ``after=last``.

    When `attempt` is another one than before, the run started again: forget what you have and ask from 0.
    """

    state = serializers.CharField()
    attempt = serializers.IntegerField()
    progress_step = serializers.IntegerField()
    progress_total = serializers.IntegerField()
    last = serializers.IntegerField(help_text="Id of the last metric given, or the one asked for.")
    metrics = MetricSerializer(many=True)


class LogSerializer(serializers.Serializer[Any]):
    log = serializers.CharField(help_text="The last lines of the run's log.")


class SampleSerializer(serializers.ModelSerializer[Sample]):
    class Meta:
        model = Sample
        fields = ["id", "prompt", "checkpoint", "number", "text", "finish_reason", "seed", "temperature", "top_p",
                  "completion"]  # fmt: skip


class PublishSerializer(serializers.Serializer[Any]):
    round = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        help_text="An open round's number; without it the next one opens.",
    )


class PublishedSerializer(serializers.Serializer[Any]):
    round = serializers.IntegerField()
    tasks = serializers.IntegerField()
    left_out = serializers.DictField(child=serializers.IntegerField())


class NextActionSerializer(serializers.Serializer[Any]):
    verb = serializers.CharField()
    target = serializers.CharField(allow_blank=True)
    in_next_round = serializers.BooleanField()
    label = serializers.CharField()  # type: ignore[assignment]
    why = serializers.CharField()


class StepSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField()
    table = serializers.DictField(child=serializers.DictField(child=serializers.IntegerField()))
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    wanted = serializers.IntegerField()
    blocked = serializers.CharField(allow_blank=True)


class LoopSerializer(serializers.Serializer[Any]):
    project = serializers.SlugField(source="project.slug")
    round = serializers.IntegerField(source="facts.round", allow_null=True)
    next_action = NextActionSerializer()
    steps = StepSerializer(many=True)
    runs_in_flight = RunSerializer(many=True)
    recent_runs = RunSerializer(many=True)
    datasets = DatasetSerializer(many=True)
    checkpoints = CheckpointSerializer(many=True)


ANY_FILE = OpenApiTypes.BINARY
