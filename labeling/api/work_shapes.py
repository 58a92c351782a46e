"""What the API of a labeler's work takes and gives. Nothing here knows which policy wrote an output."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from labeling.api.form_shapes import AskedSerializer, asked_shape
from labeling.judgements import ComparisonJudgement, is_pk, with_qualities
from labeling.models import (
    Assignment,
    Comparison,
    Demonstration,
    Prompt,
    TaskKind,
)
from labeling.services.nothing import REASONS
from labeling.services.queue import SKIP_REASONS
from labeling.services.rankings import signed_strength


class WantedSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=TaskKind.choices, required=False, allow_null=True)


class OutputSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    text = serializers.CharField()
    finished = serializers.BooleanField(help_text="Ended by itself, not cut at the length limit.")


class ShownPromptSerializer(serializers.ModelSerializer[Prompt]):
    messages = serializers.ListField(child=serializers.DictField(child=serializers.CharField()), read_only=True)

    class Meta:
        model = Prompt
        fields = ("messages", "reference", "category", "language", "sensitive")
        read_only_fields = fields


class AssignmentSerializer(serializers.ModelSerializer[Assignment]):
    """A task as its labeler sees it: the outputs in the order shown."""

    kind = serializers.CharField(source="task.kind")
    project = serializers.SlugField(source="task.project.slug")
    prompt = ShownPromptSerializer(source="task.prompt", allow_null=True)
    brief = serializers.DictField(source="task.brief", help_text="What is wanted, of a task to write a prompt.")
    completions = serializers.SerializerMethodField()
    comparison = serializers.SerializerMethodField()
    draft = serializers.DictField()
    guidelines_version = serializers.IntegerField(source="task.project.guidelines_version")

    class Meta:
        model = Assignment
        fields = (
            "token",
            "kind",
            "project",
            "state",
            "expires_at",
            "prompt",
            "brief",
            "completions",
            "comparison",
            "draft",
            "draft_version",
            "guidelines_version",
        )
        read_only_fields = fields

    @extend_schema_field(OutputSerializer(many=True))
    def get_completions(self, assignment: Assignment) -> list[dict[str, Any]]:
        by_pk = {output.pk: output for output in assignment.task.completions.all()}
        return [{"id": pk, "text": by_pk[pk].text, "finished": by_pk[pk].finished} for pk in assignment.shown_order]

    @extend_schema_field(AskedSerializer(allow_null=True))
    def get_comparison(self, assignment: Assignment) -> dict[str, Any] | None:
        return asked_shape(assignment)


class NothingSerializer(serializers.Serializer[Any]):
    """Why there is no task; `languages`, `skills` and `sensitive` say what open work asks for that you do not have."""

    reason = serializers.ChoiceField(choices=list(REASONS))
    until = serializers.DateTimeField(allow_null=True)
    languages = serializers.ListField(child=serializers.CharField())
    skills = serializers.ListField(child=serializers.CharField())
    sensitive = serializers.BooleanField()


class ClaimSerializer(serializers.Serializer[Any]):
    assignment = AssignmentSerializer(allow_null=True)
    nothing = NothingSerializer(allow_null=True)


class DraftSerializer(serializers.Serializer[Any]):
    draft = serializers.DictField()
    base_version = serializers.IntegerField(min_value=0)
    active_seconds = serializers.IntegerField(
        min_value=0, max_value=86_400, default=0, help_text="Time with signs of life since the last save."
    )


class DraftSavedSerializer(serializers.Serializer[Any]):
    draft_version = serializers.IntegerField()
    draft_saved_at = serializers.DateTimeField(allow_null=True)
    state = serializers.CharField()
    expires_at = serializers.DateTimeField()


class PromptFlagsField(serializers.ListField):
    """What is true of the prompt: null is unanswered, an empty list says "none of these"."""

    child = serializers.CharField(max_length=40)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "allow_null": True, **kwargs})


class NewDemonstrationSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(trim_whitespace=False, allow_blank=True)
    note = serializers.CharField(allow_blank=True, default="")
    prompt_flags = PromptFlagsField()


class NewComparisonSerializer(serializers.Serializer[Any]):
    """By output id. A lower rank is better, equal ranks are a tie; what is unanswered is null or left out.

    `answers` goes by output id and the key of the form's field. A pair has a `strength` in place of ranks: negative
    when the first of `completions` is better, 0 for a tie. `qualities` is the older way to answer the key quality.
    """

    ranks = serializers.DictField(child=serializers.IntegerField(), default=dict)
    answers = serializers.DictField(
        child=serializers.DictField(child=serializers.JSONField(allow_null=True)), default=dict
    )
    qualities = serializers.DictField(child=serializers.IntegerField(allow_null=True), default=dict)
    strength = serializers.IntegerField(allow_null=True, default=None)
    edited_text = serializers.CharField(trim_whitespace=False, allow_blank=True, default="")
    none_acceptable = serializers.BooleanField(default=False)
    note = serializers.CharField(allow_blank=True, default="")
    prompt_flags = PromptFlagsField(default=None)

    def validate_ranks(self, value: dict[str, int]) -> dict[int, int]:
        return by_output(value)

    def validate_answers(self, value: dict[str, dict[str, Any]]) -> dict[int, dict[str, Any]]:
        return by_output(value)

    def validate_qualities(self, value: dict[str, int | None]) -> dict[int, int | None]:
        return by_output(value)

    @staticmethod
    def judgement(given: dict[str, Any]) -> ComparisonJudgement:
        """Return what the service takes."""
        values = {name: value for name, value in given.items() if name not in ("answers", "qualities")}
        return ComparisonJudgement(answers=with_qualities(given["answers"], given["qualities"]), **values)


def by_output(value: dict[str, Any]) -> dict[int, Any]:
    """JSON's keys are texts; return them as the ids they are."""
    if not all(map(is_pk, value)):
        raise serializers.ValidationError("The keys must be ids of outputs.")
    found = {int(key): answer for key, answer in value.items()}
    if len(found) != len(value):
        raise serializers.ValidationError("An output is named twice.")
    return found


