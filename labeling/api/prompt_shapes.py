"""What the API of prompts that labelers write takes and gives."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from labeling.api.work_shapes import PromptFlagsField
from labeling.few_shot import MOST_PAIRS, Pair
from labeling.models import PromptKind, WrittenPrompt


class PairSerializer(serializers.Serializer[Any]):
    query = serializers.CharField(trim_whitespace=False, allow_blank=True)
    response = serializers.CharField(trim_whitespace=False, allow_blank=True)


class NewWrittenPromptSerializer(serializers.Serializer[Any]):
    """A prompt, or the instruction and the pairs of a few-shot one: the task's brief says which is wanted."""

    text = serializers.CharField(trim_whitespace=False, allow_blank=True)
    pairs = PairSerializer(many=True, required=False)
    category = serializers.CharField(max_length=80, allow_blank=True, default="")
    note = serializers.CharField(allow_blank=True, default="")
    prompt_flags = PromptFlagsField()

    def validate_pairs(self, value: list[dict[str, str]]) -> tuple[Pair, ...]:
        return tuple(Pair(pair["query"], pair["response"]) for pair in value)


class WrittenPromptSerializer(serializers.ModelSerializer[WrittenPrompt]):
    pairs = PairSerializer(many=True, read_only=True)
    prompt_flags = serializers.ListField(child=serializers.CharField(), read_only=True, allow_null=True)
    prompts: Any = serializers.PrimaryKeyRelatedField(many=True, read_only=True)

    class Meta:
        model = WrittenPrompt
        fields = (
            "id", "kind", "text", "pairs", "use_case", "category", "note", "prompt_flags", "prompts", "revision",
            "surplus", "simulated", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class PromptTasksSerializer(serializers.Serializer[Any]):
    """Ask labelers for prompts in the open round; `count` of them, of user-based ones for each use case."""

    kind = serializers.ChoiceField(choices=PromptKind.choices, default=PromptKind.PLAIN)
    count = serializers.IntegerField()
    use_cases = serializers.ListField(child=serializers.CharField(allow_blank=True), default=list)
    pairs = serializers.IntegerField(
        required=False,
        allow_null=True,
        help_text=f"Of a few-shot prompt, up to {MOST_PAIRS}; null: as the labeler likes.",
    )
    category = serializers.CharField(allow_blank=True, default="")
    language = serializers.CharField(allow_blank=True, default="")
    skill = serializers.CharField(allow_blank=True, default="")
    priority = serializers.IntegerField(default=0)


class SensitiveSerializer(serializers.Serializer[Any]):
    sensitive = serializers.BooleanField()
