"""Guidelines: every version kept, shown with what changed, and read before new work is given out [L3]."""

from __future__ import annotations

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from labeling.differences import Line, compare_texts
from labeling.exceptions import GuidelinesChanged, NotFound
from labeling.models import Acknowledgement, Demonstration, GuidelinesVersion, Project
from labeling.services import answers, guidelines, projects, queue, revisions, rounds
from tests.factories import PromptFactory, ResearcherFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def researcher() -> User:
    return ResearcherFactory()


@pytest.fixture
def project(researcher: User) -> Project:
    """Three prompts to answer, under guidelines that nobody but their author has read."""
    made = projects.create_project(
        actor=researcher, name="Tutor", slug="tutor", guidelines="Be kind.\nBe brief.", overlap_share=0.0
    )
    for number in range(3):
        PromptFactory(project=made, text=f"Question {number}")
    turn = rounds.open_round(actor=researcher, project=made)
    rounds.request_demonstrations(actor=researcher, round=turn, prompts=made.prompts.all())
    return made


@pytest.fixture
def labeler(project: Project, researcher: User) -> User:
    user = UserFactory()
    projects.add_member(actor=researcher, project=project, user=user)
    return user


def reason(labeler: User, project: Project) -> str | None:
    claim = queue.claim_next(labeler=labeler, project=project)
    return claim.nothing.reason if claim.nothing else None


def test_new_work_waits_for_reading_and_work_in_hand_does_not(
    researcher: User, project: Project, labeler: User
) -> None:
    assert reason(labeler, project) == "guidelines"
    guidelines.acknowledge(user=labeler, project=project, version=1)
    begun = queue.claim_next(labeler=labeler, project=project).assignment
    assert begun is not None
    projects.change_settings(actor=researcher, project=project, guidelines="Be kind.\nBe exact.")
    again = queue.claim_next(labeler=labeler, project=project).assignment
    assert again is not None and again.pk == begun.pk, "what is in hand goes on"
    answers.submit_demonstration(token=begun.token, labeler=labeler, text="An answer.")
    assert reason(labeler, project) == "guidelines"
    guidelines.acknowledge(user=labeler, project=project, version=2)
    assert reason(labeler, project) is None


def test_a_label_carries_the_guidelines_that_its_labeler_had_read(
    researcher: User, project: Project, labeler: User
) -> None:
    guidelines.acknowledge(user=labeler, project=project, version=1)
    begun = queue.claim_next(labeler=labeler, project=project).assignment
    assert begun is not None
    projects.change_settings(actor=researcher, project=project, guidelines="Be exact.", objective="truthful_first")
    first = answers.submit_demonstration(token=begun.token, labeler=labeler, text="An answer.")
    assert (first.guidelines_version, first.objective) == (1, "helpful_first")
    guidelines.acknowledge(user=labeler, project=project, version=2)
    mended = revisions.revise_demonstration(actor=labeler, previous=first, text="A better answer.")
    assert (mended.guidelines_version, mended.objective) == (2, "truthful_first")


def test_a_change_of_the_objective_is_a_new_version_too(researcher: User, project: Project, labeler: User) -> None:
    guidelines.acknowledge(user=labeler, project=project, version=1)
    projects.change_settings(actor=researcher, project=project, objective="truthful_first")
    assert reason(labeler, project) == "guidelines"
    guidelines.acknowledge(user=labeler, project=project, version=2)
    claim = queue.claim_next(labeler=labeler, project=project).assignment
    assert claim is not None
    answer = answers.submit_demonstration(token=claim.token, labeler=labeler, text="An answer.")
    assert (answer.guidelines_version, answer.objective) == (2, "truthful_first")


def test_a_project_without_guidelines_asks_nobody(researcher: User, project: Project, labeler: User) -> None:
    projects.change_settings(actor=researcher, project=project, guidelines=" \n ")
    assert reason(labeler, project) is None


def test_whoever_wrote_them_has_read_them(researcher: User, project: Project) -> None:
    assert Acknowledgement.objects.version_read(project=project, user=researcher) == 1
    assert not Acknowledgement.objects.wanted_in(projects=[project.pk], user=researcher)


def test_only_the_newest_can_be_acknowledged_and_only_by_who_may_see_it(
    researcher: User, project: Project, labeler: User
) -> None:
    projects.change_settings(actor=researcher, project=project, guidelines="Other.")
    with pytest.raises(GuidelinesChanged):
        guidelines.acknowledge(user=labeler, project=project, version=1)
    with pytest.raises(NotFound):
        guidelines.acknowledge(user=UserFactory(), project=project, version=2)
    guidelines.acknowledge(user=labeler, project=project, version=2)
    guidelines.acknowledge(user=labeler, project=project, version=2)
    assert Acknowledgement.objects.filter(user=labeler).count() == 1


