"""Projects, their members and rounds, the tasks that fill them, and the figures that come of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from labeling.exceptions import InvalidInput, NotAllowed, ProjectRefused, RoundRefused
from labeling.models import Assignment, Completion, Membership, Project, Prompt, Round, Slot, SlotState, Task
from labeling.progress import LabelCount, project_progress
from labeling.services import answers, projects, queue, rounds
from labeling.services.rounds import NewOutput
from tests.factories import (
    DemonstrationFactory,
    ProjectFactory,
    PromptFactory,
    ResearcherFactory,
    RoundFactory,
    TaskFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def researcher() -> User:
    return ResearcherFactory()


def test_a_project_is_made_by_researchers(researcher: User) -> None:
    project = projects.create_project(actor=researcher, name="Helper", slug="helper", outputs_per_comparison=6)
    assert (project.outputs_per_comparison, project.created_by) == (6, researcher)
    with pytest.raises(NotAllowed):
        projects.create_project(actor=UserFactory(), name="Mine", slug="mine")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"slug": "no blanks"}, "slug"),
        ({"slug": "taken"}, "slug"),
        ({"outputs_per_comparison": 1}, "outputs_per_comparison"),
        ({"outputs_per_comparison": 13}, "outputs_per_comparison"),
        ({"judgements_per_task": 0}, "judgements_per_task"),
        ({"lease_minutes": 0}, "lease_minutes"),
        ({"valid_share": 0.95}, "valid_share"),
        ({"valid_share": "much"}, "valid_share"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_impossible_settings_are_refused_by_field(researcher: User, given: dict[str, Any], field: str) -> None:
    ProjectFactory(slug="taken")
    with pytest.raises(ProjectRefused) as refused:
        projects.create_project(actor=researcher, **{"name": "Helper", "slug": "helper", **given})
    assert field in refused.value.fields
    assert Project.objects.count() == 1


def test_new_guidelines_are_a_new_version(researcher: User) -> None:
    project = ProjectFactory()
    projects.change_settings(actor=researcher, project=project, guidelines="Be kind.", lease_minutes=5)
    assert (project.guidelines_version, project.guidelines, project.lease_minutes) == (2, "Be kind.", 5)
    projects.change_settings(actor=researcher, project=project, guidelines="Be kind.", name="Other")
    assert project.guidelines_version == 2
    with pytest.raises(ProjectRefused):
        projects.change_settings(actor=researcher, project=project, slug="elsewhere")
    with pytest.raises(NotAllowed):
        projects.change_settings(actor=UserFactory(member_of=project), project=project, name="Mine")


def test_a_removed_member_gives_work_back(researcher: User) -> None:
    project = ProjectFactory()
    TaskFactory(round=RoundFactory(project=project))
    user = UserFactory()
    projects.add_member(actor=researcher, project=project, user=user)
    projects.add_member(actor=researcher, project=project, user=user)
    assert Membership.objects.count() == 1
    assignment = queue.claim_next(labeler=user, project=project).assignment
    assert assignment is not None
    projects.remove_member(actor=researcher, project=project, user=user)
    assert Slot.objects.get().state == SlotState.OPEN
    assert Assignment.objects.get().state == "released"
    answer = answers.submit_demonstration(token=assignment.token, labeler=user, text="I had written this already.")
    assert answer.text and not answer.surplus, "a text that was begun is not lost"


def test_labelers_see_their_projects_only(researcher: User) -> None:
    mine, other = ProjectFactory(), ProjectFactory()
    labeler = UserFactory(member_of=mine)
    assert list(Project.objects.visible_to(labeler)) == [mine]
    assert set(Project.objects.visible_to(researcher)) == {mine, other}


def test_one_round_is_open_at_a_time(researcher: User) -> None:
    project = ProjectFactory()
    first = rounds.open_round(actor=researcher, project=project)
    with pytest.raises(RoundRefused, match="Round 1 is open"):
        rounds.open_round(actor=researcher, project=project)
    rounds.close_round(actor=researcher, round=first)
    assert first.state == "closed" and first.closed_at is not None
    with pytest.raises(RoundRefused):
        rounds.close_round(actor=researcher, round=first)
    assert rounds.open_round(actor=researcher, project=project).number == 2
    with pytest.raises(NotAllowed):
        rounds.close_round(actor=UserFactory(member_of=project), round=first)


def test_what_is_begun_when_a_round_closes_can_be_submitted(researcher: User) -> None:
    project = ProjectFactory()
    turn = RoundFactory(project=project)
    TaskFactory(round=turn)
    labeler = UserFactory(member_of=project)
    assignment = queue.claim_next(labeler=labeler, project=project).assignment
    assert assignment is not None
    rounds.close_round(actor=researcher, round=turn)
    assert not answers.submit_demonstration(token=assignment.token, labeler=labeler, text="In time.").surplus


def test_demonstrations_are_asked_for_once_a_round(researcher: User) -> None:
    project = ProjectFactory(judgements_per_task=2)
    turn = RoundFactory(project=project)
    PromptFactory.create_batch(5, project=project)
    PromptFactory()
    everything = Prompt.objects.all()
    assert rounds.request_demonstrations(actor=researcher, round=turn, prompts=everything) == 5
    assert rounds.request_demonstrations(actor=researcher, round=turn, prompts=everything) == 0
    assert Slot.objects.count() == 10
    PromptFactory(project=project)
    assert rounds.request_demonstrations(actor=researcher, round=turn, prompts=everything, judgements=3) == 1
    assert Slot.objects.count() == 13


def test_a_closed_round_takes_no_tasks(researcher: User) -> None:
    turn = RoundFactory(state="closed", closed_at=timezone.now())
    for ask in (
        lambda: rounds.request_demonstrations(actor=researcher, round=turn, prompts=Prompt.objects.all()),
        lambda: rounds.request_comparisons(actor=researcher, round=turn, outputs={}),
    ):
        with pytest.raises(RoundRefused):
            ask()


def outputs(*texts: str) -> list[NewOutput]:
    return [NewOutput(text) for text in texts]


def test_comparisons_merge_equal_outputs_and_shuffle(researcher: User) -> None:
    project = ProjectFactory()
    turn = RoundFactory(project=project)
    many = PromptFactory.create_batch(30, project=project)
    alike, foreign = PromptFactory(project=project), PromptFactory()
    wanted = {prompt.pk: outputs("a", "b", "c", "d", "b") for prompt in many}
    wanted |= {alike.pk: outputs("same", "same"), foreign.pk: outputs("x", "y")}
    tasks = rounds.request_comparisons(actor=researcher, round=turn, outputs=wanted)
    assert {task.prompt_id for task in tasks} == {prompt.pk for prompt in many}
    orders = set()
    for task in tasks:
        shown = list(task.completions.all())
        assert [output.position for output in shown] == [1, 2, 3, 4]
        assert sorted(output.text for output in shown) == ["a", "b", "c", "d"]
        orders.add(tuple(output.text for output in shown))
    assert len(orders) > 1, "30 tasks in the order they were given: chance (1/24)^29"
    assert rounds.request_comparisons(actor=researcher, round=turn, outputs=wanted) == []
    assert Task.objects.count() == 30 and Completion.objects.count() == 120


def test_an_output_that_ended_once_by_itself_counts_as_finished(researcher: User) -> None:
    turn = RoundFactory()
    prompt = PromptFactory(project=turn.project)
    given = [NewOutput("a", finished=False), NewOutput("a", finished=True), NewOutput("b", finished=False)]
    (task,) = rounds.request_comparisons(actor=researcher, round=turn, outputs={prompt.pk: given})
    assert {output.text: output.finished for output in task.completions.all()} == {"a": True, "b": False}


def test_more_outputs_than_fit_are_refused(researcher: User) -> None:
    turn = RoundFactory()
    prompt = PromptFactory(project=turn.project)
    with pytest.raises(InvalidInput, match="13 outputs"):
        rounds.request_comparisons(actor=researcher, round=turn, outputs={prompt.pk: outputs(*map(str, range(13)))})
    assert not Task.objects.exists()


def test_labelers_ask_for_nothing() -> None:
    turn = RoundFactory()
    with pytest.raises(NotAllowed):
        rounds.request_demonstrations(
            actor=UserFactory(member_of=turn.project), round=turn, prompts=Prompt.objects.all()
        )


def test_progress_counts_what_there_is(django_assert_max_num_queries: Any, researcher: User) -> None:
    project = ProjectFactory()
    turn = RoundFactory(project=project)
    prompts = [PromptFactory(project=project, split="train", source="customer") for _ in range(3)]
    PromptFactory(project=project, split="valid")
    DemonstrationFactory(prompt=PromptFactory())
    rounds.request_demonstrations(actor=researcher, round=turn, prompts=Prompt.objects.filter(split="train"))
    rounds.request_comparisons(actor=researcher, round=turn, outputs={prompts[0].pk: outputs("a", "b")})
    one, two = UserFactory(member_of=project, is_simulated=True), UserFactory(member_of=project)
    first = queue.claim_next(labeler=one, project=project, kind="write").assignment
    assert first is not None
    answers.submit_demonstration(token=first.token, labeler=one, text="Done.")
    second = queue.claim_next(labeler=two, project=project, kind="write").assignment
    assert second is not None
    with django_assert_max_num_queries(8):
        progress = project_progress(project)
    write, compare = progress.tasks_of("write"), progress.tasks_of("compare")
    assert (write.open, write.held, write.done, write.total, write.left) == (1, 1, 1, 3, 2)
    assert (compare.open, compare.total) == (1, 1)
    assert progress.demonstrations == [LabelCount("train", "customer", 1, simulated=1)]
    assert progress.comparisons == []
    assert progress.prompts == [LabelCount("train", "customer", 3), LabelCount("valid", "labeler", 1)]
    assert progress.labelers_active == 2 and progress.round == turn
    assert progress.next_free_at == second.expires_at
    assert progress.as_dict()["tasks"][0]["done"] == 1


def test_progress_of_an_empty_project_is_empty() -> None:
    progress = project_progress(ProjectFactory())
    assert progress.round is None and progress.tasks == [] and progress.labelers_active == 0
    assert progress.tasks_of("write").total == 0


def test_the_last_round_is_shown_when_none_is_open(researcher: User) -> None:
    turn = RoundFactory()
    rounds.close_round(actor=researcher, round=turn)
    assert project_progress(Project.objects.get()).round == Round.objects.get()
