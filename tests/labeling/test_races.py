"""Services that meet at one row: whoever comes second hears a sentence, and slots, leases and answers agree after."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.exceptions import VolantError
from accounts.models import User
from labeling.few_shot import Pair
from labeling.models import (
    Assignment,
    AssignmentState,
    Demonstration,
    Project,
    Prompt,
    Round,
    Slot,
    SlotState,
    Task,
    WrittenPrompt,
)
from labeling.services import answers, drafts, memberships, projects, queue, revisions, rounds, sensitive
from labeling.services.frozen import mark_frozen
from labeling.services.request_prompts import PromptBrief, request_prompts
from labeling.services.written_prompts import NewPrompt, submit_written_prompt
from tests.factories import (
    AssignmentFactory,
    ProjectFactory,
    PromptFactory,
    ResearcherFactory,
    ReviewerFactory,
    RoundFactory,
    TaskFactory,
    UserFactory,
)
from tests.labeling.test_queue_concurrency import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def said(work: Callable[[], Any]) -> str:
    """Run it; a refusal with a sentence is fine, anything else is not."""
    try:
        work()
    except VolantError as refusal:
        return type(refusal).__name__
    return "done"


def check_agreement() -> None:
    """What the queue promises: each slot is open, or held by one living lease, or done by one answer."""
    for slot in Slot.objects.all():
        active = slot.assignments.filter(state=AssignmentState.ACTIVE).count()
        counted = Demonstration.objects.filter(assignment__slot=slot, surplus=False, is_current=True).count()
        expected = {SlotState.OPEN: (0, 0), SlotState.HELD: (1, 0), SlotState.DONE: (0, 1)}[SlotState(slot.state)]
        assert (active, counted) == expected, slot
    for lease in Assignment.objects.all():
        answered = Demonstration.objects.filter(assignment=lease, is_current=True).count()
        assert answered == (lease.state == AssignmentState.SUBMITTED), lease


@pytest.mark.parametrize("seed", range(12))
def test_whatever_meets_at_a_lease_slots_and_answers_agree(seed: int) -> None:
    chance = random.Random(seed)
    project: Project = ProjectFactory()
    turn: Round = RoundFactory(project=project)
    prompt = PromptFactory(project=project, sensitive=bool(seed % 2))
    TaskFactory(round=turn, prompt=prompt, slots=2)
    researcher = ResearcherFactory()
    ada, bob = UserFactory(member_of=project), UserFactory(member_of=project)
    for labeler in (ada, bob):
        queue.claim_next(labeler=labeler, project=project)
    if seed % 3 == 0:
        queue.release_expired(now=timezone.now() + timedelta(days=1))

    def of(labeler: User) -> list[Callable[[], Any]]:
        token = Assignment.objects.get(labeler=labeler).token
        mine = {"token": token, "labeler": labeler}
        return [
            partial(answers.submit_demonstration, **mine, text="One."),
            partial(answers.submit_demonstration, **mine, text="Two."),
            partial(drafts.save_draft, **mine, draft={"text": "Dr"}, base_version=0),
            partial(queue.skip, **mine, reason="other"),
            partial(queue.release, **mine),
            partial(queue.renew, **mine),
            partial(memberships.show_sensitive, user=labeler, project=project, shows=False),
            partial(projects.remove_member, actor=researcher, project=project, user=labeler),
            partial(queue.claim_next, labeler=labeler, project=project),
        ]

    late = timezone.now() + timedelta(days=1)
    common: list[Callable[[], Any]] = [
        partial(queue.release_expired, now=late),
        partial(sensitive.mark_sensitive, actor=researcher, prompt=prompt, sensitive=not prompt.sensitive),
        partial(rounds.close_round, actor=researcher, round=turn),
    ]
    everything = of(ada) + of(bob) + common
    chance.shuffle(everything)
    at_once(said, everything[:10])
    at_once(said, everything[10:])
    check_agreement()


def test_of_two_revisions_and_a_reviewers_one_wins_and_the_others_hear_it() -> None:
    lease = AssignmentFactory()
    first = answers.submit_demonstration(token=lease.token, labeler=lease.labeler, text="First.")
    reviewer = ReviewerFactory(member_of=first.project)
    mend = partial(revisions.revise_demonstration, previous=first)
    heard = at_once(
        said,
        [
            partial(mend, actor=lease.labeler, text="Mine."),
            partial(mend, actor=lease.labeler, text="Mine in another tab."),
            partial(mend, actor=reviewer, text="The reviewer's.", reason="Better so."),
        ],
    )
    assert Counter(heard) == {"done": 1, "AlreadyRevised": 2}
    assert list(Demonstration.objects.values_list("revision", "is_current").order_by("pk")) == [(1, False), (2, True)]


def test_revising_while_a_dataset_is_frozen_is_refused_or_comes_before() -> None:
    for _time in range(6):
        lease = AssignmentFactory()
        first = answers.submit_demonstration(token=lease.token, labeler=lease.labeler, text="First.")
        heard = at_once(
            said,
            [
                partial(revisions.revise_demonstration, actor=lease.labeler, previous=first, text="Second."),
                partial(freeze, demonstrations=[first.pk]),
            ],
        )
        first.refresh_from_db()
        assert first.frozen_at is not None
        assert (heard[0], first.is_current) in (("done", False), ("AnswerFrozen", True))


def freeze(**labels: Any) -> None:
    with transaction.atomic():
        mark_frozen(**labels, at=timezone.now())


def test_freezing_and_mending_a_written_prompt_lock_in_one_order() -> None:
    """Both touch the prompt and the demonstrations made of it; in two orders they would wait for each other."""
    project = ProjectFactory()
    turn = RoundFactory(project=project)
    labeler = UserFactory(member_of=project)
    request_prompts(actor=ResearcherFactory(), round=turn, brief=PromptBrief(kind="few_shot"), count=1)
    lease = queue.claim_next(labeler=labeler, project=project).assignment
    assert lease is not None
    pairs = (Pair("One", "1"), Pair("Two", "2"))
    written = submit_written_prompt(token=lease.token, labeler=labeler, given=NewPrompt("Count.", pairs))
    made = list(Demonstration.objects.values_list("pk", flat=True))
    prompts = list(Prompt.objects.values_list("pk", flat=True))

    def mend(_nobody: Any) -> None:
        with transaction.atomic():
            WrittenPrompt.objects.select_for_update().get(pk=written.pk)
            time.sleep(0.5)  # the freeze waits by now
            list(Demonstration.objects.select_for_update(nowait=True).filter(pk__in=made))

    def freeze_later(_nobody: Any) -> None:
        time.sleep(0.2)
        freeze(demonstrations=made, prompts=prompts)

    at_once(lambda work: work(None), [mend, freeze_later])
    assert not Demonstration.objects.filter(frozen_at=None).exists()


def test_the_same_answer_of_two_people_at_once_asks_its_follow_up_once() -> None:
    project = ProjectFactory()
    old = RoundFactory(project=project)
    first = PromptFactory(project=project, follow_ups=["And then?"])
    lease = AssignmentFactory(task=TaskFactory(round=old, prompt=first), labeler=UserFactory(member_of=project))
    answers.submit_demonstration(token=lease.token, labeler=lease.labeler, text="Same.")
    rounds.close_round(actor=ResearcherFactory(), round=old)
    turn = RoundFactory(project=project)
    task = TaskFactory(round=turn, prompt=first, slots=4)
    leases = [
        AssignmentFactory(task=task, slot=slot, labeler=UserFactory(member_of=project)) for slot in task.slots.all()
    ]
    submits = [
        partial(answers.submit_demonstration, token=one.token, labeler=one.labeler, text="Same.") for one in leases
    ]
    assert at_once(said, submits) == ["done"] * 4
    assert Task.objects.filter(round=turn, prompt__continues=first).count() == 1