class SkipSerializer(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(choices=list(SKIP_REASONS))
    note = serializers.CharField(allow_blank=True, default="", max_length=2000)


class DemonstrationSerializer(serializers.ModelSerializer[Demonstration]):
    prompt_flags = serializers.ListField(child=serializers.CharField(), read_only=True, allow_null=True)

    class Meta:
        model = Demonstration
        fields = ("id", "text", "note", "prompt_flags", "revision", "surplus", "simulated", "created_at")
        read_only_fields = fields


class ComparisonSerializer(serializers.ModelSerializer[Comparison]):
    judged = serializers.SerializerMethodField()
    strength = serializers.SerializerMethodField()
    prompt_flags = serializers.ListField(child=serializers.CharField(), read_only=True, allow_null=True)
    summary = serializers.CharField(read_only=True)

    class Meta:
        model = Comparison
        fields = (
            "id", "judged", "summary", "mode", "strength", "edited_text", "none_acceptable", "note", "prompt_flags",
            "revision", "surplus", "simulated", "created_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_strength(self, comparison: Comparison) -> int | None:
        """As it is sent: negative when the output shown first is better."""
        judged = sorted(comparison.judged.all(), key=lambda output: output.shown_position)
        ranks = {output.completion_id: output.rank for output in judged}
        return signed_strength(list(ranks), ranks, comparison.strength)

    def get_judged(self, comparison: Comparison) -> list[dict[str, Any]]:
        return [
            {"id": output.completion_id, "rank": output.rank, "quality": output.quality, "answers": output.given}
            for output in comparison.judged.all()
        ]


class MyWorkSerializer(serializers.ModelSerializer[Assignment]):
    kind = serializers.CharField(source="task.kind")
    project = serializers.SlugField(source="task.project.slug")
    prompt = serializers.CharField(source="task.prompt.last_turn", allow_null=True)
    verdict = serializers.CharField(
        allow_null=True, read_only=True, help_text="The last word of a reviewer on the newest revision."
    )
    unread = serializers.BooleanField(read_only=True, help_text="A verdict or an answer that I have not looked at.")

    class Meta:
        model = Assignment
        fields = (
            "token", "kind", "project", "prompt", "state", "claimed_at", "ended_at", "skip_reason", "active_seconds",
            "verdict", "unread",
        )  # fmt: skip
        read_only_fields = fields
