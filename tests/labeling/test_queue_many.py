"""Two hundred labelers over ten thousand slots, some slow, some gone: nothing twice, nothing lost, all done."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from labeling.models import Assignment, Demonstration, Membership, Project, Prompt, Slot, SlotState
from labeling.services import answers, queue, rounds
from tests.factories import ProjectFactory, PromptFactory, ResearcherFactory, RoundFactory, UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(1800)]

PEOPLE, SLOTS = 200, 10_000
LANGUAGES = ("en", "zh")


class Crowd:
    """What two hundred people did, counted under a lock."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.lock = threading.Lock()
        self.answered: Counter[int] = Counter()
        self.said: Counter[str] = Counter()
        self.gate = threading.Barrier(PEOPLE)

    def work(self, number: int, labeler: User) -> None:
        """Claim and answer until there is nothing: one in ten is slow, one in ten closes the tab now and then."""
        chance = random.Random(number)
        try:
            connection.ensure_connection()
            self.gate.wait(timeout=120)
            while self.one(number, labeler, chance):
                pass
        finally:
            connection.close()

    def one(self, number: int, labeler: User, chance: random.Random) -> bool:
        claim = queue.claim_next(labeler=labeler, project=self.project, kind="write")
        if claim.token is None:
            assert claim.nothing is not None
            with self.lock:
                self.said[claim.nothing.reason] += 1
            if claim.nothing.reason in ("done", "not_qualified"):
                return False
            time.sleep(0.05 + chance.random() / 5)
            return True
        if number % 10 == 1:
            time.sleep(chance.random() / 10)
        if number % 3 == 0:
            queue.keep_ready(token=claim.token, labeler=labeler)
        if number % 10 == 2 and chance.random() < 0.2:
            # The tab is closed; the lease runs out, later and for others.
            past = timezone.now() - timedelta(seconds=1)
            Slot.objects.filter(assignments__token=claim.token, state=SlotState.HELD).update(held_until=past)
            queue.stop(labeler=labeler)
            return True
        answers.submit_demonstration(token=claim.token, labeler=labeler, text=f"{labeler.pk}")
        with self.lock:
            self.answered[labeler.pk] += 1
        return True


def test_two_hundred_labelers_and_ten_thousand_slots() -> None:
    project = ProjectFactory(judgements_per_task=1, overlap_share=0.1, overlap_judgements=3)
    turn = RoundFactory(project=project)
    prompts = [PromptFactory.build(project=project, language=LANGUAGES[number % 2]) for number in range(9000)]
    Prompt.objects.bulk_create(prompts, batch_size=1000)
    rounds.request_demonstrations(actor=ResearcherFactory(), round=turn, prompts=Prompt.objects.all())
    # The overlap is drawn, so the number is not round: more than ten thousand.
    wanted = Slot.objects.count()
    assert wanted > SLOTS
    people = [UserFactory() for _ in range(PEOPLE)]
    Membership.objects.bulk_create(
        Membership(project=project, user=user, languages=[LANGUAGES[number % 2]] if number % 4 else [])
        for number, user in enumerate(people)
    )
    crowd = Crowd(project)
    with ThreadPoolExecutor(PEOPLE) as pool:
        list(pool.map(crowd.work, range(PEOPLE), people))

    assert set(Slot.objects.values_list("state", flat=True)) == {SlotState.DONE}, "all done"
    real = Demonstration.objects.filter(surplus=False)
    assert real.count() == wanted and real.values("assignment__slot").distinct().count() == wanted, "no slot twice"
    assert Demonstration.objects.count() == sum(crowd.answered.values()), "none lost"
    pairs = Demonstration.objects.order_by().values("assignment__task", "labeler").distinct().count()
    assert pairs == Demonstration.objects.count(), "nobody judged a task twice"
    assert not Assignment.objects.filter(state="active").exists()
    speaks = {member.user_id: member for member in Membership.objects.filter(project=project)}
    for labeler, language in Demonstration.objects.values_list("labeler", "prompt__language").distinct():
        assert speaks[labeler].may_take(language=language, skill="", sensitive=False), "no language crossed"
    assert len(crowd.answered) == PEOPLE and min(crowd.answered.values()) >= 5, crowd.answered.most_common()[-5:]
    assert set(crowd.said) <= {"done", "not_qualified", "reserved", "none_left_for_you"}
