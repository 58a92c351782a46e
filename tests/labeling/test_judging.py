"""What the Compare page sends becomes a comparison, or is refused with a sentence and nothing lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.built_in_forms import ATTRIBUTES, INSTRUCTGPT, QUALITY_ALONE, TOXICITY, rules_form
from labeling.exceptions import AlreadyAnswered, AnswerFrozen, AnswerRefused
from labeling.judgement_forms import as_json
from labeling.judgements import ComparisonJudgement
from labeling.models import Assignment, AssignmentState, Comparison, JudgementForm, Project
from labeling.services import answers, drafts, revisions
from labeling.services.frozen import mark_frozen
from labeling.services.judging import check_answers
from labeling.services.rankings import LEVELS, check_strength, signed_strength
from tests.factories import AssignmentFactory, CompareTaskFactory, ProjectFactory, RoundFactory


def lease(*texts: str, form: Any = None, **settings: Any) -> Assignment:
    project = ProjectFactory(**settings)
    if form is not None:
        JudgementForm.objects.create(project=project, version=1, name="asked", fields=as_json(form))
    made: Assignment = AssignmentFactory(
        task=CompareTaskFactory(round=RoundFactory(project=project), outputs=list(texts) or None)
    )
    return made


def submit(held: Assignment, **said: Any) -> Comparison:
    return answers.submit_comparison(token=held.token, labeler=held.labeler, judgement=ComparisonJudgement(**said))


def ranked(held: Assignment, *ranks: int) -> dict[int, int]:
    return dict(zip(held.shown_order, ranks, strict=True))


# answers to a form


@pytest.mark.parametrize("bad", [0, 8, -1, 3.0, "5", True])
def test_a_value_outside_the_scale_is_refused(bad: Any) -> None:
    with pytest.raises(AnswerRefused) as refused:
        check_answers({1: {"quality": bad}, 2: {"quality": 4}}, [1, 2], QUALITY_ALONE, all_required=False)
    assert "from 1 to 7" in str(refused.value.fields["answers"][0])


def test_unanswered_is_absent_never_zero() -> None:
    assert check_answers({1: {"quality": None}}, [1, 2], QUALITY_ALONE, all_required=False) == {1: {}, 2: {}}
    assert check_answers({1: {"sexual": False}}, [1], INSTRUCTGPT, all_required=False) == {1: {"sexual": False}}


def test_a_project_that_rates_first_names_what_is_missing() -> None:
    said = {
        1: {"toxicity": 0, "relative_toxicity": "-1"},
        2: {"toxicity": 2, "relative_toxicity": "1", "continuity": 7},
    }
    with pytest.raises(AnswerRefused, match=r"Continuity \(1\)"):
        check_answers(said, [1, 2], TOXICITY, all_required=True)
    said[1]["continuity"] = 1
    assert check_answers(said, [1, 2], TOXICITY, all_required=True) == said


values = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 9), st.just(3.0), st.sampled_from(["", "5", "yes", "broken", "-1"])
)
forms = st.sampled_from([QUALITY_ALONE, INSTRUCTGPT, ATTRIBUTES, TOXICITY, rules_form(["No threats", "No lies"])])


@given(forms, st.data())
def test_only_answers_of_the_form_are_ever_stored(form: Any, data: st.DataObject) -> None:
    keys = [field.key for field in form]
    said = data.draw(
        st.dictionaries(st.integers(1, 4), st.dictionaries(st.sampled_from(keys), values, max_size=3), max_size=3)
    )
    try:
        stored = check_answers(said, [1, 2, 3, 4], form, all_required=False)
    except AnswerRefused:
        return
    allowed = {field.key: field.values for field in form}
    for output, kept in stored.items():
        assert kept == {key: value for key, value in said.get(output, {}).items() if value is not None}
        assert all(any(type(v) is type(a) and v == a for a in allowed[key]) for key, v in kept.items())


@pytest.mark.django_db
def test_every_kind_of_field_is_stored_under_the_version_of_the_form() -> None:
    held = lease("one", "two", form=INSTRUCTGPT)
    a, b = held.shown_order
    said = {a: {"quality": 6, "hallucination": True, "sexual": False, "constraint": "none"}, b: {"quality": 2}}
    row = submit(held, ranks=ranked(held, 1, 2), answers=said, prompt_flags=["ambiguous"])
    assert row.form is not None and row.form.version == 1
    assert {output.completion_id: output.answers for output in row.judged.all()} == said
    assert [output.quality for output in row.judged.all()] == [6, 2]
    assert row.prompt_flags == ["ambiguous"]


@pytest.mark.django_db
def test_a_project_without_a_form_asks_for_quality() -> None:
    held = lease("one", "two")
    with pytest.raises(AnswerRefused) as refused:
        submit(held, ranks=ranked(held, 1, 2), answers={held.shown_order[0]: {"hallucination": True}})
    assert refused.value.code == "unknown_answer"
    row = submit(held, ranks=ranked(held, 1, 2), answers={held.shown_order[0]: {"quality": 3}})
    assert row.form is None and row.judged.get(shown_position=1).quality == 3


@pytest.mark.django_db
def test_an_answer_about_an_output_of_another_task_is_refused() -> None:
    held, other = lease("one", "two"), lease("one", "two")
    foreign = {other.shown_order[0]: {"quality": 3}}
    with pytest.raises(AnswerRefused) as refused:
        submit(held, ranks=ranked(held, 1, 2), answers=foreign)
    assert refused.value.code == "foreign_output"
    held.refresh_from_db()
    assert held.state == AssignmentState.ACTIVE and not Comparison.objects.exists()


@pytest.mark.django_db
def test_ratings_are_asked_for_before_the_ranking() -> None:
    held = lease("one", "two", ratings_first=True)
    with pytest.raises(AnswerRefused, match="rates first"):
        submit(held)
    with pytest.raises(AnswerRefused, match="no rank"):
        submit(held, answers={pk: {"quality": 4} for pk in held.shown_order})


@pytest.mark.django_db
def test_none_is_acceptable_is_only_what_somebody_said() -> None:
    tied, refused = lease("one", "two"), lease("one", "two")
    assert not submit(tied, ranks=ranked(tied, 1, 1)).none_acceptable
    assert submit(refused, ranks=ranked(refused, 1, 1), none_acceptable=True).none_acceptable


# pairs


@given(st.sampled_from(list(LEVELS)), st.data())
def test_a_signed_choice_becomes_ranks_and_a_strength(mode: Any, data: st.DataObject) -> None:
    signed = data.draw(st.integers(-LEVELS[mode], LEVELS[mode]))
    ranks, strength = check_strength(signed, [7, 5], mode=mode, ranks={}, none_acceptable=False)
    assert strength == abs(signed)
    assert (ranks[7] < ranks[5]) == (signed < 0) and (ranks[7] == ranks[5]) == (signed == 0)
    assert sorted(ranks.values()) == ([1, 1] if signed == 0 else [1, 2])
    assert signed_strength([7, 5], ranks, strength) == signed
    assert check_strength(signed, [7, 5], mode=mode, ranks=ranks, none_acceptable=False) == (ranks, strength)


@pytest.mark.parametrize("bad", [5, -5, 4.0, "2", True])
def test_what_is_no_strength_is_refused(bad: Any) -> None:
    with pytest.raises(AnswerRefused):
        check_strength(bad, [7, 5], mode="strength", ranks={}, none_acceptable=False)


def test_ranks_beside_a_strength_must_agree() -> None:
    with pytest.raises(AnswerRefused) as refused:
        check_strength(-2, [7, 5], mode="strength", ranks={7: 2, 5: 1}, none_acceptable=False)
    assert "ranks" in refused.value.fields


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("mode", "signed", "ranks"),
    [("strength", -4, [1, 2]), ("strength", 1, [2, 1]), ("seven_point", 3, [2, 1]), ("seven_point", 0, [1, 1])],
)
def test_a_pair_is_stored_with_its_strength(mode: str, signed: int, ranks: list[int]) -> None:
    held = lease("one", "two", compare_mode=mode)
    held.shown_order = held.shown_order[::-1]
    held.save()
    row = submit(held, strength=signed)
    assert (row.mode, row.strength) == (mode, abs(signed))
    assert [output.rank for output in row.judged.order_by("shown_position")] == ranks
    assert submit(held, strength=signed).pk == row.pk
    with pytest.raises(AlreadyAnswered):
        submit(held, strength=-signed or 1)
    held.refresh_from_db()
    assert held.draft["strength"] == (-signed or 1)


@pytest.mark.django_db
def test_both_bad_needs_no_preference_and_is_no_tie_of_strength_zero() -> None:
    held = lease("one", "two", compare_mode="strength")
    with pytest.raises(AnswerRefused, match="tie"):
        submit(held)
    row = submit(held, none_acceptable=True)
    assert row.none_acceptable and row.strength is None
    assert [output.rank for output in row.judged.all()] == [1, 1]
    other = lease("one", "two", compare_mode="strength")
    assert submit(other, none_acceptable=True, strength=2).strength == 2


@pytest.mark.django_db
def test_a_task_of_more_outputs_is_ranked_in_a_project_of_pairs() -> None:
    held = lease("one", "two", "three", compare_mode="seven_point")
    with pytest.raises(AnswerRefused) as refused:
        submit(held, strength=2)
    assert "strength" in refused.value.fields
    row = submit(held, ranks=ranked(held, 2, 1, 3))
    assert (row.mode, row.strength) == ("ranking", None)


# the edit


@pytest.mark.django_db
def test_an_edit_improves_the_best_output() -> None:
    held = lease("one", "two", "three", edit_step=True)
    row = submit(held, ranks=ranked(held, 2, 1, 1), edited_text="two, but better\r\n")
    assert (row.edited_text, row.edited_from_id) == ("two, but better\n", held.shown_order[1])
    assert submit(held, ranks=ranked(held, 2, 1, 1), edited_text="two, but better\n").pk == row.pk
    with pytest.raises(AlreadyAnswered):
        submit(held, ranks=ranked(held, 2, 1, 1), edited_text="another")


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["", "  \n ", "two", " two\n"])
def test_an_empty_or_unchanged_edit_is_none(text: str) -> None:
    held = lease("one", "two", edit_step=True)
    row = submit(held, ranks=ranked(held, 2, 1), edited_text=text, none_acceptable=True)
    assert (row.edited_text, row.edited_from) == ("", None)


@pytest.mark.django_db
def test_the_best_of_a_bad_lot_may_be_edited() -> None:
    held = lease("one", "two", edit_step=True)
    row = submit(held, ranks=ranked(held, 1, 2), edited_text="good", none_acceptable=True)
    assert row.none_acceptable and row.edited_text == "good"


@pytest.mark.django_db
def test_edits_that_cannot_be_stored_are_refused_and_kept_as_a_draft() -> None:
    held = lease("one", "two", edit_step=True)
    with pytest.raises(AnswerRefused) as same:
        submit(held, ranks=ranked(held, 1, 2), edited_text="two ")
    assert "answer B" in str(same.value.fields["edited_text"][0])
    with pytest.raises(AnswerRefused) as long:
        submit(held, ranks=ranked(held, 1, 2), edited_text="x" * 20_001)
    assert "edited_text" in long.value.fields
    assert not Comparison.objects.exists()


@pytest.mark.django_db
def test_a_project_without_an_edit_step_takes_only_an_edit_that_was_begun() -> None:
    held = lease("one", "two", edit_step=True)
    drafts.save_draft(token=held.token, labeler=held.labeler, draft={"edited_text": "one."}, base_version=0)
    Project.objects.update(edit_step=False)
    fresh = lease("one", "two")
    with pytest.raises(AnswerRefused):
        submit(fresh, ranks=ranked(fresh, 1, 2), edited_text="one.")
    assert submit(held, ranks=ranked(held, 1, 2), edited_text="one.").edited_text == "one."


@pytest.mark.django_db
def test_twelve_outputs_leave_no_room_for_an_edit() -> None:
    held = lease(*[f"output {n}" for n in range(12)], edit_step=True)
    with pytest.raises(AnswerRefused):
        submit(held, ranks=ranked(held, *range(1, 13)), edited_text="a thirteenth")


# revisions


@pytest.mark.django_db
def test_a_revision_is_judged_with_the_form_and_mode_of_what_it_corrects() -> None:
    held = lease("one", "two", form=ATTRIBUTES, compare_mode="strength")
    a, b = held.shown_order
    first = submit(held, strength=-3, answers={a: {"helpfulness": 4}}, prompt_flags=["ambiguous"])
    project = Project.objects.get()
    JudgementForm.objects.create(project=project, version=2, name="other", fields=as_json(TOXICITY))
    Project.objects.update(compare_mode="ranking")
    second = revisions.revise_comparison(
        actor=held.labeler,
        previous=first,
        judgement=ComparisonJudgement(strength=2, answers={b: {"helpfulness": 3}}, note="other way round"),
    )
    assert (second.form, second.mode, second.strength) == (first.form, "strength", 2)
    assert [output.answers for output in second.judged.order_by("shown_position")] == [{}, {"helpfulness": 3}]
    assert second.prompt_flags == ["ambiguous"], "left out is left as it was"
    with pytest.raises(AnswerRefused):
        revisions.revise_comparison(
            actor=held.labeler, previous=second, judgement=ComparisonJudgement(strength=2, answers={b: {"toxicity": 1}})
        )
    assert Comparison.objects.current().get() == second


@pytest.mark.django_db
def test_a_frozen_answer_is_not_revised() -> None:
    held = lease("one", "two")
    first = submit(held, ranks=ranked(held, 1, 2))
    mark_frozen(comparisons=[first.pk], at=first.created_at)
    with pytest.raises(AnswerFrozen, match="dataset"):
        revisions.revise_comparison(
            actor=held.labeler, previous=first, judgement=ComparisonJudgement(ranks=ranked(held, 2, 1))
        )
    assert Comparison.objects.current().get().pk == first.pk
