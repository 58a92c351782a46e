"""A database of the first loop, with rows of every kind, comes through the migrations of the workbench whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts.models import User
from labeling.judgements import ComparisonJudgement
from labeling.models import (
    Acknowledgement,
    Assignment,
    Comparison,
    Demonstration,
    GuidelinesVersion,
    Project,
    Slot,
)
from labeling.own_work import Wanted, own_work
from labeling.services import answers, queue, revisions
from labeling.services.judgement_forms import current_form

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FIRST_LOOP = {"labeling": "0004_answers", "accounts": "0001_initial", "training": "0004_checkpoint_preset"}
"""The newest migrations of the release before the workbench (tag issue2)."""
NAME = "upgraded"


@pytest.fixture
def empty_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A database of its own, since the tests' one stands at the newest migration."""
    tests_own = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]  # Django's own way to make a database
            cursor.execute(f"DROP DATABASE IF EXISTS {NAME}")
            cursor.execute(f"CREATE DATABASE {NAME}")
        connection.close()
        connection.settings_dict["NAME"] = NAME
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = tests_own
            with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
                cursor.execute(f"DROP DATABASE {NAME}")


def migrate(to: dict[str, str] | None = None) -> Any:
    """Migrate to the newest, or to those named; returns the models as they are there."""
    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    targets = [(app, to.get(app, name)) for app, name in leaves] if to else leaves
    executor.migrate(targets)
    return executor.loader.project_state(targets).apps


class FirstLoop:
    """Makes rows as the first loop had them: its models know no lane, no form and no `opened_at`."""

    def __init__(self, apps: Any) -> None:
        self.apps = apps
        self.number = 0
        self.boss = self.make("accounts", "User", username="boss", role="researcher")
        self.ada = self.make("accounts", "User", username="ada", role="labeler")
        self.bob = self.make("accounts", "User", username="bob", role="labeler")
        self.project = self.make(
            "labeling", "Project", name="Tutor", slug="tutor", guidelines="Be kind.", guidelines_version=3,
            created_by=self.boss, ratings_first=True,
        )  # fmt: skip
        self.round = self.make("labeling", "Round", project=self.project, number=1)
        for user in (self.ada, self.bob):
            self.make("labeling", "Membership", project=self.project, user=user)

    def make(self, app: str, model: str, **columns: Any) -> Any:
        return self.apps.get_model(app, model).objects.create(**columns)

    def prompt(self, language: str) -> Any:
        self.number += 1
        messages = [{"role": "user", "content": f"Question {self.number}?"}]
        return self.make(
            "labeling", "Prompt", project=self.project, messages=messages, sha256=f"{self.number:064}",
            key=f"key-{self.number}", split="train", language=language,
        )  # fmt: skip

    def task(self, kind: str, *, language: str = "en", **slot: Any) -> Any:
        common = {"project": self.project, "round": self.round, "kind": kind}
        task = self.make("labeling", "Task", prompt=self.prompt(language), **common)
        self.make("labeling", "Slot", task=task, number=1, **common, **slot)
        if kind == "compare":
            for position, text in enumerate(("one", "two", "three"), start=1):
                self.make("labeling", "Completion", task=task, position=position, text=text)
        return task

    def lease(self, task: Any, labeler: Any, state: str, *, slot: Any = None, **columns: Any) -> Any:
        ended = None if state in ("active", "expired") else timezone.now()
        shown = list(
            self.apps.get_model("labeling", "Completion").objects.filter(task=task).values_list("pk", flat=True)
        )
        return self.make(
            "labeling", "Assignment", task=task, slot=slot or task.slots.get(), labeler=labeler, state=state,
            claimed_at=timezone.now(), expires_at=timezone.now() + timedelta(hours=1), ended_at=ended,
            shown_order=shown, **columns,
        )  # fmt: skip

    def answer(self, model: str, lease: Any, **columns: Any) -> Any:
        common = {"project": self.project, "round": self.round, "prompt": lease.task.prompt, "assignment": lease}
        return self.make("labeling", model, **common, labeler=lease.labeler, actor=lease.labeler, **columns)


