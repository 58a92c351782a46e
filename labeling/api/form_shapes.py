"""What the API of judgement forms takes and gives, and what a labeler's front end needs to know of one."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from labeling.built_in_forms import BUILT_IN
from labeling.judgement_forms import KINDS, as_json
from labeling.models import Assignment, CompareMode, TaskKind
from labeling.services.judgement_forms import MAX_NAME, Form
from labeling.services.judging import asked_for
from labeling.services.rankings import LEVELS


class ChoiceSerializer(serializers.Serializer[Any]):
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]


class QuestionSerializer(serializers.Serializer[Any]):
    """One question about an output; what is empty is left out."""

    key = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(KINDS))
    label = serializers.CharField()  # type: ignore[assignment]
    help = serializers.CharField(required=False)
    low = serializers.IntegerField(required=False)
    high = serializers.IntegerField(required=False)
    low_label = serializers.CharField(required=False)
    high_label = serializers.CharField(required=False)
    choices = ChoiceSerializer(many=True, required=False)
    required = serializers.BooleanField(default=False)  # type: ignore[assignment]


@extend_schema_field(QuestionSerializer(many=True))
class QuestionsField(serializers.JSONField):
    """The fields as they came: the service checks them and names every one that is wrong."""


class NewFormSerializer(serializers.Serializer[Any]):
    """The next version: one that comes with Volant (`built_in`), a list of `rules`, or `fields` of one's own."""

    name = serializers.CharField(required=False, max_length=MAX_NAME)
    built_in = serializers.ChoiceField(choices=list(BUILT_IN), required=False)
    rules = serializers.ListField(child=serializers.CharField(), required=False)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "fields": QuestionsField(required=False)}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if sum(name in attrs for name in ("built_in", "rules", "fields")) != 1:
            raise serializers.ValidationError({"fields": ["Send one of built_in, rules and fields."]})
        return attrs


class FormSerializer(serializers.Serializer[Form]):
    """A version of a form. Version 0: the project never chose one and asks for quality alone."""

    name = serializers.CharField()
    version = serializers.IntegerField()

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "fields": QuestionSerializer(many=True)}

    def to_representation(self, form: Form) -> dict[str, Any]:
        shown = as_json(field.shown() for field in form.fields)
        return {"name": form.name, "version": form.version, "fields": shown}


class AskedSerializer(serializers.Serializer[Any]):
    """How a comparison is judged: `mode` ranking wants ranks, the modes for pairs a strength up to `levels`."""

    mode = serializers.ChoiceField(choices=CompareMode.choices)
    levels = serializers.IntegerField(allow_null=True)
    ratings_first = serializers.BooleanField(help_text="Every required question of every output must be answered.")
    edit_step = serializers.BooleanField(help_text="The best output may be improved as edited_text.")
    form = FormSerializer()


def asked_shape(assignment: Assignment) -> dict[str, Any] | None:
    """Return what `AskedSerializer` says, None for a task that compares nothing."""
    if assignment.task.kind != TaskKind.COMPARE:
        return None
    asked = asked_for(assignment)
    return {
        "mode": asked.mode,
        "levels": LEVELS.get(asked.mode),
        "ratings_first": asked.ratings_first,
        "edit_step": asked.edits,
        "form": FormSerializer(asked.form).data,
    }
