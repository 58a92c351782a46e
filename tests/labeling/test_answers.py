"""Submitting, submitting again, submitting too late: no text is ever lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from labeling.exceptions import (
    AlreadyAnswered,
    AlreadyRevised,
    AnswerRefused,
    AssignmentNotFound,
    NotAllowed,
    StaleDraft,
)
from labeling.judgements import ComparisonJudgement
from labeling.models import (
    Assignment,
    AssignmentState,
    Comparison,
    Demonstration,
    Project,
    Prompt,
    Round,
    Slot,
    SlotState,
    Task,
)
from labeling.services import answers, drafts, queue, revisions, rounds
from tests.factories import (
    AssignmentFactory,
    CompareTaskFactory,
    ProjectFactory,
    PromptFactory,
    ResearcherFactory,
    ReviewerFactory,
    RoundFactory,
    TaskFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def lease() -> Assignment:
    return AssignmentFactory()


@pytest.fixture
def comparing() -> Assignment:
    return AssignmentFactory(task=CompareTaskFactory())


def submit(lease: Assignment, text: str = "An answer.", **more: Any) -> Demonstration:
    return answers.submit_demonstration(token=lease.token, labeler=lease.labeler, text=text, **more)


def rank(lease: Assignment, *ranks: int, **more: Any) -> Comparison:
    given = dict(zip(lease.shown_order, ranks, strict=True))
    said = {pk: {"quality": quality} for pk, quality in more.pop("qualities", {}).items()}
    judgement = ComparisonJudgement(ranks=given, answers=said, **more)
    return answers.submit_comparison(token=lease.token, labeler=lease.labeler, judgement=judgement)


def expire(lease: Assignment) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Slot.objects.filter(pk=lease.slot_id).update(held_until=past)
    Assignment.objects.filter(pk=lease.pk).update(expires_at=past)
    queue.release_expired(now=timezone.now())


def test_a_submission_ends_the_lease_and_keeps_where_it_came_from(lease: Assignment) -> None:
    row = submit(lease, note=" quick ")
    lease.refresh_from_db()
    assert lease.state == AssignmentState.SUBMITTED and lease.ended_at is not None
    assert Slot.objects.get(pk=lease.slot_id).state == SlotState.DONE
    assert (row.text, row.note, row.revision, row.is_current, row.surplus) == ("An answer.", "quick", 1, True, False)
    assert (row.project, row.round, row.prompt) == (lease.task.project, lease.task.round, lease.task.prompt)
    assert row.labeler == row.actor == lease.labeler and not row.simulated


def test_a_simulated_labelers_record_is_marked() -> None:
    lease = AssignmentFactory(labeler=UserFactory(is_simulated=True))
    assert submit(lease).simulated
    comparing = AssignmentFactory(task=CompareTaskFactory(), labeler=lease.labeler)
    assert rank(comparing, 1, 2, 3, 4).simulated


def test_the_same_submission_again_returns_the_same_row(lease: Assignment) -> None:
    first = submit(lease)
    assert submit(lease).pk == first.pk
    assert Demonstration.objects.count() == 1


def test_another_text_after_the_submission_is_kept_as_draft(lease: Assignment) -> None:
    submit(lease)
    with pytest.raises(AlreadyAnswered):
        submit(lease, "A longer answer from a stale tab.")
    lease.refresh_from_db()
    assert lease.draft["text"] == "A longer answer from a stale tab."
    assert Demonstration.objects.get().text == "An answer."


@pytest.mark.parametrize("text", ["", " \n\t", "\x00", "\u3000"])
def test_an_empty_answer_is_refused(lease: Assignment, text: str) -> None:
    with pytest.raises(AnswerRefused):
        submit(lease, text)
    lease.refresh_from_db()
    assert lease.state == AssignmentState.ACTIVE and not Demonstration.objects.exists()


def test_too_long_is_refused_with_both_numbers_and_the_longest_is_stored_whole(lease: Assignment) -> None:
    drafts.save_draft(token=lease.token, labeler=lease.labeler, draft={"text": "x" * 20_001}, base_version=0)
    with pytest.raises(AnswerRefused, match="20001 characters; at most 20000"):
        submit(lease, "x" * 20_001)
    lease.refresh_from_db()
    assert len(lease.draft["text"]) == 20_001
    assert len(submit(lease, "字" * 20_000).text) == 20_000


def test_what_postgresql_cannot_hold_does_not_break_a_submission(lease: Assignment) -> None:
    assert submit(lease, "a\x00b \ud800c\r\n").text == "ab ?c\n"


def test_an_overdue_lease_that_nobody_released_still_fills_its_slot(lease: Assignment) -> None:
    past = timezone.now() - timedelta(hours=1)
    Slot.objects.filter(pk=lease.slot_id).update(held_until=past)
    Assignment.objects.filter(pk=lease.pk).update(expires_at=past)
    assert not submit(lease).surplus


def test_an_expired_lease_saves_into_its_open_slot(lease: Assignment) -> None:
    expire(lease)
    assert not submit(lease).surplus
    assert Slot.objects.get(pk=lease.slot_id).state == SlotState.DONE


@pytest.mark.parametrize("other_submits", [False, True])
def test_an_expired_lease_whose_slot_is_taken_saves_as_surplus(lease: Assignment, other_submits: bool) -> None:
    expire(lease)
    project = Project.objects.get(pk=lease.task.project_id)
    other = queue.claim_next(labeler=UserFactory(member_of=project), project=project).assignment
    assert other is not None and other.slot_id == lease.slot_id
    if other_submits:
        submit(other, "Theirs.")
    late = submit(lease, "Mine, late.")
    assert late.surplus and late.text == "Mine, late."
    if not other_submits:
        assert not submit(other, "Theirs.").surplus
    assert set(Demonstration.objects.values_list("text", "surplus")) == {("Mine, late.", True), ("Theirs.", False)}


def test_an_expired_lease_fills_another_open_slot_of_its_task() -> None:
    lease = AssignmentFactory(task=TaskFactory(slots=2))
    expire(lease)
    Slot.objects.filter(pk=lease.slot_id).update(state=SlotState.DONE, held_until=None)
    assert not submit(lease).surplus
    assert set(lease.task.slots.values_list("state", flat=True)) == {SlotState.DONE}


def test_a_stale_tab_of_a_skipped_task_still_saves(lease: Assignment) -> None:
    queue.skip(token=lease.token, labeler=lease.labeler, reason="unclear")
    assert not submit(lease, "I understand it now.").surplus


def test_a_write_token_takes_no_comparison_nor_the_other_way_round(lease: Assignment, comparing: Assignment) -> None:
    with pytest.raises(AssignmentNotFound):
        rank(lease)
    with pytest.raises(AssignmentNotFound):
        submit(comparing)


def test_somebody_elses_token_is_not_found(lease: Assignment) -> None:
    with pytest.raises(AssignmentNotFound):
        answers.submit_demonstration(token=lease.token, labeler=UserFactory(), text="Mine now.")


def test_guidelines_version_is_the_one_in_force() -> None:
    project = ProjectFactory(guidelines_version=3)
    assert submit(AssignmentFactory(task=TaskFactory(round=RoundFactory(project=project)))).guidelines_version == 3


# comparisons


def test_a_comparison_keeps_ranks_qualities_and_the_order_shown(comparing: Assignment) -> None:
    comparing.shown_order = comparing.shown_order[::-1]
    comparing.save()
    row = rank(comparing, 3, 1, 3, 7, qualities={comparing.shown_order[1]: 6}, none_acceptable=True, note="hm")
    judged = list(row.judged.values_list("completion_id", "rank", "quality", "shown_position"))
    assert [pk for pk, *_rest in judged] == comparing.shown_order
    assert [rest for _pk, *rest in judged] == [[2, None, 1], [1, 6, 2], [2, None, 3], [4, None, 4]]
    assert row.none_acceptable and row.note == "hm" and row.summary() == "B > A = C > D"


def test_the_same_order_with_other_numbers_is_the_same_submission(comparing: Assignment) -> None:
    first = rank(comparing, 1, 2, 2, 3)
    assert rank(comparing, 1, 2, 2, 4).pk == first.pk
    with pytest.raises(AlreadyAnswered):
        rank(comparing, 1, 2, 3, 4)
    comparing.refresh_from_db()
    assert list(comparing.draft["ranks"].values()) == [1, 2, 3, 4]
    assert Comparison.objects.count() == 1


def test_a_project_that_rates_first_refuses_a_ranking_without_ratings(comparing: Assignment) -> None:
    Project.objects.update(ratings_first=True)
    with pytest.raises(AnswerRefused, match="rates first"):
        rank(comparing, 1, 2, 3, 4)
    assert not Comparison.objects.exists()
    assert rank(comparing, 1, 2, 3, 4, qualities=dict.fromkeys(comparing.shown_order, 5)).pk


def test_a_half_ranking_is_refused_and_changes_nothing(comparing: Assignment) -> None:
    with pytest.raises(AnswerRefused, match="1 of 4"):
        answers.submit_comparison(
            token=comparing.token,
            labeler=comparing.labeler,
            judgement=ComparisonJudgement(ranks=dict.fromkeys(comparing.shown_order[:3], 1)),
        )
    comparing.refresh_from_db()
    assert comparing.state == AssignmentState.ACTIVE and not Comparison.objects.exists()


# drafts


def save(lease: Assignment, draft: dict[str, Any], base: int) -> Assignment:
    return drafts.save_draft(token=lease.token, labeler=lease.labeler, draft=draft, base_version=base)


def test_a_draft_is_stored_versioned_and_renews_the_lease(lease: Assignment) -> None:
    soon = timezone.now() + timedelta(seconds=5)
    Slot.objects.update(held_until=soon)
    Assignment.objects.update(expires_at=soon)
    saved = save(lease, {"text": "so far"}, 0)
    assert saved.draft_version == 1 and saved.draft_saved_at is not None
    assert saved.expires_at > soon and Slot.objects.get().held_until == saved.expires_at
    assert save(lease, {"text": "so far, so good"}, 1).draft_version == 2


def test_a_stale_tab_is_told_and_both_texts_live(lease: Assignment) -> None:
    save(lease, {"text": "tab one"}, 0)
    with pytest.raises(StaleDraft) as refused:
        save(lease, {"text": "tab two"}, 0)
    assert refused.value.status == 409
    assert refused.value.details == {
        "stored": {"text": "tab one"},
        "stored_version": 1,
        "yours": {"text": "tab two"},
    }
    lease.refresh_from_db()
    assert lease.draft == {"text": "tab one"}


def test_sending_a_draft_twice_is_harmless(lease: Assignment) -> None:
    save(lease, {"text": "same"}, 0)
    assert save(lease, {"text": "same"}, 0).draft_version == 1


def test_a_draft_survives_the_lease(lease: Assignment) -> None:
    expire(lease)
    project = Project.objects.get(pk=lease.task.project_id)
    assert queue.claim_next(labeler=UserFactory(member_of=project), project=project).assignment is not None
    saved = save(lease, {"text": "typed after the lease"}, 0)
    assert saved.state == AssignmentState.EXPIRED and saved.draft == {"text": "typed after the lease"}


def test_a_draft_takes_an_open_slot_back(lease: Assignment) -> None:
    expire(lease)
    assert save(lease, {"text": "back"}, 0).state == AssignmentState.ACTIVE
    assert Slot.objects.get().state == SlotState.HELD


def test_a_draft_may_hold_what_json_and_postgresql_disagree_about(lease: Assignment) -> None:
    assert save(lease, {"text": "a\x00b", "deep": [{"x": "\udc00"}]}, 0).draft == {"text": "ab", "deep": [{"x": "?"}]}


def _deep(levels: int) -> list[Any]:
    nested: list[Any] = []
    for _level in range(levels):
        nested = [nested]
    return nested


@pytest.mark.parametrize(
    "draft",
    [
        ["text"], "text", None, {"text": "x" * 200_001}, {"n": float("nan")}, {"n": [float("inf")]}, {"a": _deep(3000)},
    ],
    ids=["list", "text", "nothing", "too long", "nan", "infinity", "too deep"],
)  # fmt: skip
def test_what_is_no_draft_is_refused(lease: Assignment, draft: Any) -> None:
    with pytest.raises(AnswerRefused):
        save(lease, draft, 0)


def test_a_draft_after_the_submission_is_refused(lease: Assignment) -> None:
    submit(lease)
    with pytest.raises(AlreadyAnswered):
        save(lease, {"text": "late"}, 0)


# revisions


def test_a_revision_never_overwrites(lease: Assignment) -> None:
    first = submit(lease)
    second = revisions.revise_demonstration(actor=lease.labeler, previous=first, text="Better.", reason="typo")
    first.refresh_from_db()
    assert (first.text, first.is_current) == ("An answer.", False)
    assert (second.text, second.is_current, second.revision, second.reason) == ("Better.", True, 2, "typo")
    assert second.assignment_id == first.assignment_id and second.prompt_id == first.prompt_id
    with pytest.raises(AlreadyRevised):
        revisions.revise_demonstration(actor=lease.labeler, previous=first, text="From a stale tab.")
    assert submit(lease).pk == first.pk, "a retry of the first submission still finds its row"


def test_a_reviewer_of_the_project_may_revise_with_a_reason(lease: Assignment) -> None:
    first = submit(lease)
    stranger, reviewer = ReviewerFactory(), ReviewerFactory(member_of=first.project)
    for nobody in (stranger, UserFactory(member_of=first.project)):
        with pytest.raises(NotAllowed):
            revisions.revise_demonstration(actor=nobody, previous=first, text="Mine.", reason="x")
    with pytest.raises(AnswerRefused):
        revisions.revise_demonstration(actor=reviewer, previous=first, text="Better.")
    second = revisions.revise_demonstration(actor=reviewer, previous=first, text="Better.", reason="wrong fact")
    assert second.labeler == lease.labeler and second.actor == reviewer


def test_a_revised_comparison_keeps_the_order_shown(comparing: Assignment) -> None:
    first = rank(comparing, 1, 2, 3, 4)
    second = revisions.revise_comparison(
        actor=comparing.labeler,
        previous=first,
        judgement=ComparisonJudgement(ranks=dict.fromkeys(comparing.shown_order, 1)),
    )
    assert [output.rank for output in first.judged.all()] == [1, 2, 3, 4]
    assert [(output.completion_id, output.rank) for output in second.judged.all()] == [
        (pk, 1) for pk in comparing.shown_order
    ]
    assert Comparison.objects.current().get() == second


def test_a_refused_revision_leaves_the_first_current(comparing: Assignment) -> None:
    first = rank(comparing, 1, 2, 3, 4)
    with pytest.raises(AnswerRefused):
        revisions.revise_comparison(actor=comparing.labeler, previous=first, judgement=ComparisonJudgement())
    assert Comparison.objects.current().get() == first


# follow-ups


@pytest.fixture
def two_turns() -> Assignment:
    prompt = PromptFactory(text="Write a haiku.", follow_ups=["Now in prose.", "Shorter."], category="writing")
    turn = RoundFactory(project=prompt.project)
    return AssignmentFactory(task=TaskFactory(round=turn, prompt=prompt))


def test_an_answer_makes_the_next_prompt_and_its_task(two_turns: Assignment) -> None:
    first = two_turns.task.prompt
    submit(two_turns, "Old pond.")
    second = Prompt.objects.get(continues=first)
    assert second.messages == [
        {"role": "user", "content": "Write a haiku."},
        {"role": "assistant", "content": "Old pond."},
        {"role": "user", "content": "Now in prose."},
    ]
    assert second.follow_ups == ["Shorter."]
    assert (second.key, second.split, second.category) == (first.key, first.split, "writing")
    task = Task.objects.get(prompt=second)
    assert (task.kind, task.round_id) == ("write", two_turns.task.round_id)
    assert task.slots.get().state == SlotState.OPEN
    submit(AssignmentFactory(task=task), "A pond, and a frog.")
    third = Prompt.objects.get(continues=second)
    assert len(third.messages) == 5 and third.follow_ups == []


def test_the_same_answer_of_two_people_shares_the_next_prompt() -> None:
    prompt = PromptFactory(follow_ups=["And then?"])
    task = TaskFactory(round=RoundFactory(project=prompt.project), prompt=prompt, slots=2)
    one, two = task.slots.order_by("number")
    for slot in (one, two):
        submit(AssignmentFactory(task=task, slot=slot), "Yes.")
    assert Prompt.objects.filter(continues=prompt).count() == 1
    assert Task.objects.filter(prompt__continues=prompt).count() == 1


def test_a_closed_round_gets_no_new_task(two_turns: Assignment) -> None:
    rounds.close_round(actor=ResearcherFactory(), round=Round.objects.get(pk=two_turns.task.round_id))
    submit(two_turns, "Late.")
    assert Prompt.objects.filter(continues=two_turns.task.prompt).exists()
    assert Task.objects.count() == 1
