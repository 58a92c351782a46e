"""Nouns for tests, with the least that the database wants. They go round the services: use those where they matter."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from accounts.models import Role, User
from labeling.conversations import fingerprint
from labeling.models import (
    Assignment,
    Completion,
    Demonstration,
    Membership,
    Project,
    Prompt,
    Round,
    Slot,
    SlotState,
    Source,
    Task,
    TaskKind,
)
from labeling.services.new_tasks import open_lanes
from labeling.splits import split_of
from training.models import Checkpoint, CheckpointKind, Dataset, DatasetKind, Run, Sample, Stage

PASSWORD = "a long enough passphrase"


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}")
    display_name = factory.LazyAttribute(lambda user: user.username.title())
    role = Role.LABELER

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        password = kwargs.pop("password", PASSWORD)
        return model_class.objects.create_user(*args, password=password, **kwargs)

    @factory.post_generation
    def member_of(self: User, create: bool, extracted: Any, **_kwargs: Any) -> None:  # type: ignore[misc]
        """`UserFactory(member_of=project)` or a list of projects."""
        for project in extracted if isinstance(extracted, list | tuple) else filter(None, [extracted]):
            Membership.objects.create(project=project, user=self)


class ReviewerFactory(UserFactory):
    role = Role.REVIEWER


class ResearcherFactory(UserFactory):
    role = Role.RESEARCHER


class AdminFactory(UserFactory):
    role = Role.ADMIN


class ProjectFactory(DjangoModelFactory[Project]):
    class Meta:
        model = Project

    name = factory.Sequence(lambda n: f"Assistant {n}")
    slug = factory.Sequence(lambda n: f"assistant-{n}")
    ratings_first = False
    overlap_share = 0.0


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    project = factory.SubFactory(ProjectFactory)
    user = factory.SubFactory(UserFactory)


class PromptFactory(DjangoModelFactory[Prompt]):
    """`PromptFactory(text="...")`, or `messages=[...]`. The split follows from the key unless given."""

    class Meta:
        model = Prompt

    class Params:
        text = factory.Sequence(lambda n: f"Question {n}?")

    project = factory.SubFactory(ProjectFactory)
    messages = factory.LazyAttribute(lambda prompt: [{"role": "user", "content": prompt.text}])
    follow_ups = factory.LazyFunction(list)
    sha256 = factory.LazyAttribute(lambda prompt: fingerprint(prompt.messages, prompt.follow_ups))
    key = factory.Sequence(lambda n: f"key-{n}")
    split = factory.LazyAttribute(lambda prompt: split_of(prompt.key, prompt.project.valid_share))
    source = Source.LABELER
    language = "en"


class RoundFactory(DjangoModelFactory[Round]):
    class Meta:
        model = Round

    project = factory.SubFactory(ProjectFactory)
    number = factory.LazyAttribute(lambda turn: Round.objects.filter(project=turn.project).count() + 1)


class TaskFactory(DjangoModelFactory[Task]):
    """A write task with one open slot; `slots=2` for more."""

    class Meta:
        model = Task
        skip_postgeneration_save = True

    round = factory.SubFactory(RoundFactory)
    project = factory.SelfAttribute("round.project")
    prompt = factory.SubFactory(PromptFactory, project=factory.SelfAttribute("..project"))
    kind = TaskKind.WRITE

    @factory.post_generation
    def slots(self: Task, create: bool, extracted: int | None, **_kwargs: Any) -> None:  # type: ignore[misc]
        prompt = self.prompt
        wanted = (prompt.language, prompt.skill, prompt.sensitive) if prompt else ("", "", False)
        lane = open_lanes(self.project, {wanted})[wanted]
        for number in range(1, (1 if extracted is None else extracted) + 1):
            Slot.objects.create(
                task=self, number=number, project_id=self.project_id, round_id=self.round_id, kind=self.kind, lane=lane
            )


class CompareTaskFactory(TaskFactory):
    """A compare task with four outputs; `outputs=["...", ...]` for others."""

    kind = TaskKind.COMPARE

    @factory.post_generation
    def outputs(self: Task, create: bool, extracted: list[str] | None, **_kwargs: Any) -> None:  # type: ignore[misc]
        texts = extracted or ["First answer.", "Second answer.", "Third answer.", "Fourth answer."]
        Completion.objects.bulk_create(
            Completion(task=self, position=position, text=text) for position, text in enumerate(texts, start=1)
        )


class AssignmentFactory(DjangoModelFactory[Assignment]):
    """An active lease on the first slot of a task."""

    class Meta:
        model = Assignment

    task = factory.SubFactory(TaskFactory)
    slot = factory.LazyAttribute(lambda lease: lease.task.slots.order_by("number").first())
    labeler = factory.SubFactory(UserFactory)
    claimed_at = factory.LazyFunction(timezone.now)
    opened_at = factory.SelfAttribute("claimed_at")
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(minutes=20))
    shown_order = factory.LazyAttribute(lambda lease: list(lease.task.completions.values_list("pk", flat=True)))

    @classmethod
    def _create(cls, model_class: type[Assignment], *args: Any, **kwargs: Any) -> Assignment:
        made = super()._create(model_class, *args, **kwargs)
        if made.state == "active":
            Slot.objects.filter(pk=made.slot_id).update(state=SlotState.HELD, held_until=made.expires_at)
        return made


class DemonstrationFactory(DjangoModelFactory[Demonstration]):
    class Meta:
        model = Demonstration

    prompt = factory.SubFactory(PromptFactory)
    project = factory.SelfAttribute("prompt.project")
    labeler = factory.SubFactory(UserFactory)
    actor = factory.SelfAttribute("labeler")
    text = factory.Sequence(lambda n: f"Answer {n}.")


class CheckpointFactory(DjangoModelFactory[Checkpoint]):
    class Meta:
        model = Checkpoint

    project = factory.SubFactory(ProjectFactory)
    kind = CheckpointKind.SFT
    name = factory.Sequence(lambda n: f"policy-{n}")
    location = factory.Sequence(lambda n: f"checkpoints/policy-{n}")


class DatasetFactory(DjangoModelFactory[Dataset]):
    class Meta:
        model = Dataset

    project = factory.SubFactory(ProjectFactory)
    kind = DatasetKind.SFT
    version = factory.Sequence(lambda n: n + 1)
    path = factory.LazyAttribute(lambda frozen: f"datasets/{frozen.kind}-{secrets.token_hex(6)}")
    sha256 = "0" * 64
    manifest = factory.LazyFunction(dict)


class RunFactory(DjangoModelFactory[Run]):
    class Meta:
        model = Run

    project = factory.SubFactory(ProjectFactory)
    stage = Stage.SFT
    queued_at = factory.LazyFunction(timezone.now)


class SampleFactory(DjangoModelFactory[Sample]):
    class Meta:
        model = Sample

    run = factory.SubFactory(RunFactory, stage=Stage.GENERATE)
    prompt = factory.SubFactory(PromptFactory, project=factory.SelfAttribute("..run.project"))
    checkpoint = factory.SubFactory(CheckpointFactory, project=factory.SelfAttribute("..run.project"))
    number = 0
    text = factory.Sequence(lambda n: f"Sampled answer {n}.")
    finish_reason = "stop"
