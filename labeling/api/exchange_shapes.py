"""What the API of threads, revisions and reviews takes and gives."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from labeling.api.prompt_shapes import NewWrittenPromptSerializer, WrittenPromptSerializer
from labeling.api.work_shapes import ComparisonSerializer, DemonstrationSerializer, NewComparisonSerializer
from labeling.api.work_shapes import NewDemonstrationSerializer as NewDemonstration
from labeling.current_answers import CurrentAnswer
from labeling.models import Assignment, Comparison, Demonstration, Review, ThreadMessage, Verdict


class MessageSerializer(serializers.ModelSerializer[ThreadMessage]):
    author = serializers.CharField(source="author.username", read_only=True)

    class Meta:
        model = ThreadMessage
        fields = ("id", "author", "text", "created_at")
        read_only_fields = ("id", "author", "created_at")


class NewMessageSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(trim_whitespace=False, allow_blank=True)


class ReviewSerializer(serializers.ModelSerializer[Review]):
    reviewer = serializers.CharField(source="reviewer.username", read_only=True)

    class Meta:
        model = Review
        fields = ("id", "reviewer", "revision", "verdict", "score", "comment", "created_at")
        read_only_fields = fields


class NewReviewSerializer(serializers.Serializer[Any]):
    """A word on the revision that was read; sent back needs a comment, a score is for written answers."""

    revision = serializers.IntegerField(min_value=1)
    verdict = serializers.ChoiceField(choices=[Verdict.APPROVED.value, Verdict.SENT_BACK.value])
    comment = serializers.CharField(allow_blank=True, default="")
    score = serializers.IntegerField(allow_null=True, default=None)


class RevisedDemonstrationSerializer(NewDemonstration):
    """The next revision of a written answer, and why; `revision` is the one that it corrects."""

    revision = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(allow_blank=True, default="")


class RevisedComparisonSerializer(NewComparisonSerializer):
    """The next revision of a comparison, and why; `revision` is the one that it corrects."""

    revision = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(allow_blank=True, default="")


class RevisedPromptSerializer(NewWrittenPromptSerializer):
    """The next revision of a prompt that I wrote, and why, while nothing has used it."""

    revision = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(allow_blank=True, default="")


class RevisionSerializer(serializers.Serializer[Any]):
    """One revision of an answer: who made it, when and why, and what it says."""

    revision = serializers.IntegerField()
    is_current = serializers.BooleanField()
    actor = serializers.CharField(source="actor.username", allow_null=True)
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    frozen_at = serializers.DateTimeField(allow_null=True)
    guidelines_version = serializers.IntegerField()
    objective = serializers.CharField()
    says = serializers.SerializerMethodField()

    def get_says(self, answer: CurrentAnswer) -> dict[str, Any]:
        return answer_as_json(answer)


class SubmittedSerializer(serializers.ModelSerializer[Assignment]):
    """Work that waits for review or was reviewed. It says nothing of the policy behind an output."""

    labeler = serializers.CharField(source="labeler.username")
    kind = serializers.CharField(source="task.kind")
    project = serializers.SlugField(source="task.project.slug")
    verdict = serializers.CharField(allow_null=True)
    revision = serializers.IntegerField(source="current_revision")

    class Meta:
        model = Assignment
        fields = ("id", "labeler", "kind", "project", "ended_at", "active_seconds", "revision", "verdict")
        read_only_fields = fields


class OpenQuestionSerializer(MessageSerializer):
    """A question that nobody has answered; `work` is where the answer goes."""

    work = serializers.IntegerField(source="assignment_id", read_only=True)

    class Meta(MessageSerializer.Meta):
        fields = (*MessageSerializer.Meta.fields, "work")  # type: ignore[assignment]


class UnderReviewSerializer(serializers.Serializer[Any]):
    """One piece of work with the answers of others to the same task; `disagreement` is 0 to 1, null when unknown."""

    id = serializers.IntegerField()
    labeler = serializers.CharField()
    kind = serializers.CharField()
    prompt = serializers.JSONField(allow_null=True, help_text="The conversation.")
    outputs = serializers.DictField(child=serializers.CharField(), help_text="Text by id, in the order of storage.")
    answers = serializers.ListField(child=serializers.DictField(), help_text="The one under review first.")
    disagreement = serializers.FloatField(allow_null=True)
    reviews = ReviewSerializer(many=True)
    thread = MessageSerializer(many=True)


def answer_as_json(answer: CurrentAnswer) -> dict[str, Any]:
    """Return any kind of answer in the shape in which it was submitted."""
    if isinstance(answer, Demonstration):
        return dict(DemonstrationSerializer(answer).data)
    if isinstance(answer, Comparison):
        return dict(ComparisonSerializer(answer).data)
    return dict(WrittenPromptSerializer(answer).data)
