"""Questions about a task [L9]: asked by its labeler, answered by who may review it, seen by nobody else."""

from __future__ import annotations

import pytest
from django.test import Client

from labeling.exceptions import MessageRefused, NotFound, TooManyMessages
from labeling.models import Assignment, ThreadMessage
from labeling.services import threads
from labeling.services.threads import post_message
from labeling.templatetags.exchange import open_questions, unread_feedback
from tests.factories import AssignmentFactory, ResearcherFactory, ReviewerFactory, TaskFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def assignment() -> Assignment:
    task = TaskFactory(slots=2)
    return AssignmentFactory(task=task, labeler=UserFactory(member_of=task.project, username="ada"))


def test_a_question_waits_until_it_is_answered_and_the_answer_until_it_is_seen(
    client: Client, assignment: Assignment
) -> None:
    labeler, reviewer = assignment.labeler, ReviewerFactory(member_of=assignment.task.project)
    client.force_login(labeler)
    page = client.get(f"/tasks/{assignment.token}/").content.decode()
    assert "Ask about this task" in page
    address = f"/tasks/{assignment.token}/thread/"
    assert client.post(address, {"message": "Is slang <b>fine</b>?"}).headers["Location"] == address
    assert (open_questions(reviewer), unread_feedback(labeler)) == (1, 0)

    client.force_login(reviewer)
    listed = client.get("/questions/").content.decode()
    assert "Is slang &lt;b&gt;fine" in listed and "unanswered" in listed
    client.post(f"/review/{assignment.pk}/thread/", {"message": "Yes, it is."})
    assert (open_questions(reviewer), unread_feedback(labeler)) == (0, 1)
    assert "Is slang" not in client.get("/questions/").content.decode()

    client.force_login(labeler)
    assert "unread" in client.get("/").content.decode()
    assert "Yes, it is." in client.get(address).content.decode()
    assert unread_feedback(labeler) == 0
    # Asked again, it waits again.
    post_message(author=labeler, assignment=assignment, text="And swearing?")
    assert open_questions(reviewer) == 1


def test_who_may_write_and_read(client: Client, assignment: Assignment) -> None:
    project = assignment.task.project
    rival = UserFactory(member_of=project)
    for stranger in (rival, UserFactory(), ReviewerFactory()):
        with pytest.raises(NotFound):
            post_message(author=stranger, assignment=assignment, text="hello")
        client.force_login(stranger)
        assert client.get(f"/tasks/{assignment.token}/thread/").status_code == 404
        assert client.post(f"/review/{assignment.pk}/thread/", {"message": "x"}).status_code in (403, 404)
    post_message(author=ResearcherFactory(), assignment=assignment, text="a word")
    # Another labeler of the same task sees nothing of it.
    other = AssignmentFactory(task=assignment.task, slot=assignment.task.slots.get(number=2), labeler=rival)
    client.force_login(rival)
    assert "a word" not in client.get(f"/tasks/{other.token}/thread/").content.decode()
    assert client.get("/questions/").status_code == 403


def test_empty_long_and_too_many_are_refused(client: Client, assignment: Assignment) -> None:
    labeler = assignment.labeler
    for text in ("", " \n\t", "\x00"):
        with pytest.raises(MessageRefused):
            post_message(author=labeler, assignment=assignment, text=text)
    with pytest.raises(MessageRefused):
        post_message(author=labeler, assignment=assignment, text="x" * (threads.MAX_MESSAGE + 1))
    client.force_login(labeler)
    page = client.post(f"/tasks/{assignment.token}/thread/", {"message": "y" * (threads.MAX_MESSAGE + 1)})
    assert page.status_code == 400 and "yyy" in page.content.decode(), "what was typed stays"
    for number in range(threads.MESSAGES_IN_A_WHILE):
        post_message(author=labeler, assignment=assignment, text=f"question {number}")
    with pytest.raises(TooManyMessages):
        post_message(author=labeler, assignment=assignment, text="one more")
    assert ThreadMessage.objects.count() == threads.MESSAGES_IN_A_WHILE


def test_a_double_click_asks_once(assignment: Assignment) -> None:
    first = post_message(author=assignment.labeler, assignment=assignment, text="Twice?")
    assert post_message(author=assignment.labeler, assignment=assignment, text=" Twice?\r\n").pk == first.pk
    assert ThreadMessage.objects.count() == 1


def test_the_panel_gets_a_fragment(client: Client, assignment: Assignment) -> None:
    client.force_login(assignment.labeler)
    said = client.post(
        f"/tasks/{assignment.token}/thread/", {"message": "Hm?"}, headers={"x-fragment": "thread"}
    ).content.decode()
    assert "Hm?" in said and "<html" not in said
