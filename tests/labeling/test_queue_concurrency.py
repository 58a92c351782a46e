"""Many labelers at once, on real connections: no slot twice, none lost, all done."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from labeling.models import Assignment, AssignmentState, Demonstration, Project, Slot, SlotState
from labeling.services import answers, queue
from tests.factories import ProjectFactory, PromptFactory, RoundFactory, TaskFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(work: Callable[[Any], Any], people: list[Any]) -> list[Any]:
    """Run `work` for everybody in a thread of their own, each with its own connection, all starting together."""
    gate = threading.Barrier(len(people))

    def run(person: Any) -> Any:
        try:
            gate.wait(timeout=30)
            return work(person)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(people)) as pool:
        return list(pool.map(run, people))


def work_until_done(project: Project, *, dawdle: bool = False) -> Callable[[User], Counter[str]]:
    def work(labeler: User) -> Counter[str]:
        seen: Counter[str] = Counter()
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            claim = queue.claim_next(labeler=labeler, project=project, kind="write")
            if claim.assignment is None:
                assert claim.nothing is not None
                seen[claim.nothing.reason] += 1
                if claim.nothing.reason in ("done", "none_left_for_you"):
                    return seen
                time.sleep(0.01)
                continue
            if dawdle and seen["answered"] % 4 == 3:
                # The lease runs out under this labeler, somebody else may take the slot, and the answer comes late.
                past = timezone.now() - timedelta(seconds=1)
                Slot.objects.filter(pk=claim.assignment.slot_id, state=SlotState.HELD).update(held_until=past)
                queue.release_expired(now=timezone.now())
            answers.submit_demonstration(
                token=claim.assignment.token, labeler=labeler, text=f"{labeler.username}: {claim.assignment.task_id}"
            )
            seen["answered"] += 1
        raise AssertionError(f"not done in time: {seen}")

    return work


def setting(tasks: int, people: int, slots: int = 1) -> tuple[Project, list[User]]:
    project = ProjectFactory()
    turn = RoundFactory(project=project)
    for _ in range(tasks):
        TaskFactory(round=turn, prompt=PromptFactory(project=project), slots=slots)
    return project, [UserFactory(member_of=project) for _ in range(people)]


def test_thirty_labelers_and_three_hundred_slots() -> None:
    project, people = setting(tasks=300, people=30)
    seen = at_once(work_until_done(project), people)
    assert sum(each["answered"] for each in seen) == 300
    per_task = Counter(Demonstration.objects.values_list("assignment__task_id", flat=True))
    assert len(per_task) == 300 and set(per_task.values()) == {1}
    assert not Demonstration.objects.filter(surplus=True).exists()
    assert set(Slot.objects.values_list("state", flat=True)) == {SlotState.DONE}
    assert all(each["done"] == 1 for each in seen), "everybody heard 'done', and only at the end"
    assert max(each["answered"] for each in seen) < 300, "the work was shared"


def test_overlap_three_gives_each_task_three_labelers() -> None:
    project, people = setting(tasks=40, people=8, slots=3)
    at_once(work_until_done(project), people)
    pairs = list(Demonstration.objects.values_list("assignment__task_id", "labeler_id"))
    assert len(pairs) == len(set(pairs)) == 120
    assert set(Counter(task for task, _labeler in pairs).values()) == {3}
    assert not Demonstration.objects.filter(surplus=True).exists()


def test_leases_that_run_out_lose_no_text_and_fill_each_slot_once() -> None:
    project, people = setting(tasks=60, people=10)
    seen = at_once(work_until_done(project, dawdle=True), people)
    assert Demonstration.objects.count() == sum(each["answered"] for each in seen)
    assert Demonstration.objects.filter(surplus=False).count() == 60
    assert set(Slot.objects.values_list("state", flat=True)) == {SlotState.DONE}
    assert not Assignment.objects.filter(state=AssignmentState.ACTIVE).exists()


def test_two_tabs_of_one_labeler_get_one_task() -> None:
    project, (labeler,) = setting(tasks=10, people=1)
    claims = at_once(lambda person: queue.claim_next(labeler=person, project=project), [labeler] * 6)
    assert len({claim.assignment.token for claim in claims}) == 1
    assert Slot.objects.filter(state=SlotState.HELD).count() == 1


def test_a_double_click_on_submit_is_one_answer() -> None:
    project, (labeler,) = setting(tasks=1, people=1)
    assignment = queue.claim_next(labeler=labeler, project=project).assignment
    assert assignment is not None
    token = assignment.token
    rows = at_once(
        lambda person: answers.submit_demonstration(token=token, labeler=person, text="Once."), [labeler] * 6
    )
    assert len({row.pk for row in rows}) == 1 and Demonstration.objects.count() == 1


def test_late_answers_of_two_people_at_once_fill_the_slot_once() -> None:
    project, people = setting(tasks=1, people=2)
    leases = []
    for person in people:
        assignment = queue.claim_next(labeler=person, project=project).assignment
        assert assignment is not None
        leases.append((person, assignment.token))
        past = timezone.now() - timedelta(seconds=1)
        Slot.objects.update(held_until=past)
        queue.release_expired(now=timezone.now())
    rows = at_once(lambda lease: answers.submit_demonstration(token=lease[1], labeler=lease[0], text="Late."), leases)
    assert sorted(row.surplus for row in rows) == [False, True]
