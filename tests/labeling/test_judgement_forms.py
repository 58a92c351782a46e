"""Judgement forms: those that come with Volant, those that researchers write, and their versions."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from accounts.exceptions import NotAllowed
from labeling.built_in_forms import BUILT_IN, INSTRUCTGPT, STARTING_RULES, rules_form
from labeling.exceptions import FormRefused
from labeling.judgement_forms import Field, as_json, check_fields, from_json, overall_key
from labeling.models import JudgementForm, Project
from labeling.services.judgement_forms import change_form, current_form
from labeling.services.projects import create_project
from tests.factories import ProjectFactory, ResearcherFactory, UserFactory

ONE: dict[str, Any] = {"key": "tone", "kind": "scale", "label": "Tone", "low": 1, "high": 5}


@pytest.mark.parametrize("fields", [*BUILT_IN.values(), rules_form(STARTING_RULES)], ids=[*BUILT_IN, "rules"])
def test_what_comes_with_volant_passes_its_own_checks(fields: Any) -> None:
    assert check_fields(as_json(fields)) == fields == from_json(as_json(fields))


def test_instructgpt_asks_what_table_3_asks() -> None:
    kinds = [field.kind for field in INSTRUCTGPT]
    assert (kinds.count("scale"), kinds.count("flag"), kinds.count("choice")) == (1, 10, 1)
    assert [field.key for field in INSTRUCTGPT if field.required] == ["quality"]
    assert INSTRUCTGPT[0].values == [1, 2, 3, 4, 5, 6, 7]


def test_the_other_forms_have_the_scales_of_their_papers() -> None:
    attributes = BUILT_IN["attributes"]
    assert [field.key for field in attributes] == [
        "helpfulness", "correctness", "coherence", "complexity", "verbosity",
    ]  # fmt: skip
    assert all(field.values == [0, 1, 2, 3, 4] for field in attributes)
    assert [field.values for field in BUILT_IN["toxicity"]] == [[0, 1, 2], ["-1", "0", "1"], [1, 2, 3, 4, 5, 6, 7]]
    assert [field.values for field in rules_form(["No lies"])] == [["broken", "kept", "does_not_apply"]]


def test_which_scale_a_ranking_may_contradict() -> None:
    assert overall_key(INSTRUCTGPT) == "quality"
    assert overall_key(BUILT_IN["attributes"]) == "helpfulness"
    assert overall_key(BUILT_IN["toxicity"]) is None


def test_labels_are_translated_when_shown_and_a_researchers_stay() -> None:
    own = Field("own", "flag", "Über-Ton")
    with translation.override("zh-hans"):
        assert own.shown().label == "Über-Ton" and own.shown().help == ""
        assert INSTRUCTGPT[0].shown().values == INSTRUCTGPT[0].values


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([], "at least one"),
        ("quality", "at least one"),
        ([ONE] * 41, "at most 40"),
        (["tone"], "Question 1: it must be an object"),
        ([{**ONE, "colour": 1}], "there is no colour"),
        ([{**ONE, "kind": "slider"}], "kind must be one of"),
        ([{**ONE, "key": "Tone!"}], "small letters"),
        ([{**ONE, "key": "1"}], "small letters"),
        ([{**ONE, "key": None}], "small letters"),
        ([ONE, ONE], "Question 2: the key tone is taken"),
        ([{**ONE, "label": "  "}], "label is empty"),
        ([{**ONE, "label": 5}], "label must be a text"),
        ([{**ONE, "label": "a\x00b"}], "label must be a text"),
        ([{**ONE, "help": "x" * 601}], "help has at most 600"),
        ([{**ONE, "required": "yes"}], "required must be"),
        ([{**ONE, "low": 5}], "from a low to a higher"),
        ([{**ONE, "low": True}], "from a low to a higher"),
        ([{**ONE, "low": 1.0}], "from a low to a higher"),
        ([{**ONE, "low": 0, "high": 11}], "at most 11 points"),
        ([{**ONE, "key": "quality", "low": 0}], "within 1 to 7"),
        ([{**ONE, "choices": [{"value": "a", "label": "A"}]}], "a scale has no choices"),
        ([{"key": "quality", "kind": "flag", "label": "Q"}], "kept for a scale"),
        ([{"key": "f", "kind": "flag", "label": "F", "low": 1}], "a flag has no low"),
        ([{"key": "c", "kind": "choice", "label": "C"}], "2 to 10 answers"),
        ([{"key": "c", "kind": "choice", "label": "C", "choices": [{"value": "a"}, {"value": "b"}]}], "value and a"),
        ([{"key": "c", "kind": "choice", "label": "C", "choices": [{"value": "a", "label": "A"}] * 2}], "same value"),
        ([{"key": "c", "kind": "choice", "label": "C", "choices": [{"value": " ", "label": "A"}] * 2}], "value and a"),
    ],
)  # fmt: skip
def test_a_form_that_cannot_be_asked_is_refused_question_by_question(fields: Any, said: str) -> None:
    with pytest.raises(FormRefused) as refused:
        check_fields(fields)
    assert said in " ".join(map(str, refused.value.fields["fields"]))


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(FormRefused) as refused:
        check_fields([{**ONE, "key": "", "label": ""}, {"kind": "?"}, ONE])
    assert len(refused.value.fields["fields"]) == 3


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "a", "scale", "flag", "choice", "quality"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["key", "kind", "label", "low", "high", "choices", "value", "help"]), inner)
    ),
    max_leaves=12,
)


@given(st.lists(anything, max_size=3))
def test_nothing_that_somebody_sends_breaks_the_check(fields: list[Any]) -> None:
    try:
        clean = check_fields(fields)
    except FormRefused:
        return
    assert from_json(as_json(clean)) == clean


@pytest.mark.django_db
def test_a_new_project_starts_with_instructgpt_and_one_without_a_form_asks_for_quality() -> None:
    made = create_project(actor=ResearcherFactory(), name="Helper", slug="helper")
    assert (current_form(made).name, current_form(made).version) == ("instructgpt", 1)
    assert current_form(made).fields == INSTRUCTGPT
    older = ProjectFactory()
    assert (current_form(older).name, current_form(older).version) == ("quality", 0)
    assert [field.key for field in current_form(older).fields] == ["quality"]


@pytest.mark.django_db
def test_a_change_is_the_next_version_and_the_earlier_stays() -> None:
    project, actor = ProjectFactory(), ResearcherFactory()
    first = change_form(actor=actor, project=project, name="tone", fields=[ONE])
    again = change_form(actor=actor, project=project, name=" tone ", fields=[ONE])
    second = change_form(actor=actor, project=project, name="tone", fields=[{**ONE, "high": 7}])
    assert (first.version, again.pk, second.version) == (1, first.pk, 2)
    assert JudgementForm.objects.get(version=1).fields == [{**ONE, "required": False}]
    assert current_form(project).fields[0].high == 7 and second.created_by == actor


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "  ", "x" * 81, None, 5])
def test_a_form_has_a_name(name: Any) -> None:
    with pytest.raises(FormRefused) as refused:
        change_form(actor=ResearcherFactory(), project=ProjectFactory(), name=name, fields=[ONE])
    assert "name" in refused.value.fields


@pytest.mark.django_db
def test_labelers_may_not_change_a_form() -> None:
    project = ProjectFactory()
    with pytest.raises(NotAllowed):
        change_form(actor=UserFactory(member_of=project), project=project, name="tone", fields=[ONE])
    assert not JudgementForm.objects.exists() and Project.objects.exists()
