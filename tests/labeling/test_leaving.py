"""Leaving a project, or its sensitive prompts: what is in hand goes back at once, and nobody's place is taken later."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from labeling.models import Assignment, Slot
from labeling.services import drafts, memberships, projects, queue
from tests.factories import (
    AssignmentFactory,
    PromptFactory,
    ResearcherFactory,
    RoundFactory,
    TaskFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def expired(labeler_leaves: bool = True) -> Assignment:
    """A lease that ran out, of a labeler who may have been taken out of the project since."""
    task = TaskFactory()
    lease = AssignmentFactory(task=task, labeler=UserFactory(member_of=task.project))
    queue.release_expired(now=timezone.now() + timedelta(days=1))
    if labeler_leaves:
        projects.remove_member(actor=ResearcherFactory(), project=task.project, user=lease.labeler)
    return lease


@pytest.mark.parametrize(("leaves", "state"), [(True, "open"), (False, "held")])
def test_the_open_page_of_somebody_who_left_takes_no_slot_again(leaves: bool, state: str) -> None:
    lease = expired(labeler_leaves=leaves)
    saved = drafts.save_draft(token=lease.token, labeler=lease.labeler, draft={"text": "Half."}, base_version=0)
    assert saved.draft == {"text": "Half."}, "but what it sends is kept"
    assert Slot.objects.get().state == state


def test_a_slot_that_somebody_else_holds_by_now_stays_theirs() -> None:
    lease = expired(labeler_leaves=False)
    other = UserFactory(member_of=lease.task.project)
    held = queue.claim_next(labeler=other, project=lease.task.project).assignment
    assert held is not None and held.slot_id == lease.slot_id
    projects.remove_member(actor=ResearcherFactory(), project=lease.task.project, user=lease.labeler)
    held.refresh_from_db()
    assert (held.state, held.slot.state) == ("active", "held")


@pytest.mark.parametrize("way", ["opting out", "leaving"])
def test_what_was_only_kept_ready_comes_again_to_who_comes_back(way: str) -> None:
    turn = RoundFactory()
    labeler, researcher = UserFactory(member_of=turn.project), ResearcherFactory()
    for _number in range(2):
        TaskFactory(round=turn, prompt=PromptFactory(project=turn.project, sensitive=True))
    begun = queue.claim_next(labeler=labeler, project=turn.project).assignment
    assert begun is not None
    queue.keep_ready(token=begun.token, labeler=labeler)
    if way == "leaving":
        projects.remove_member(actor=researcher, project=turn.project, user=labeler)
        projects.add_member(actor=researcher, project=turn.project, user=labeler)
    else:
        memberships.show_sensitive(user=labeler, project=turn.project, shows=False)
        memberships.show_sensitive(user=labeler, project=turn.project, shows=True)
    again = queue.claim_next(labeler=labeler, project=turn.project).assignment
    assert again is not None and again.task_id != begun.task_id
