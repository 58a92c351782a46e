"""Claiming, leases, and the honest reason when there is nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from labeling.exceptions import AlreadyAnswered, AnswerRefused, AssignmentNotFound
from labeling.models import Assignment, AssignmentState, Project, Round, Slot, SlotState, TaskKind
from labeling.services import answers, drafts, queue, rounds
from tests.factories import (
    CompareTaskFactory,
    ProjectFactory,
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


def claim(labeler: Any, turn: Round, kind: str | None = None) -> queue.Claim:
    return queue.claim_next(labeler=labeler, project=Project.objects.get(pk=turn.project_id), kind=kind)


def held(labeler: Any, turn: Round, kind: str | None = None) -> Assignment:
    assignment = claim(labeler, turn, kind).assignment
    assert assignment is not None
    return assignment


def reason(labeler: Any, turn: Round, kind: str | None = None) -> str:
    nothing = claim(labeler, turn, kind).nothing
    assert nothing is not None
    return nothing.reason


def let_lease_run_out(assignment: Assignment) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Slot.objects.filter(pk=assignment.slot_id).update(held_until=past)
    Assignment.objects.filter(pk=assignment.pk).update(expires_at=past)


def test_a_claim_holds_the_slot_for_the_lease(turn: Round) -> None:
    task = TaskFactory(round=turn)
    before = timezone.now()
    assignment = held(UserFactory(member_of=turn.project), turn)
    slot = task.slots.get()
    assert assignment.task == task and assignment.state == AssignmentState.ACTIVE
    assert slot.state == SlotState.HELD and slot.held_until == assignment.expires_at
    assert timedelta(minutes=20) <= assignment.expires_at - before < timedelta(minutes=21)


def test_asking_again_gives_back_what_one_holds_and_prolongs_it(turn: Round) -> None:
    TaskFactory.create_batch(3, round=turn)
    labeler = UserFactory(member_of=turn.project)
    first = held(labeler, turn)
    again = held(labeler, turn)
    assert again.token == first.token and again.expires_at > first.expires_at
    assert Slot.objects.filter(state=SlotState.HELD).count() == 1


def test_two_labelers_never_hold_the_same_slot(turn: Round) -> None:
    TaskFactory.create_batch(2, round=turn)
    one, two, three = (UserFactory(member_of=turn.project) for _ in range(3))
    assert held(one, turn).task_id != held(two, turn).task_id
    assert reason(three, turn) == "reserved"


def test_overlap_wants_different_labelers(turn: Round) -> None:
    task = TaskFactory(round=turn, slots=2)
    one, two = UserFactory(member_of=turn.project), UserFactory(member_of=turn.project)
    answers.submit_demonstration(token=held(one, turn).token, labeler=one, text="Mine.")
    assert reason(one, turn) == "none_left_for_you"
    answers.submit_demonstration(token=held(two, turn).token, labeler=two, text="Mine too.")
    assert set(task.slots.values_list("state", flat=True)) == {SlotState.DONE}
    assert reason(one, turn) == reason(two, turn) == "done"


def test_nobody_answers_their_own_prompt(turn: Round) -> None:
    author, other = UserFactory(member_of=turn.project), UserFactory(member_of=turn.project)
    TaskFactory(round=turn, prompt=PromptFactory(project=turn.project, author=author))
    assert reason(author, turn) == "none_left_for_you"
    assert claim(other, turn).assignment is not None


def test_priority_comes_first_then_chance(turn: Round) -> None:
    tasks = TaskFactory.create_batch(30, round=turn)
    Slot.objects.filter(task=tasks[3]).update(priority=5)
    Slot.objects.filter(task=tasks[1]).update(priority=2)
    Slot.objects.filter(task=tasks[2]).update(priority=-1)
    labeler = UserFactory(member_of=turn.project)
    order = []
    for _ in range(30):
        assignment = held(labeler, turn)
        order.append(assignment.task_id)
        answers.submit_demonstration(token=assignment.token, labeler=labeler, text="Yes.")
    assert order[:2] == [tasks[3].pk, tasks[1].pk] and order[-1] == tasks[2].pk
    # 27 of equal priority: that chance puts them in the order they were made has the odds 1 : 27!.
    assert order[2:-1] != sorted(order[2:-1])


def test_the_kind_is_respected_and_any_kind_finds_both(turn: Round) -> None:
    CompareTaskFactory(round=turn)
    labeler = UserFactory(member_of=turn.project)
    assert reason(labeler, turn, TaskKind.WRITE) == "done"
    assert held(labeler, turn).task.kind == TaskKind.COMPARE


def test_the_order_shown_is_each_labelers_own_and_stays(turn: Round) -> None:
    task = CompareTaskFactory(round=turn, slots=12)
    pks = set(task.completions.values_list("pk", flat=True))
    people = [UserFactory(member_of=turn.project) for _ in range(12)]
    orders = [tuple(held(person, turn).shown_order) for person in people]
    assert all(set(order) == pks for order in orders)
    # 12 of 24 possible orders at random: all alike has the chance (1/24)^11.
    assert len(set(orders)) > 1
    assert tuple(held(people[0], turn).shown_order) == orders[0]


def test_reasons_without_work(turn: Round) -> None:
    labeler = UserFactory(member_of=turn.project)
    assert reason(UserFactory(), turn) == "not_member"
    assert reason(labeler, turn) == "done"
    TaskFactory(round=turn)
    Project.objects.filter(pk=turn.project_id).update(paused=True)
    assert reason(labeler, turn) == "paused"
    Project.objects.filter(pk=turn.project_id).update(paused=False)
    rounds.close_round(actor=ResearcherFactory(), round=turn)
    assert reason(labeler, turn) == "no_open_round"


def test_a_locked_out_person_gets_nothing(turn: Round) -> None:
    TaskFactory(round=turn)
    assert reason(UserFactory(member_of=turn.project, is_active=False), turn) == "not_member"


def test_reserved_says_until_when(turn: Round) -> None:
    TaskFactory.create_batch(2, round=turn)
    one, two, three = (UserFactory(member_of=turn.project) for _ in range(3))
    first, second = held(one, turn), held(two, turn)
    nothing = claim(three, turn).nothing
    assert nothing is not None and nothing.reason == "reserved"
    assert nothing.until == min(first.expires_at, second.expires_at)


def test_paused_gives_back_what_is_begun(turn: Round) -> None:
    TaskFactory.create_batch(2, round=turn)
    labeler = UserFactory(member_of=turn.project)
    begun = held(labeler, turn)
    Project.objects.filter(pk=turn.project_id).update(paused=True)
    assert held(labeler, turn).token == begun.token


def test_an_expired_lease_frees_the_slot_at_once_for_the_next_who_asks(turn: Round) -> None:
    TaskFactory(round=turn)
    one, two = UserFactory(member_of=turn.project), UserFactory(member_of=turn.project)
    late = held(one, turn)
    assert reason(two, turn) == "reserved"
    let_lease_run_out(late)
    assert held(two, turn).slot_id == late.slot_id
    late.refresh_from_db()
    assert late.state == AssignmentState.EXPIRED


def test_ones_own_expired_lease_comes_back_with_its_draft_and_order(turn: Round) -> None:
    CompareTaskFactory(round=turn)
    labeler = UserFactory(member_of=turn.project)
    late = held(labeler, turn)
    drafts.save_draft(token=late.token, labeler=labeler, draft={"note": "half done"}, base_version=0)
    let_lease_run_out(late)
    assert queue.release_expired(now=timezone.now()) == 1
    again = held(labeler, turn)
    assert again.token == late.token and again.state == AssignmentState.ACTIVE
    assert again.draft == {"note": "half done"} and again.shown_order == late.shown_order


def test_ones_own_expired_task_comes_before_new_ones(turn: Round) -> None:
    TaskFactory.create_batch(20, round=turn)
    labeler = UserFactory(member_of=turn.project)
    late = held(labeler, turn)
    let_lease_run_out(late)
    queue.release_expired(now=timezone.now())
    assert held(labeler, turn).token == late.token


def test_with_overlap_an_expired_lease_returns_on_another_slot(turn: Round) -> None:
    task = TaskFactory(round=turn, slots=2)
    one, two = UserFactory(member_of=turn.project), UserFactory(member_of=turn.project)
    late = held(one, turn)
    let_lease_run_out(late)
    queue.release_expired(now=timezone.now())
    Slot.objects.filter(pk=late.slot_id).update(priority=1)
    assert held(two, turn).slot_id == late.slot_id
    again = held(one, turn)
    assert again.token == late.token and again.slot_id != late.slot_id
    assert set(task.slots.values_list("state", flat=True)) == {SlotState.HELD}


def test_release_expired_leaves_living_leases_alone(turn: Round) -> None:
    TaskFactory.create_batch(2, round=turn)
    one, two = UserFactory(member_of=turn.project), UserFactory(member_of=turn.project)
    late, alive = held(one, turn), held(two, turn)
    let_lease_run_out(late)
    assert queue.release_expired(now=timezone.now()) == 1
    assert queue.release_expired(now=timezone.now()) == 0
    alive.refresh_from_db()
    assert alive.state == AssignmentState.ACTIVE
    assert Slot.objects.get(pk=late.slot_id).state == SlotState.OPEN


def test_a_skipped_task_goes_to_somebody_else_and_never_back(turn: Round) -> None:
    TaskFactory(round=turn)
    one, two = UserFactory(member_of=turn.project), UserFactory(member_of=turn.project)
    queue.skip(token=held(one, turn).token, labeler=one, reason="expertise", note="law")
    assert reason(one, turn) == "none_left_for_you"
    assert claim(two, turn).assignment is not None
    skipped = Assignment.objects.get(labeler=one)
    assert (skipped.state, skipped.skip_reason, skipped.skip_note) == ("skipped", "expertise", "law")
    assert skipped.ended_at is not None


def test_skip_wants_a_known_reason_and_keeps_submitted_work(turn: Round) -> None:
    TaskFactory(round=turn)
    labeler = UserFactory(member_of=turn.project)
    assignment = held(labeler, turn)
    with pytest.raises(AnswerRefused):
        queue.skip(token=assignment.token, labeler=labeler, reason="bored")
    answers.submit_demonstration(token=assignment.token, labeler=labeler, text="Yes.")
    with pytest.raises(AlreadyAnswered):
        queue.skip(token=assignment.token, labeler=labeler, reason="broken")
    assert Slot.objects.get().state == SlotState.DONE


def test_release_gives_the_task_to_others(turn: Round) -> None:
    TaskFactory(round=turn)
    one, two = UserFactory(member_of=turn.project), UserFactory(member_of=turn.project)
    queue.release(token=held(one, turn).token, labeler=one)
    assert reason(one, turn) == "none_left_for_you"
    assert claim(two, turn).assignment is not None


def test_renew_prolongs_and_takes_back_what_is_still_open(turn: Round) -> None:
    TaskFactory(round=turn)
    one, two = UserFactory(member_of=turn.project), UserFactory(member_of=turn.project)
    lease = held(one, turn)
    let_lease_run_out(lease)
    queue.release_expired(now=timezone.now())
    assert queue.renew(token=lease.token, labeler=one).state == AssignmentState.ACTIVE
    let_lease_run_out(lease)
    held(two, turn)
    assert queue.renew(token=lease.token, labeler=one).state == AssignmentState.EXPIRED


@pytest.mark.parametrize("token", ["not-a-uuid", "00000000-0000-0000-0000-000000000000"])
def test_a_foreign_or_broken_token_is_not_found(turn: Round, token: str) -> None:
    with pytest.raises(AssignmentNotFound):
        queue.renew(token=token, labeler=UserFactory())


def test_the_task_of_somebody_else_is_not_found(turn: Round) -> None:
    TaskFactory(round=turn)
    lease = held(UserFactory(member_of=turn.project), turn)
    with pytest.raises(AssignmentNotFound):
        queue.renew(token=lease.token, labeler=UserFactory(member_of=turn.project))


def test_rounds_before_are_not_given_out() -> None:
    project, researcher = ProjectFactory(), ResearcherFactory()
    old = rounds.open_round(actor=researcher, project=project)
    TaskFactory(round=old)
    rounds.close_round(actor=researcher, round=old)
    rounds.open_round(actor=researcher, project=project)
    assert reason(UserFactory(member_of=project), old) == "done"
