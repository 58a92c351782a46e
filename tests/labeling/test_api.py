"""The API of labeling: the whole thread, who may what, and what an answer never says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from accounts.models import User
from labeling.models import Comparison, Demonstration, Project, Prompt, PromptImport, Round, Slot
from labeling.services import queue
from tests.factories import (
    AdminFactory,
    AssignmentFactory,
    CheckpointFactory,
    CompareTaskFactory,
    ProjectFactory,
    PromptFactory,
    ResearcherFactory,
    ReviewerFactory,
    RoundFactory,
    RunFactory,
    SampleFactory,
    TaskFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
API = "/api/v1/"


def client_of(user: User | None) -> APIClient:
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="helper")


@pytest.fixture
def researcher() -> APIClient:
    return client_of(ResearcherFactory())


def test_the_thread_from_a_project_to_both_kinds_of_label(researcher: APIClient) -> None:
    made = researcher.post(
        f"{API}projects/", {"name": "Helper", "slug": "helper", "valid_share": 0, "ratings_first": False}
    )
    assert made.status_code == 201 and made.json()["outputs_per_comparison"] == 4
    labeler = UserFactory()
    assert researcher.post(f"{API}projects/helper/members/", {"username": labeler.username}).status_code == 204
    text = '{"prompt": "Say hi."}\nbroken\n{"prompt": "Say bye."}\n'
    report = researcher.post(f"{API}projects/helper/imports/", {"text": text})
    assert report.status_code == 201
    assert (report.json()["accepted"], report.json()["refused"][0]["line"]) == (2, 2)
    assert (
        researcher.post(f"{API}projects/helper/tasks/write/", {"limit": 1}).json()["error"]["code"] == "no_open_round"
    )
    assert researcher.post(f"{API}projects/helper/rounds/").json()["number"] == 1
    assert researcher.post(f"{API}projects/helper/tasks/write/", {"limit": 1}).json() == {"tasks": 1}
    assert researcher.post(f"{API}projects/helper/tasks/write/", {"limit": 5}).json() == {"tasks": 1}

    me = client_of(labeler)
    claim = me.post(f"{API}projects/helper/next/", {"kind": "write"}).json()
    assignment, place = claim["assignment"], f"{API}assignments/{claim['assignment']['token']}/"
    assert claim["nothing"] is None and assignment["kind"] == "write" and assignment["project"] == "helper"
    assert set(assignment["prompt"]) == {"messages", "reference", "category", "language", "sensitive"}
    saved = me.put(f"{place}draft/", {"draft": {"text": "H"}, "base_version": 0})
    assert saved.json()["draft_version"] == 1
    assert me.get(place).json()["draft"] == {"text": "H"}
    stale = me.put(f"{place}draft/", {"draft": {"text": "other"}, "base_version": 0})
    assert stale.status_code == 409 and stale.json()["error"]["details"]["stored"] == {"text": "H"}
    answers = [me.post(f"{place}demonstration/", {"text": "Hi!"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"] and Demonstration.objects.count() == 1
    skipped = me.post(f"{API}projects/helper/next/").json()["assignment"]
    assert me.post(f"{API}assignments/{skipped['token']}/skip/", {"reason": "unclear"}).status_code == 204
    claim = me.post(f"{API}projects/helper/next/").json()
    nothing = {"reason": "none_left_for_you", "until": None, "languages": [], "skills": [], "sensitive": False}
    assert claim == {"assignment": None, "nothing": nothing}
    work = me.get(f"{API}my-work/").json()["results"]
    assert sorted(row["state"] for row in work) == ["skipped", "submitted"]


def test_a_comparison_through_the_api(project: Project) -> None:
    CompareTaskFactory(round=RoundFactory(project=project))
    me = client_of(UserFactory(member_of=project))
    assignment = me.post(f"{API}projects/helper/next/", {"kind": "compare"}).json()["assignment"]
    shown = [output["id"] for output in assignment["completions"]]
    place = f"{API}assignments/{assignment['token']}/comparison/"
    for ranks, field in [({shown[0]: 1}, "ranks"), ({"x": 1}, "ranks"), ({shown[0]: "best"}, "ranks.")]:
        refused = me.post(place, {"ranks": ranks})
        assert refused.status_code == 400
        assert any(name.startswith(field) for name in refused.json()["error"]["fields"]), refused.json()
    foreign = me.post(place, {"ranks": {**dict.fromkeys(shown, 1), 10**12: 1}})
    assert foreign.json()["error"]["code"] == "foreign_output"
    body = {"ranks": dict(zip(shown, [1, 2, 2, 3], strict=True)), "qualities": {shown[0]: 7, shown[1]: None}}
    answer = me.post(place, body)
    assert answer.status_code == 201, answer.json()
    assert answer.json()["summary"] == "A > B = C > D"
    assert answer.json()["judged"][0] == {"id": shown[0], "rank": 1, "quality": 7, "answers": {"quality": 7}}
    assert me.post(place, body).json()["id"] == answer.json()["id"] and Comparison.objects.count() == 1


def test_what_a_labeler_gets_never_says_which_policy_wrote_it(project: Project) -> None:
    task = CompareTaskFactory(round=RoundFactory(project=project))
    run = RunFactory(project=project)
    for number, completion in enumerate(task.completions.all()):
        policy = CheckpointFactory(project=project, name=f"secret-policy-{number}")
        SampleFactory(run=run, prompt=task.prompt, checkpoint=policy, completion=completion, text=completion.text)
    me = client_of(UserFactory(member_of=project))
    claim = me.post(f"{API}projects/helper/next/")
    token = claim.json()["assignment"]["token"]
    shown = [output["id"] for output in claim.json()["assignment"]["completions"]]
    assert all(set(output) == {"id", "text", "finished"} for output in claim.json()["assignment"]["completions"])
    responses = [
        claim,
        me.get(f"{API}assignments/{token}/"),
        me.post(f"{API}assignments/{token}/comparison/", {"ranks": dict.fromkeys(shown, 1)}),
        me.get(f"{API}my-work/"),
        me.get(f"{API}projects/helper/"),
    ]
    for response in responses:
        assert response.status_code < 300
        said = response.content.decode().lower()
        assert "secret-policy" not in said and "checkpoint" not in said and "sample" not in said
    assert me.get(f"{API}projects/helper/prompts/").status_code == 403


def test_an_upload_with_defaults_and_a_dry_run(project: Project, researcher: APIClient) -> None:
    def upload(**more: Any) -> Any:
        file = SimpleUploadedFile("seeds.jsonl", b'{"prompt": "a", "completion": "A."}\n\xff\n')
        defaults = json.dumps({"key": "team", "licence": "MIT", "with_demonstrations": True})
        body = {"file": file, "format": "auto", "defaults": defaults, **more}
        return researcher.post(f"{API}projects/helper/imports/", body, format="multipart")

    dry = upload(dry_run="true")
    assert dry.status_code == 200 and dry.json()["accepted"] == 1 and not Prompt.objects.exists()
    wet = upload()
    assert wet.status_code == 201 and wet.json()["demonstrations"] == 1
    assert (Prompt.objects.get().key, Prompt.objects.get().licence) == ("team", "MIT")
    assert PromptImport.objects.get().filename == "seeds.jsonl"
    for body in ({}, {"text": "x", "file": SimpleUploadedFile("a", b"x")}, {"text": "x", "defaults": "{broken"},
                 {"text": "x", "defaults": '{"source": "bot"}'}, {"text": "x", "format": "csv"}):  # fmt: skip
        refused = researcher.post(f"{API}projects/helper/imports/", body, format="multipart")
        assert refused.status_code == 400 and refused.json()["error"]["fields"], body


def test_settings_change_and_say_what_cannot(project: Project, researcher: APIClient) -> None:
    changed = researcher.patch(f"{API}projects/helper/", {"guidelines": "Be kind.", "slug": "other"})
    assert (changed.json()["guidelines_version"], changed.json()["slug"]) == (2, "helper")
    PromptFactory(project=project)
    refused = researcher.patch(f"{API}projects/helper/", {"valid_share": 0.5})
    assert refused.status_code == 400 and "valid_share" in refused.json()["error"]["fields"]
    assert researcher.patch(f"{API}projects/helper/", {"outputs_per_comparison": 99}).status_code == 400
    assert researcher.post(f"{API}projects/", {"name": "x", "slug": "helper"}).status_code == 400


def test_prompts_are_listed_in_pages_and_filtered(project: Project, researcher: APIClient) -> None:
    PromptFactory.create_batch(7, project=project, split="train", source="customer")
    PromptFactory.create_batch(3, project=project, split="valid")
    page = researcher.get(f"{API}projects/helper/prompts/?page_size=4").json()
    seen = [row["id"] for row in page["results"]]
    while page["next"]:
        page = researcher.get(page["next"]).json()
        seen += [row["id"] for row in page["results"]]
    assert len(seen) == len(set(seen)) == 10
    assert len(researcher.get(f"{API}projects/helper/prompts/?split=valid").json()["results"]) == 3
    assert len(researcher.get(f"{API}projects/helper/prompts/?source=customer&split=valid").json()["results"]) == 0


def test_members_come_and_go(project: Project, researcher: APIClient) -> None:
    user = UserFactory(username="Ana")
    assert researcher.post(f"{API}projects/helper/members/", {"username": "ana"}).status_code == 204
    assert list(project.members.all()) == [user]
    assert researcher.delete(f"{API}projects/helper/members/?username=ana").status_code == 204
    assert not project.members.exists()
    assert researcher.post(f"{API}projects/helper/members/", {"username": "nobody"}).status_code == 400


# who may what: labeler who is a member, one who is not, reviewer who is a member, researcher, admin, nobody

EVERYBODY = ["nobody", "stranger", "member", "reviewer", "researcher", "admin"]
MATRIX: list[tuple[str, str, dict[str, Any] | None, list[int]]] = [
    # method, address, body, status for each of EVERYBODY
    ("get", "projects/", None, [401, 200, 200, 200, 200, 200]),
    ("post", "projects/", {"name": "New", "slug": "new"}, [401, 403, 403, 403, 201, 201]),
    ("get", "projects/helper/", None, [401, 404, 200, 200, 200, 200]),
    ("patch", "projects/helper/", {"name": "Other"}, [401, 404, 403, 403, 200, 200]),
    ("post", "projects/helper/members/", {"username": "somebody"}, [401, 404, 403, 403, 204, 204]),
    ("delete", "projects/helper/members/?username=somebody", None, [401, 404, 403, 403, 204, 204]),
    ("get", "projects/helper/prompts/", None, [401, 404, 403, 403, 200, 200]),
    ("post", "projects/helper/imports/", {"text": '{"prompt": "a"}'}, [401, 404, 403, 403, 201, 201]),
    ("get", "projects/helper/rounds/", None, [401, 404, 200, 200, 200, 200]),
    ("post", "projects/closed/rounds/", None, [401, 404, 403, 403, 201, 201]),
    ("post", "projects/helper/rounds/1/close/", None, [401, 404, 403, 403, 200, 200]),
    ("post", "projects/helper/rounds/9/close/", None, [401, 404, 403, 403, 404, 404]),
    ("post", "projects/helper/tasks/write/", {"limit": 1}, [401, 404, 403, 403, 201, 201]),
    ("post", "projects/helper/next/", {}, [401, 404, 200, 200, 200, 200]),
    ("get", "projects/nowhere/", None, [401, 404, 404, 404, 404, 404]),
    ("get", "my-work/", None, [401, 200, 200, 200, 200, 200]),
    ("get", "assignments/{token}/", None, [401, 404, 404, 404, 404, 404]),
    ("put", "assignments/{token}/draft/", {"draft": {}, "base_version": 0}, [401, 404, 404, 404, 404, 404]),
    ("post", "assignments/{token}/demonstration/", {"text": "Mine."}, [401, 404, 404, 404, 404, 404]),
    ("post", "assignments/{token}/comparison/", {"ranks": {}}, [401, 404, 404, 404, 404, 404]),
    ("post", "assignments/{token}/skip/", {"reason": "other"}, [401, 404, 404, 404, 404, 404]),
]


def actor(name: str, projects: list[Project]) -> User | None:
    if name == "nobody":
        return None
    factories: dict[str, Any] = {"reviewer": ReviewerFactory, "researcher": ResearcherFactory, "admin": AdminFactory}
    return factories.get(name, UserFactory)(member_of=projects if name in ("member", "reviewer") else [])


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize(("method", "address", "body", "expected"), MATRIX)
def test_who_may_what(
    who: str, method: str, address: str, body: dict[str, Any] | None, expected: list[int], project: Project
) -> None:
    closed = ProjectFactory(slug="closed")
    UserFactory(username="somebody")
    turn = RoundFactory(project=project)
    others = AssignmentFactory(task=TaskFactory(round=turn))
    client = client_of(actor(who, [project, closed]))
    response = getattr(client, method)(API + address.format(token=others.token), body)
    assert response.status_code == expected[EVERYBODY.index(who)], response.content
    if response.status_code >= 400:
        assert response.json()["error"]["message"]


def test_a_researcher_who_is_no_member_is_given_no_work(project: Project, researcher: APIClient) -> None:
    TaskFactory(round=RoundFactory(project=project))
    assert researcher.post(f"{API}projects/helper/next/").json()["nothing"]["reason"] == "not_member"


def test_reserved_says_until_when(project: Project) -> None:
    TaskFactory(round=RoundFactory(project=project))
    first = queue.claim_next(labeler=UserFactory(member_of=project), project=project).assignment
    assert first is not None
    said = client_of(UserFactory(member_of=project)).post(f"{API}projects/helper/next/").json()["nothing"]
    assert said["reason"] == "reserved" and said["until"].startswith(first.expires_at.strftime("%Y-%m-%dT%H:%M"))


@pytest.mark.parametrize("body", [{"kind": "juggle"}, {"kind": 5}, ["write"]])
def test_nonsense_is_refused(project: Project, body: Any) -> None:
    assert client_of(UserFactory(member_of=project)).post(f"{API}projects/helper/next/", body).status_code == 400


def test_text_that_postgresql_cannot_hold(project: Project) -> None:
    TaskFactory(round=RoundFactory(project=project))
    me = client_of(UserFactory(member_of=project))
    token = me.post(f"{API}projects/helper/next/").json()["assignment"]["token"]
    place = f"{API}assignments/{token}/"
    raw = '{"draft": {"text": "a\\u0000b \\ud800"}, "base_version": 0}'
    assert me.put(f"{place}draft/", raw, content_type="application/json").status_code == 200
    answer = me.post(f"{place}demonstration/", '{"text": "c \\ud800 d"}', content_type="application/json")
    assert answer.status_code in (201, 400) and Slot.objects.count() == 1
    if answer.status_code == 400:
        assert answer.json()["error"]["fields"]["text"]


def test_a_body_nested_too_deeply_is_a_bad_request(project: Project, researcher: APIClient) -> None:
    raw = '{"defaults": ' + "[" * 100_000
    for place in ("next/", "imports/"):
        refused = researcher.post(f"{API}projects/helper/{place}", raw, content_type="application/json")
        assert refused.status_code == 400 and refused.json()["error"]["code"] == "parse_error"


def test_the_rounds_of_a_project(project: Project, researcher: APIClient) -> None:
    assert researcher.post(f"{API}projects/helper/rounds/").json()["number"] == 1
    refused = researcher.post(f"{API}projects/helper/rounds/")
    assert refused.status_code == 409 and "Close it first" in refused.json()["error"]["message"]
    assert researcher.post(f"{API}projects/helper/rounds/1/close/").json()["state"] == "closed"
    assert researcher.post(f"{API}projects/helper/rounds/").json()["number"] == 2
    assert [row["number"] for row in researcher.get(f"{API}projects/helper/rounds/").json()["results"]] == [2, 1]
    assert Round.objects.count() == 2
