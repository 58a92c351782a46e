"""The API of comparisons: forms, modes and edits for scripts and other front ends, with the rules of the page."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from labeling.built_in_forms import ATTRIBUTES
from labeling.judgement_forms import as_json
from labeling.models import Comparison, JudgementForm, Project
from tests.factories import CompareTaskFactory, ProjectFactory, ResearcherFactory, RoundFactory, UserFactory

pytestmark = pytest.mark.django_db
API = "/api/v1/"
FORM = f"{API}projects/helper/judgement-form/"


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    client.default_format = "json"
    return client


def project_of(**settings: Any) -> Project:
    made: Project = ProjectFactory(slug="helper", **settings)
    return made


def claim(project: Project, *outputs: str) -> tuple[APIClient, dict[str, Any], str]:
    CompareTaskFactory(round=RoundFactory(project=project), outputs=list(outputs))
    me = client_of(UserFactory(member_of=project))
    held = me.post(f"{API}projects/helper/next/", {"kind": "compare"}).json()["assignment"]
    return me, held, f"{API}assignments/{held['token']}/"


def test_a_task_says_how_it_is_judged() -> None:
    project = project_of(compare_mode="strength", edit_step=True, ratings_first=True)
    JudgementForm.objects.create(project=project, version=3, name="five", fields=as_json(ATTRIBUTES))
    me, held, place = claim(project, "one", "two")
    asked = held["comparison"]
    assert {name: asked[name] for name in ("mode", "levels", "ratings_first", "edit_step")} == {
        "mode": "strength", "levels": 4, "ratings_first": True, "edit_step": True,
    }  # fmt: skip
    assert (asked["form"]["name"], asked["form"]["version"]) == ("five", 3)
    assert asked["form"]["fields"][0] == {
        "key": "helpfulness", "kind": "scale", "label": "Helpfulness", "low": 0, "high": 4, "low_label": "no help",
        "high_label": "very helpful", "required": True,
    }  # fmt: skip
    assert me.get(place).json()["comparison"] == asked


def test_a_pair_with_answers_flags_and_an_edit() -> None:
    project = project_of(compare_mode="seven_point", edit_step=True)
    JudgementForm.objects.create(project=project, version=1, name="five", fields=as_json(ATTRIBUTES))
    me, held, place = claim(project, "one", "two")
    first, second = (output["id"] for output in held["completions"])
    body = {
        "strength": -2,
        "answers": {first: {"helpfulness": 4, "verbosity": None}, second: {"helpfulness": 0}},
        "edited_text": "better than both",
        "prompt_flags": ["ambiguous"],
    }
    answer = me.post(f"{place}comparison/", body)
    assert answer.status_code == 201, answer.json()
    told = answer.json()
    assert (told["mode"], told["strength"], told["summary"]) == ("seven_point", -2, "A > B")
    assert (told["edited_text"], told["prompt_flags"]) == ("better than both", ["ambiguous"])
    assert [output["answers"] for output in told["judged"]] == [{"helpfulness": 4}, {"helpfulness": 0}]
    assert me.post(f"{place}comparison/", body).json()["id"] == told["id"]
    late = me.post(f"{place}comparison/", {**body, "strength": 2})
    assert late.status_code == 409 and late.json()["error"]["code"] == "already_answered"
    assert me.get(place).json()["draft"]["strength"] == 2, "what came late is kept"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"answers": {"first": {"quality": 4}}}, "answers"),
        ({"answers": {"0": {"quality": 4}}}, None),
        ({"answers": {"#": {"quality": 9}}}, "answers"),
        ({"answers": {"#": {"charm": 1}}}, "answers"),
        ({"answers": {"#": [1]}}, "answers"),
        ({"qualities": {"#": 0}}, "answers"),
        ({"strength": 1}, "strength"),
        ({"ranks": {"#": 13}}, "ranks"),
        ({"edited_text": "mine"}, "edited_text"),
        ({"prompt_flags": ["shiny"]}, "prompt_flags"),
        ({"note": "x" * 2001}, "note"),
    ],
)
def test_bad_input_has_one_shape_and_loses_nothing(body: dict[str, Any], field: str | None) -> None:
    me, held, place = claim(project_of(), "one", "two")
    first, second = (output["id"] for output in held["completions"])
    me.put(f"{place}draft/", {"draft": {"note": "so far"}, "base_version": 0})
    named = {
        name: {str(first) if key == "#" else key: value for key, value in said.items()}
        if isinstance(said, dict)
        else said
        for name, said in body.items()
    }
    whole: dict[str, Any] = {"ranks": {str(first): 1, str(second): 2}}
    refused = me.post(f"{place}comparison/", {**whole, **named, "ranks": {**whole["ranks"], **named.get("ranks", {})}})
    assert refused.status_code == 400, refused.json()
    error = refused.json()["error"]
    assert {"code", "message", "id"} <= set(error)
    assert (
        error["code"] == "foreign_output" if field is None else any(name.startswith(field) for name in error["fields"])
    )
    assert not Comparison.objects.exists()
    assert me.get(place).json()["draft"] == {"note": "so far"}
    assert me.post(f"{place}comparison/", whole).status_code == 201


def test_researchers_read_and_change_the_form() -> None:
    project_of()
    researcher = client_of(ResearcherFactory())
    assert researcher.get(FORM).json()["version"] == 0
    made = researcher.post(FORM, {"built_in": "instructgpt"})
    assert made.status_code == 201 and made.json()["name"] == "instructgpt" and len(made.json()["fields"]) == 12
    rules = researcher.post(FORM, {"rules": ["Does not lie", "Does not threaten"]}).json()
    assert (rules["version"], [field["label"] for field in rules["fields"]]) == (
        2,
        ["Does not lie", "Does not threaten"],
    )
    own = {"name": "tone", "fields": [{"key": "tone", "kind": "flag", "label": "Friendly"}]}
    assert researcher.post(FORM, own).json()["version"] == 3
    assert researcher.get(FORM).json()["fields"] == [
        {"key": "tone", "kind": "flag", "label": "Friendly", "required": False}
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "fields"),
        ({"built_in": "instructgpt", "rules": ["x"]}, "fields"),
        ({"built_in": "nothing"}, "built_in"),
        ({"rules": []}, "fields"),
        ({"rules": ["x" * 301]}, "fields"),
        ({"fields": [{"key": "tone", "kind": "flag", "label": "Friendly"}]}, "name"),
        ({"name": "tone", "fields": "tone"}, "fields"),
        ({"name": "tone", "fields": [{"kind": "flag"}]}, "fields"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(body: dict[str, Any], field: str) -> None:
    project_of()
    refused = client_of(ResearcherFactory()).post(FORM, body)
    assert refused.status_code == 400 and field in refused.json()["error"]["fields"], refused.json()
    assert not JudgementForm.objects.exists()


def test_labelers_neither_read_nor_change_the_form() -> None:
    project = project_of()
    member, stranger = client_of(UserFactory(member_of=project)), client_of(UserFactory())
    assert [member.get(FORM).status_code, member.post(FORM, {"built_in": "quality"}).status_code] == [403, 403]
    assert stranger.get(FORM).status_code == 404
