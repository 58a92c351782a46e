"""Properties of leases and of the overlap sample, whatever happens in whatever order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts.models import User
from labeling.models import Assignment, AssignmentState, Demonstration, Project, Prompt, Round, Slot, SlotState, Task
from labeling.services import answers, queue
from labeling.services.new_tasks import judgements_wanted
from labeling.services.rounds import request_demonstrations
from tests.factories import ProjectFactory, PromptFactory, ResearcherFactory, RoundFactory, TaskFactory, UserFactory

pytestmark = pytest.mark.django_db


def drawn(share: float, *, number: int = 1, prefix: str = "", of: int = 4000, wanted: int = 3) -> list[int]:
    project = Project(judgements_per_task=1, overlap_share=share, overlap_judgements=wanted)
    turn = Round(project=project, number=number)
    prompts = {n: Prompt(pk=n, sha256=f"{prefix}{n:064d}") for n in range(1, of + 1)}
    return [judgements_wanted(turn, Task(prompt_id=n, kind="write"), prompts) for n in prompts]


@given(share=st.floats(0, 1), number=st.integers(1, 50), prefix=st.text("abcdef", max_size=8))
@settings(max_examples=40, deadline=None)
def test_the_share_drawn_is_the_share_wanted_and_stable(share: float, number: int, prefix: str) -> None:
    found = drawn(share, number=number, prefix=prefix)
    assert set(found) <= {1, 3}
    # Five standard deviations of a binomial share over 4,000 tasks: once in 1.7 million draws, and the draw is fixed.
    assert abs(found.count(3) / 4000 - share) <= 5 * (share * (1 - share) / 4000) ** 0.5 + 1e-9
    assert found == drawn(share, number=number, prefix=prefix)


@given(lower=st.floats(0, 1), higher=st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_a_larger_share_keeps_what_a_smaller_one_drew(lower: float, higher: float) -> None:
    lower, higher = sorted((lower, higher))
    for few, many in zip(drawn(lower, of=500), drawn(higher, of=500), strict=True):
        assert few <= many


def test_each_round_draws_its_own_sample() -> None:
    assert drawn(0.5, number=1) != drawn(0.5, number=2)


def test_asking_stores_as_many_slots_as_drawn_each_once() -> None:
    turn = RoundFactory(project=ProjectFactory(overlap_share=0.5, overlap_judgements=4))
    Prompt.objects.bulk_create(PromptFactory.build_batch(60, project=turn.project))
    request_demonstrations(actor=ResearcherFactory(), round=turn, prompts=Prompt.objects.all())
    numbers: dict[int, list[int]] = {}
    for task, number in Slot.objects.order_by("task", "number").values_list("task", "number"):
        numbers.setdefault(task, []).append(number)
    assert len(numbers) == 60 and {tuple(found) for found in numbers.values()} == {(1,), (1, 2, 3, 4)}
    explicit = RoundFactory(project=ProjectFactory(overlap_share=1.0))
    Prompt.objects.bulk_create(PromptFactory.build_batch(3, project=explicit.project))
    request_demonstrations(
        actor=ResearcherFactory(), round=explicit, prompts=explicit.project.prompts.all(), judgements=2
    )
    assert Slot.objects.filter(round=explicit).count() == 6, "a number that is asked for is not drawn over"


class Leases(RuleBasedStateMachine):
    """Three people over four tasks, one of them wanted twice: claim, keep ready, submit, skip, stop, run out."""

    people: list[User]
    project: Project

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.savepoint()
        turn = RoundFactory()
        self.project = turn.project
        TaskFactory.create_batch(3, round=turn)
        TaskFactory(round=turn, slots=2)
        self.people = [UserFactory(member_of=self.project) for _ in range(3)]
        self.told: list[Any] = []

    def teardown(self) -> None:
        transaction.savepoint_rollback(self.savepoint)

    def mine(self, who: int) -> Assignment | None:
        states = [AssignmentState.ACTIVE, AssignmentState.EXPIRED]
        return Assignment.objects.of(self.people[who]).filter(state__in=states).order_by("pk").first()

    @rule(who=st.integers(0, 2))
    def claim(self, who: int) -> None:
        claim = queue.claim_next(labeler=self.people[who], project=self.project)
        if claim.nothing is not None and claim.nothing.reason == "done":
            assert not Slot.objects.exclude(state=SlotState.DONE).exists(), "never done while anything is open or held"
        if claim.nothing is not None and claim.nothing.reason == "reserved":
            assert Slot.objects.filter(state=SlotState.HELD).exists()

    @rule(who=st.integers(0, 2))
    def keep_ready(self, who: int) -> None:
        lease = self.mine(who)
        if lease is not None:
            queue.keep_ready(token=lease.token, labeler=self.people[who])

    @rule(who=st.integers(0, 2))
    def submit(self, who: int) -> None:
        lease = self.mine(who)
        if lease is not None:
            self.told.append(
                answers.submit_demonstration(token=lease.token, labeler=self.people[who], text=f"{who}").pk
            )

    @rule(who=st.integers(0, 2))
    def skip(self, who: int) -> None:
        lease = self.mine(who)
        if lease is not None:
            queue.skip(token=lease.token, labeler=self.people[who], reason="other")

    @rule(who=st.integers(0, 2))
    def stop(self, who: int) -> None:
        queue.stop(labeler=self.people[who])

    @rule(minutes=st.integers(1, 30))
    def time_passes(self, minutes: int) -> None:
        queue.release_expired(now=timezone.now() + timedelta(minutes=minutes))

    @invariant()
    def slots_and_leases_agree(self) -> None:
        active = dict(Assignment.objects.filter(state="active").values_list("slot", "expires_at"))
        held: dict[int, datetime | None] = dict(
            Slot.objects.filter(state=SlotState.HELD).values_list("pk", "held_until")
        )
        assert active == held, "a slot is held exactly while one lease on it lives, and as long"

    @invariant()
    def nothing_twice_and_nothing_lost(self) -> None:
        stored = Demonstration.objects.filter(surplus=False)
        assert stored.count() == Slot.objects.filter(state=SlotState.DONE).count()
        assert stored.values("assignment__slot").distinct().count() == stored.count()
        assert set(self.told) == set(Demonstration.objects.values_list("pk", flat=True))
        pairs = list(Assignment.objects.values_list("task", "labeler"))
        assert len(pairs) == len(set(pairs))
        assert all(Assignment.objects.of(person).kept_ready().count() <= 1 for person in self.people)


def test_leases_hold_whatever_happens_in_whatever_order() -> None:
    run = settings(max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Leases, settings=run)  # type: ignore[no-untyped-call]
