"""What the API of projects, prompts and rounds takes and gives."""

from __future__ import annotations

import json
from typing import Any

from rest_framework import serializers

from labeling.importing.formats import AUTO, FORMATS
from labeling.models import (
    Project,
    Prompt,
    Round,
    Source,
    Split,
)
from labeling.services.projects import SETTINGS


class ProjectSerializer(serializers.ModelSerializer[Project]):
    class Meta:
        model = Project
        fields = ("id", "slug", *SETTINGS, "guidelines_version", "created_at")
        read_only_fields = ("id", "guidelines_version", "created_at")


class ProjectSettingsSerializer(ProjectSerializer):
    """What may be changed later: all but the address."""

    class Meta(ProjectSerializer.Meta):
        read_only_fields = (*ProjectSerializer.Meta.read_only_fields, "slug")  # type: ignore[assignment]


class MemberSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)


class PromptSerializer(serializers.ModelSerializer[Prompt]):
    messages = serializers.ListField(child=serializers.DictField(child=serializers.CharField()), read_only=True)
    follow_ups = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Prompt
        fields = (
            "id",
            "messages",
            "follow_ups",
            "continues",
            "reference",
            "source",
            "kind",
            "key",
            "split",
            "category",
            "language",
            "licence",
            "sensitive",
            "external_id",
            "created_at",
        )
        read_only_fields = fields


class DefaultsSerializer(serializers.Serializer[Any]):
    """For records that do not say it themselves."""

    source = serializers.ChoiceField(choices=Source.choices, default=Source.LABELER)  # type: ignore[assignment]
    key = serializers.CharField(max_length=200, allow_blank=True, default="")
    category = serializers.CharField(max_length=80, allow_blank=True, default="")
    language = serializers.CharField(max_length=16, allow_blank=True, default="")
    licence = serializers.CharField(max_length=80, allow_blank=True, default="")
    with_demonstrations = serializers.BooleanField(default=False)
    external_labeler = serializers.CharField(max_length=120, allow_blank=True, default="")


class DefaultsField(serializers.JSONField):
    """An object, or its JSON text: a multipart form has no objects."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str):
            try:
                data = json.loads(data or "{}")
            except ValueError:
                self.fail("invalid")
        serializer = DefaultsSerializer(data=data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data


class NewImportSerializer(serializers.Serializer[Any]):
    """JSON Lines, as an uploaded `file` or in `text`."""

    file = serializers.FileField(required=False, allow_empty_file=True)
    text = serializers.CharField(required=False, trim_whitespace=False, allow_blank=True)
    format = serializers.ChoiceField(choices=[AUTO, *FORMATS], default=AUTO)
    dry_run = serializers.BooleanField(default=False)
    defaults = DefaultsField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("file" in attrs) == ("text" in attrs):
            raise serializers.ValidationError({"file": ["Send either a file or a text."]})
        return attrs


class RefusalSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    reason = serializers.CharField()


class ImportReportSerializer(serializers.Serializer[Any]):
    format = serializers.CharField()
    accepted = serializers.IntegerField(help_text="Prompts that came in.")
    demonstrations = serializers.IntegerField()
    repeated = serializers.IntegerField(help_text="Prompts that the file or the project had already.")
    refused = RefusalSerializer(many=True)
    refused_count = serializers.IntegerField()
    dry_run = serializers.BooleanField()


class RoundSerializer(serializers.ModelSerializer[Round]):
    class Meta:
        model = Round
        fields = ("id", "number", "state", "opened_at", "closed_at")
        read_only_fields = fields


class WriteTasksSerializer(serializers.Serializer[Any]):
    """Ask for demonstrations of prompts that no round asked about yet, oldest first."""

    limit = serializers.IntegerField(min_value=1, max_value=100_000)
    split = serializers.ChoiceField(choices=Split.choices, required=False)
    source = serializers.ChoiceField(choices=Source.choices, required=False)  # type: ignore[assignment]
    judgements = serializers.IntegerField(min_value=1, max_value=10, required=False)
    priority = serializers.IntegerField(min_value=-1000, max_value=1000, default=0, help_text="Higher comes first.")


class WriteTasksMadeSerializer(serializers.Serializer[Any]):
    tasks = serializers.IntegerField()