def fill(old: FirstLoop) -> SimpleNamespace:
    """Tasks that are open, held, expired, skipped and done; answers that were revised; rankings, rated and not."""
    soon = timezone.now() + timedelta(hours=1)
    opened = [old.task("write"), old.task("write", language="zh"), old.task("compare")]
    held = old.lease(old.task("write", state="held", held_until=soon), old.ada, "active", draft={"text": "Half an"})
    comparing = old.lease(
        old.task("compare", state="held", held_until=soon), old.bob, "active", draft={"qualities": {}, "ranks": {}}
    )
    for state in ("expired", "skipped", "released"):
        old.lease(old.task("write"), old.bob, state)
    done = old.lease(old.task("write", state="done"), old.ada, "submitted")
    old.answer("Demonstration", done, text="First words.", is_current=False)
    revised = old.answer("Demonstration", done, text="Better words.", revision=2, guidelines_version=2)
    outside = old.make(
        "labeling", "Demonstration", project=old.project, prompt=old.prompt("en"), text="Imported.",
        external_labeler="A. Non",
    )  # fmt: skip
    ranked = old.lease(old.task("compare", state="done"), old.ada, "submitted")
    comparison = old.answer("Comparison", ranked, none_acceptable=True, note="All poor.")
    for position, (pk, rank, quality) in enumerate(zip(ranked.shown_order, (1, 2, 2), (4, None, 2), strict=True), 1):
        old.make(
            "labeling", "JudgedOutput", comparison=comparison, completion_id=pk, rank=rank, quality=quality,
            shown_position=position,
        )  # fmt: skip
    return SimpleNamespace(
        opened=opened, held=held, comparing=comparing, revised=revised, outside=outside, comparison=comparison
    )


def test_a_database_of_the_first_loop_is_migrated_with_its_rows(empty_database: None) -> None:
    old = FirstLoop(migrate(FIRST_LOOP))
    had = fill(old)
    tables = ("Prompt", "Task", "Slot", "Assignment", "Demonstration", "Comparison", "JudgedOutput", "Completion")
    before = {table: old.apps.get_model("labeling", table).objects.count() for table in tables}
    now = migrate()
    assert {table: now.get_model("labeling", table).objects.count() for table in tables} == before, "no row is lost"
    project = Project.objects.get()
    ada, bob = User.objects.get(username="ada"), User.objects.get(username="bob")

    languages = {slot.task.prompt.language for slot in Slot.objects.select_related("task__prompt", "lane")}
    assert languages == {"en", "zh"} and project.lanes.count() == 2
    assert all(slot.lane.language == slot.task.prompt.language for slot in Slot.objects.select_related("lane"))
    assert not Assignment.objects.filter(opened_at=None).exists(), "what was given out was seen"
    version = GuidelinesVersion.objects.get()
    assert (version.version, version.text, version.created_by) == (3, "Be kind.", User.objects.get(username="boss"))
    assert set(Acknowledgement.objects.values_list("user__username", "version")) == {("ada", 3), ("bob", 3)}
    assert [field.key for field in current_form(project).fields] == ["quality"]

    _work_goes_on(had, project, ada, bob)


def _work_goes_on(had: SimpleNamespace, project: Project, ada: User, bob: User) -> None:
    resumed = queue.claim_next(labeler=ada, project=project, kind="write").assignment
    assert resumed is not None and (resumed.pk, resumed.draft) == (had.held.pk, {"text": "Half an"})
    answers.submit_demonstration(token=resumed.token, labeler=ada, text="Half an answer and the rest.")
    following = queue.claim_next(labeler=ada, project=project, kind="write").assignment
    assert following is not None and following.pk != resumed.pk
    ranks = dict.fromkeys(had.comparing.shown_order, 1)
    rated = {pk: {"quality": 3} for pk in ranks}
    judged = answers.submit_comparison(
        token=had.comparing.token, labeler=bob, judgement=ComparisonJudgement(ranks=ranks, answers=rated)
    )
    assert (judged.mode, judged.form and judged.form.version, judged.guidelines_version) == ("ranking", 1, 3)

    revised = Demonstration.objects.get(pk=had.revised.pk)
    again = revisions.revise_demonstration(actor=ada, previous=revised, text="The best words.")
    assert (again.revision, again.guidelines_version, revised.guidelines_version) == (3, 3, 2)
    imported = Demonstration.objects.get(pk=had.outside.pk)
    assert (imported.external_labeler, imported.objective, imported.prompt_flags) == ("A. Non", "helpful_first", None)
    comparison = Comparison.objects.get(pk=had.comparison.pk)
    assert (comparison.summary(), comparison.mode, comparison.form) == ("A > B = C", "ranking", None)
    given = {output.completion_id: output.given for output in comparison.judged.all()}
    assert list(given.values()) == [{"quality": 4}, {}, {"quality": 2}], "unanswered stays unanswered"
    everything = {pk: {"quality": 5} for pk in given}
    mended = revisions.revise_comparison(
        actor=ada, previous=comparison, judgement=ComparisonJudgement(ranks=dict.fromkeys(given, 1), answers=everything)
    )
    assert (mended.revision, mended.form) == (2, None)
    assert {row.pk for row in own_work(ada, Wanted(query="best words"))} == {again.assignment_id}
