"""Lanes: who is qualified for what, and what is said to who is not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from labeling.models import Membership, Project, Round, Slot, TaskKind
from labeling.services import answers, projects, queue, rounds
from labeling.services.outlook import look
from labeling.views.work import say_nothing
from tests.factories import (
    PromptFactory,
    ResearcherFactory,
    RoundFactory,
    TaskFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def turn() -> Round:
    return RoundFactory()


def member(turn: Round, **qualified: Any) -> User:
    user = UserFactory()
    Membership.objects.create(project=turn.project, user=user, **qualified)
    return user


def task(turn: Round, **prompt: Any) -> int:
    return int(TaskFactory(round=turn, prompt=PromptFactory(project=turn.project, **prompt)).pk)


def all_of(labeler: User, turn: Round) -> tuple[set[int], queue.Nothing]:
    """Everything that a labeler is given until there is nothing, and why there is no more."""
    found: set[int] = set()
    while True:
        claim = queue.claim_next(labeler=labeler, project=turn.project, kind="write")
        if claim.assignment is None:
            assert claim.nothing is not None
            return found, claim.nothing
        found.add(claim.assignment.task_id)
        queue.release(token=claim.assignment.token, labeler=labeler)


def test_two_languages_never_cross(turn: Round) -> None:
    english = {task(turn, language="en") for _ in range(6)}
    chinese = {task(turn, language="zh") for _ in range(6)}
    taiwan = {task(turn, language="zh-Hant")}
    unknown = {task(turn, language="")}
    assert all_of(member(turn, languages=["en"]), turn)[0] == english | unknown
    assert all_of(member(turn, languages=["zh"]), turn)[0] == chinese | taiwan | unknown
    assert all_of(member(turn, languages=["zh-Hant"]), turn)[0] == taiwan | unknown
    assert all_of(member(turn), turn)[0] == english | chinese | taiwan | unknown


def test_two_skills_never_cross_and_no_skill_is_for_everybody(turn: Round) -> None:
    plain = {task(turn) for _ in range(4)}
    code = {task(turn, skill="code") for _ in range(4)}
    law = {task(turn, skill="law") for _ in range(4)}
    assert all_of(member(turn), turn)[0] == plain
    assert all_of(member(turn, skills=["code"]), turn)[0] == plain | code
    assert all_of(member(turn, skills=["code", "law"]), turn)[0] == plain | code | law


def test_sensitive_prompts_are_not_given_to_who_opted_out(turn: Round) -> None:
    plain, sensitive = task(turn), task(turn, sensitive=True)
    assert all_of(member(turn), turn)[0] == {plain, sensitive}
    found, nothing = all_of(member(turn, shows_sensitive=False), turn)
    assert found == {plain}
    assert (nothing.reason, nothing.sensitive, nothing.languages) == ("not_qualified", True, ())
    assert "Preferences" in say_nothing(nothing, turn.project)


def test_not_qualified_says_for_what(turn: Round) -> None:
    task(turn, language="zh", skill="law")
    task(turn, language="de")
    task(turn, language="en", skill="code")
    found, nothing = all_of(member(turn, languages=["en"], skills=["code"]), turn)
    assert len(found) == 1
    assert nothing.reason == "not_qualified"
    assert nothing.languages == ("de", "zh") and nothing.skills == ("law",) and not nothing.sensitive


def test_what_others_hold_in_a_closed_lane_is_theirs_to_finish(turn: Round) -> None:
    task(turn, language="zh")
    english, chinese = member(turn, languages=["en"]), member(turn, languages=["zh"])
    held = queue.claim_next(labeler=chinese, project=turn.project, kind="write").assignment
    assert held is not None
    nothing = queue.claim_next(labeler=english, project=turn.project, kind="write").nothing
    assert nothing is not None and nothing.reason == "none_left_for_you"
    answers.submit_demonstration(token=held.token, labeler=chinese, text="好。")
    nothing = queue.claim_next(labeler=english, project=turn.project, kind="write").nothing
    assert nothing is not None and nothing.reason == "done"


def test_a_task_to_write_a_prompt_has_no_prompt_and_a_lane_by_its_brief(turn: Round) -> None:
    made = TaskFactory(round=turn, prompt=None, kind=TaskKind.PROMPT, brief={"kind": "plain"})
    claim = queue.claim_next(labeler=member(turn), project=turn.project, kind="prompt")
    assert claim.assignment is not None and claim.assignment.task == made
    assert claim.assignment.task.prompt is None and claim.assignment.shown_order == []


def test_the_work_page_and_the_api_say_what_is_wanted(client: Any, turn: Round) -> None:
    task(turn, language="zh", skill="law")
    labeler = member(turn, languages=["en"])
    client.force_login(labeler)
    page = client.get("/").content.decode()
    assert "(languages: Chinese; skills: law). Ask a researcher" in page
    said = client.post(f"/api/v1/projects/{turn.project.slug}/next/").json()["nothing"]
    assert said["reason"] == "not_qualified" and said["languages"] == ["zh"] and said["skills"] == ["law"]
    sent = client.post(f"/work/{turn.project.slug}/next/write/", follow=True).content.decode()
    assert "(languages: Chinese; skills: law)" in sent


def test_priority_is_asked_for_with_the_tasks_and_kept_in_bounds(turn: Round) -> None:
    researcher = ResearcherFactory()
    first, urgent = PromptFactory(project=turn.project), PromptFactory(project=turn.project)
    of = turn.project.prompts.filter
    rounds.request_demonstrations(actor=researcher, round=turn, prompts=of(pk=first.pk))
    rounds.request_demonstrations(actor=researcher, round=turn, prompts=of(pk=urgent.pk), priority=7)
    assert Slot.objects.get(task__prompt=urgent).priority == 7
    claim = queue.claim_next(labeler=member(turn), project=turn.project)
    assert claim.assignment is not None and claim.assignment.task.prompt == urgent
    with pytest.raises(projects.InvalidInput) as refusal:
        rounds.request_demonstrations(actor=researcher, round=turn, prompts=of(), priority=100_000)
    assert "priority" in refusal.value.fields


def test_priority_counts_across_lanes(turn: Round) -> None:
    low = task(turn, language="en")
    high = task(turn, language="zh")
    Slot.objects.filter(task=high).update(priority=1)
    labeler = member(turn)
    assert {low, high} == all_of(labeler, turn)[0]
    first = queue.claim_next(labeler=member(turn), project=turn.project).assignment
    assert first is not None and first.task_id == high


CODES = st.sampled_from(["", "en", "zh", "zh-Hant", "de"])
SKILLS = st.sampled_from(["", "code", "law"])


@given(
    languages=st.lists(CODES.filter(bool), unique=True), skills=st.lists(SKILLS.filter(bool), unique=True),
    shows=st.booleans(), language=CODES, skill=SKILLS, sensitive=st.booleans(),
)  # fmt: skip
def test_more_qualifications_never_take_work_away(
    languages: list[str], skills: list[str], shows: bool, language: str, skill: str, sensitive: bool
) -> None:
    wants: dict[str, Any] = {"language": language, "skill": skill, "sensitive": sensitive}
    mine = Membership(languages=languages, skills=skills, shows_sensitive=shows)
    if mine.may_take(**wants):
        assert Membership(languages=languages, skills=["code", "law"], shows_sensitive=True).may_take(**wants)
        assert Membership(languages=[], skills=skills, shows_sensitive=shows).may_take(**wants)
        assert skill in ("", *skills) and (shows or not sensitive)
    if language and languages and language.split("-")[0] not in languages and language not in languages:
        assert not mine.may_take(**wants)


def test_the_outlook_counts_to_a_cap_and_counts_tasks_not_slots(turn: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    TaskFactory.create_batch(4, round=turn, slots=3)
    labeler = member(turn)
    assert look(labeler=labeler, project=turn.project).waiting["write"] == 4
    monkeypatch.setattr("labeling.services.outlook.CAP", 3)
    assert look(labeler=labeler, project=turn.project).waiting["write"] == 3


def test_the_outlook_gives_nothing_out(turn: Round) -> None:
    task(turn)
    look(labeler=member(turn), project=turn.project)
    assert set(Slot.objects.values_list("state", flat=True)) == {"open"}
    assert Project.objects.get(pk=turn.project_id).tasks.get().assignments.count() == 0
