"""The researcher's page of a judgement form: nothing is stored before saving, and every step works without a script."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import translation

from labeling.built_in_forms import BUILT_IN, INSTRUCTGPT
from labeling.judgement_forms import as_json, check_fields
from labeling.models import JudgementForm, Project
from labeling.services.judgement_forms import change_form
from labeling.views.form_editor import Row, as_fields, changed, key_of, read_rows, row_of, rows_of
from tests.factories import ProjectFactory, ResearcherFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    made: Project = ProjectFactory(slug="tutor")
    return made


@pytest.fixture
def desk(client: Client, project: Project) -> Client:
    client.force_login(ResearcherFactory(username="rosa"))
    return client


ADDRESS = "/projects/tutor/judgement-form/"


def typed(rows: list[Row], **more: str) -> dict[str, str]:
    """What a browser sends for these rows."""
    sent: dict[str, str] = {}
    for number, row in enumerate(rows):
        for name, value in vars(row).items():
            if name != "required":
                sent[f"{number}-{name}"] = value
            elif value:
                sent[f"{number}-{name}"] = "on"
    return {"name": "ours", "action": "save", **sent, **more}


def text_of(response: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", response.content.decode())).split())


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_a_form_that_comes_with_volant_is_begun_with_and_saved(desk: Client, project: Project, name: str) -> None:
    shown = desk.get(f"{ADDRESS}?start={name}")
    assert shown.status_code == 200 and not JudgementForm.objects.exists(), "looking stores nothing"
    sent = typed(shown.context["rows"], name=shown.context["name"])
    assert desk.post(ADDRESS, sent).status_code == 302
    row = JudgementForm.objects.get()
    assert (row.name, row.version, row.fields) == (name, 1, as_json(BUILT_IN[name]))


def test_rules_are_typed_one_a_line(desk: Client, project: Project) -> None:
    shown = desk.get(f"{ADDRESS}?start=rules")
    assert len(shown.context["rules"].splitlines()) == 3 and "rows" in shown.context
    sent = {"name": "our rules", "rules": "Does not lie\r\n\r\n  Does not threaten ", "action": "save"}
    assert desk.post(ADDRESS, sent).status_code == 302
    row = JudgementForm.objects.get()
    assert [field["label"] for field in row.fields] == ["Does not lie", "Does not threaten"]
    assert [choice["value"] for choice in row.fields[0]["choices"]] == ["broken", "kept", "does_not_apply"]
    assert desk.get(ADDRESS).context["rules"] == "Does not lie\nDoes not threaten", "edited as rules again"


def test_questions_are_added_moved_and_removed_without_storing(desk: Client, project: Project) -> None:
    rows = rows_of(BUILT_IN["toxicity"])
    added = desk.post(ADDRESS, typed(rows, action="add"))
    assert added.status_code == 200 and len(added.context["rows"]) == 4 and added.context["opened"]
    moved = desk.post(ADDRESS, typed(rows, action="down-0")).context["rows"]
    assert [row.key for row in moved] == ["relative_toxicity", "toxicity", "continuity"]
    left = desk.post(ADDRESS, typed(rows, action="remove-1")).context["rows"]
    assert [row.key for row in left] == ["toxicity", "continuity"]
    assert not JudgementForm.objects.exists()


def test_a_preview_shows_what_labelers_will_see_and_stores_nothing(desk: Client, project: Project) -> None:
    rows = [Row(label="Is it rude?", kind="flag"), Row(label="Warmth", low="0", high="3", low_label="icy"), Row()]
    shown = desk.post(ADDRESS, typed(rows, action="preview"))
    assert shown.status_code == 200
    assert [(q.field.key, q.name) for q in shown.context["preview"]] == [
        ("is_it_rude", "answer_0_is_it_rude"),
        ("warmth", "answer_0_warmth"),
    ]
    assert "icy" in text_of(shown) and not JudgementForm.objects.exists()


def test_what_is_wrong_is_told_and_everything_typed_stays(desk: Client, project: Project) -> None:
    rows = [Row(label="Warmth", low="3", high="three"), Row(key="C", kind="choice", label="Which?", choices="a | A")]
    refused = desk.post(ADDRESS, typed(rows, name="mine"))
    assert refused.status_code == 422
    said = text_of(refused)
    assert (
        "Question 1: a scale goes from" in said and "Question 2: the key must be" in said and "2 to 10 answers" in said
    )
    assert 'value="three"' in refused.content.decode() and "a | A" in refused.content.decode()
    assert refused.context["name"] == "mine" and not JudgementForm.objects.exists()


def test_saving_the_same_form_again_makes_no_version(desk: Client, project: Project) -> None:
    change_form(actor=ResearcherFactory(), project=project, name="instructgpt", fields=as_json(INSTRUCTGPT))
    shown = desk.get(ADDRESS)
    again = desk.post(ADDRESS, typed(shown.context["rows"], name="instructgpt"), follow=True)
    assert "in use already" in text_of(again) and JudgementForm.objects.count() == 1


def test_an_earlier_version_is_looked_at_and_taken_up_again(desk: Client, project: Project) -> None:
    for name in ("toxicity", "attributes"):
        change_form(actor=ResearcherFactory(), project=project, name=name, fields=as_json(BUILT_IN[name]))
    shown = desk.get(f"{ADDRESS}?version=1")
    assert [row.key for row in shown.context["rows"]] == ["toxicity", "relative_toxicity", "continuity"]
    assert [one.version for one in shown.context["history"]] == [2, 1]
    desk.post(ADDRESS, typed(shown.context["rows"], name=shown.context["name"]))
    assert list(JudgementForm.objects.values_list("version", "name")) == [
        (1, "toxicity"), (2, "attributes"), (3, "toxicity"),
    ]  # fmt: skip
    assert desk.get(f"{ADDRESS}?version=9").status_code == 404
    assert desk.get(f"{ADDRESS}?version=x").status_code == 200


def test_only_researchers_open_it_and_settings_lead_to_it(client: Client, project: Project) -> None:
    client.force_login(UserFactory(member_of=project))
    assert [client.get(ADDRESS).status_code, client.post(ADDRESS, typed([Row(label="x")])).status_code] == [403, 403]
    client.force_login(ResearcherFactory())
    settings = client.get("/projects/tutor/settings/")
    assert f'href="{ADDRESS}"' in settings.content.decode()
    names = [field.name for _title, fields in settings.context["form"].groups for field in fields]
    assert sorted(names) == sorted(settings.context["form"].fields), "no setting is left out of the groups"
    new = client.get("/projects/new/").context["form"]
    assert sorted(field.name for _title, fields in new.groups for field in fields) == sorted(new.fields)


def test_the_edit_step_leaves_room_for_the_edit(desk: Client, project: Project) -> None:
    form = desk.get("/projects/tutor/settings/").context["form"]
    sent = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in sent.items() if value is not False and value is not None}
    refused = desk.post("/projects/tutor/settings/", {**sent, "edit_step": "on", "outputs_per_comparison": 12})
    assert refused.status_code == 422 and "at most 11 outputs" in text_of(refused)
    assert desk.post("/projects/tutor/settings/", {**sent, "edit_step": "on"}).status_code == 302
    project.refresh_from_db()
    assert project.edit_step


def test_rows_go_through_the_inputs_unchanged() -> None:
    for fields in BUILT_IN.values():
        form = QueryDict(mutable=True)
        form.update(typed(rows_of(fields)))
        assert read_rows(form) == rows_of(fields)
        assert check_fields(as_fields(read_rows(form))) == fields


def test_rows_beyond_a_form_and_strange_buttons_are_passed_over() -> None:
    form = QueryDict(mutable=True)
    form.update({f"{number}-label": "x" for number in range(200)})
    assert len(read_rows(form)) == 41
    rows = [Row(label="a"), Row(label="b")]
    assert changed(rows, "up-0") == rows and changed(rows, "down-1") == rows
    assert [changed(rows, action) for action in ("save", "up-7", "remove--1", "x")] == [None] * 4
    assert key_of("Ist es höflich?", 2) == "ist_es_hoflich" and key_of("语气", 2) == "question_2"
    assert row_of(INSTRUCTGPT[0]).required


def test_the_list_names_questions_in_the_readers_language_and_keeps_what_is_stored() -> None:
    row = row_of(INSTRUCTGPT[0])
    with translation.override("zh-hans"):
        assert row.title == INSTRUCTGPT[0].shown().label and row.label == INSTRUCTGPT[0].label
        assert Row(label="Ton").title == "Ton" and Row(key="tone").title == "tone" and Row().title == ""