def test_the_page_shows_what_changed_and_leads_back_to_work(
    client: Client, researcher: User, project: Project, labeler: User
) -> None:
    guidelines.acknowledge(user=labeler, project=project, version=1)
    projects.change_settings(
        actor=researcher, project=project, guidelines="Be kind.\nBe exact.", objective="truthful_first"
    )
    client.force_login(labeler)
    work = client.get("/").content.decode()
    assert "/projects/tutor/guidelines/" in work and "Read the guidelines" in work
    assert client.post("/work/tutor/next/write/").headers["Location"] == "/projects/tutor/guidelines/"
    page = client.get("/projects/tutor/guidelines/").content.decode()
    assert "<mark>brief</mark>" in page and "<mark>exact</mark>" in page and "is now “truthful" in page
    # The page was loaded under version 1: what it acknowledges was never read.
    late = client.post("/projects/tutor/guidelines/", {"version": "1"}, follow=True).content.decode()
    assert "once more" in late and reason(labeler, project) == "guidelines"
    done = client.post("/projects/tutor/guidelines/", {"version": "2"})
    assert done.headers["Location"] == "/"
    assert "Read the guidelines" not in client.get("/").content.decode()
    assert "You have read this version" in client.get("/projects/tutor/guidelines/").content.decode()


def test_history_is_for_everybody_and_readers_for_researchers(
    client: Client, researcher: User, project: Project, labeler: User
) -> None:
    projects.change_settings(actor=researcher, project=project, guidelines="Be kind.\nBe exact.")
    assert list(GuidelinesVersion.objects.values_list("version", "text")) == [
        (1, "Be kind.\nBe brief."),
        (2, "Be kind.\nBe exact."),
    ]
    client.force_login(labeler)
    page = client.get("/projects/tutor/guidelines/history/").content.decode()
    assert "<mark>exact</mark>" in page and "Who has read" not in page
    assert "<mark>" not in client.get("/projects/tutor/guidelines/history/?version=1").content.decode()
    assert client.get("/projects/tutor/guidelines/history/?version=7").status_code == 404
    client.force_login(researcher)
    page = client.get("/projects/tutor/guidelines/history/?version=1&since=2").content.decode()
    assert "<mark>brief</mark>" in page and "Who has read" in page and str(labeler) in page
    client.force_login(UserFactory())
    assert client.get("/projects/tutor/guidelines/").status_code == 404


def test_by_program(researcher: User, project: Project, labeler: User) -> None:
    api = APIClient()
    api.force_authenticate(labeler)
    place = "/api/v1/projects/tutor/guidelines/"
    assert api.post("/api/v1/projects/tutor/next/").json()["nothing"]["reason"] == "guidelines"
    said = api.get(place).json()
    assert (said["version"], said["version_read"], said["must_read"]) == (1, 0, True)
    assert api.post(place, {"version": 3}, format="json").json()["error"]["code"] == "guidelines_changed"
    assert api.post(place, {"version": 1}, format="json").json()["must_read"] is False
    assert api.post("/api/v1/projects/tutor/next/").json()["assignment"]
    assert [row["version"] for row in api.get(f"{place}versions/").json()["results"]] == [1]
    stranger = APIClient()
    stranger.force_authenticate(UserFactory())
    assert stranger.get(place).status_code == 404
    assert not Demonstration.objects.exists()


def text_of(lines: list[Line], kind: str) -> list[str]:
    return ["".join(part.text for part in line.parts) for line in lines if line.kind == kind]


def test_differences_by_word_in_chinese_too() -> None:
    removed, added = compare_texts("请简短回答。", "请准确回答。")
    assert [part.text for part in removed.parts if part.changed] == ["简短"]
    assert [part.text for part in added.parts if part.changed] == ["准确"]
    assert compare_texts("same\n", "same") == []
    long = [f"line {n}" for n in range(40)]
    kinds = [line.kind for line in compare_texts("\n".join(long), "\n".join([*long[:20], *long[21:]]))]
    assert kinds == ["gap", "same", "same", "removed", "same", "same", "gap"]


@given(st.text(alphabet="ab \n简", max_size=60), st.text(alphabet="ab \n简", max_size=60))
def test_differences_lose_no_word(old: str, new: str) -> None:
    lines = compare_texts(old, new)
    if lines:
        shown = [line for line in lines if line.kind != "gap"]
        before = ["".join(part.text for part in line.parts) for line in shown if line.kind in ("same", "removed")]
        after = ["".join(part.text for part in line.parts) for line in shown if line.kind in ("same", "added")]
        assert set(before) <= set(old.splitlines()) and set(after) <= set(new.splitlines())
        changed = set(new.splitlines()) - set(old.splitlines())
        assert changed <= set(text_of(lines, "added"))
    else:
        assert old.splitlines() == new.splitlines()
