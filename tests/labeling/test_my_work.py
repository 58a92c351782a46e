"""My work: everything one did, found again, mended until it is frozen [C12], with what reviewers said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from labeling.few_shot import Pair
from labeling.judgements import ComparisonJudgement
from labeling.models import Assignment, Comparison, Demonstration, Project, Review
from labeling.own_work import Wanted, figures, own_work
from labeling.services import answers, queue
from labeling.services.reviews import edit_comparison, edit_demonstration, review
from labeling.services.threads import post_message
from labeling.services.written_prompts import NewPrompt, submit_written_prompt
from labeling.templatetags.exchange import unread_feedback
from tests.factories import (
    AssignmentFactory,
    CompareTaskFactory,
    ProjectFactory,
    PromptFactory,
    ReviewerFactory,
    RoundFactory,
    TaskFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return ProjectFactory(name="Tutor", slug="tutor")


@pytest.fixture
def ada(project: Project) -> User:
    return UserFactory(member_of=project, username="ada", time_zone="Asia/Shanghai")


@pytest.fixture
def mine(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


def write(project: Project, ada: User, prompt: str, text: str, **task: Any) -> Assignment:
    turn = project.rounds.first() or RoundFactory(project=project)
    made = TaskFactory(round=turn, prompt=PromptFactory(project=project, text=prompt), **task)
    assignment = AssignmentFactory(task=made, labeler=ada)
    answers.submit_demonstration(token=assignment.token, labeler=ada, text=text)
    assignment.refresh_from_db()
    return assignment


def compare(project: Project, ada: User) -> Assignment:
    turn = project.rounds.first() or RoundFactory(project=project)
    task = CompareTaskFactory(round=turn, outputs=["one", "two"])
    assignment = AssignmentFactory(task=task, labeler=ada)
    ranks = {pk: number for number, pk in enumerate(assignment.shown_order, start=1)}
    answers.submit_comparison(token=assignment.token, labeler=ada, judgement=ComparisonJudgement(ranks=ranks))
    assignment.refresh_from_db()
    return assignment


def listed(mine: Client, **query: str) -> str:
    return mine.get("/my-work/", query).content.decode()


def test_search_finds_words_of_prompt_and_answer_in_any_script(mine: Client, project: Project, ada: User) -> None:
    write(project, ada, "What is a derivative?", "The rate of change.")
    write(project, ada, "导数是什么？", "变化率。\n“斜率”")
    write(project, ada, 'Say "hi"\nand 100%', "under_score")
    write(project, UserFactory(member_of=project), "What of others?", "Their derivative.")
    for query, found in {
        "DERIVATIVE": ["The rate of change."],
        "change": ["The rate of change."],
        "数": ["变化率。"],
        "“斜": ["变化率。"],
        'say "hi"': ["under_score"],
        "100%": ["under_score"],
        "%": ["under_score"],
        "nothing like it": [],
        # These stand in the JSON of every conversation, and are nobody's words.
        "user": [],
        "content": [],
    }.items():
        text = listed(mine, q=query)
        for answer in ("The rate of change.", "变化率。", "under_score", "Their derivative."):
            assert (answer in text) is (answer in found), (query, answer)


def test_search_finds_the_pairs_of_a_few_shot_prompt(project: Project, ada: User) -> None:
    brief = {"kind": "few_shot"}
    task = TaskFactory(round=RoundFactory(project=project), prompt=None, kind="prompt", brief=brief)
    lease = AssignmentFactory(task=task, labeler=ada)
    pairs = (Pair("Ein Haus", 'a "house"'), Pair("Ein Hund", "a dog"))
    submit_written_prompt(token=lease.token, labeler=ada, given=NewPrompt("Translate.", pairs))
    for query, found in {"hund": 1, '"house"': 1, "translate": 1, "query": 0, "response": 0}.items():
        assert own_work(ada, Wanted(query=query)).count() == found, query


def test_filters_by_kind_project_and_state(mine: Client, project: Project, ada: User) -> None:
    reviewer = ReviewerFactory(member_of=project)
    sent_back = write(project, ada, "p1", "was sent back")
    review(reviewer=reviewer, assignment=sent_back, revision=1, verdict="sent_back", comment="Longer, please.")
    frozen = write(project, ada, "p2", "was taken in")
    Demonstration.objects.filter(assignment=frozen).update(frozen_at=timezone.now())
    late = write(project, ada, "p3", "came late")
    Demonstration.objects.filter(assignment=late).update(surplus=True)
    skipped = AssignmentFactory(
        task=TaskFactory(round=project.rounds.get(), prompt__text="p4 was skipped"), labeler=ada
    )
    queue.skip(token=skipped.token, labeler=ada, reason="unclear")
    compare(project, ada)
    elsewhere = ProjectFactory(slug="other")
    elsewhere.members.add(ada)
    write(elsewhere, ada, "p5", "in another project")
    every = {"was sent back", "was taken in", "came late", "p4 was skipped", "A &gt; B", "in another project"}
    wanted = {
        "": every,
        "state=sent_back": {"was sent back"},
        "state=unread": {"was sent back"},
        "state=frozen": {"was taken in"},
        "state=surplus": {"came late"},
        "state=skipped": {"p4 was skipped"},
        "kind=compare": {"A &gt; B"},
        "project=other": {"in another project"},
        "state=nonsense&kind=nonsense": every,
        "project=nowhere": set(),
    }
    for query, found in wanted.items():
        text = mine.get(f"/my-work/?{query}").content.decode()
        assert {words for words in every if words in text} == found, query


def test_pages_go_by_key(mine: Client, project: Project, ada: User) -> None:
    for number in range(60):
        write(project, ada, f"prompt {number}", f"answer number {number}.")
    # Many at the same moment: none may be skipped or shown twice.
    Assignment.objects.update(ended_at=timezone.now())
    seen: list[int] = []
    address = "/my-work/?kind=write"
    while address:
        found = mine.get(address).context
        seen += [assignment.pk for assignment, _answer in found["rows"]]
        address = f"/my-work/{found['older']}" if found["older"] else ""
    assert len(seen) == 60 and len(set(seen)) == 60
    assert mine.get("/my-work/?before=nonsense").status_code == 200
    assert mine.get("/my-work/?before=2026-13-45T00:00:00Z 1").status_code == 200


def test_the_number_of_queries_does_not_grow_with_the_list(
    mine: Client, project: Project, ada: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        write(project, ada, f"prompt {number}", f"answer {number}")
    with django_assert_max_num_queries(14):
        mine.get("/my-work/")


def test_own_figures_by_day_in_ones_own_zone(mine: Client, project: Project, ada: User) -> None:
    midnight = timezone.localtime(timezone=__import__("zoneinfo").ZoneInfo("Asia/Shanghai")).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    moments = [midnight, midnight - timedelta(minutes=1), midnight - timedelta(days=6), midnight - timedelta(days=7)]
    for number, moment in enumerate(moments):
        made = write(project, ada, f"p{number}", "text")
        Assignment.objects.filter(pk=made.pk).update(ended_at=moment, active_seconds=60)
    compared = compare(project, ada)
    Assignment.objects.filter(pk=compared.pk).update(ended_at=midnight, active_seconds=30)
    write(project, UserFactory(member_of=project), "others", "not mine")
    with timezone.override("Asia/Shanghai"):
        found = dict(figures(ada))
    assert (found["write"].today, found["write"].week, found["write"].all) == (1, 3, 4)
    assert (found["write"].today_seconds, found["write"].all_seconds) == (60, 240)
    assert (found[""].today, found[""].today_seconds, found[""].all) == (2, 90, 5)
    assert "4 min" in listed(mine)
    assert figures(UserFactory()) == []


def test_a_frozen_answer_says_so_and_cannot_be_changed(mine: Client, project: Project, ada: User) -> None:
    write(project, ada, "p", "as it stands")
    answer = Demonstration.objects.get()
    Demonstration.objects.update(frozen_at=timezone.now())
    shown = mine.get(f"/my-work/answers/{answer.pk}/").content.decode()
    assert "a dataset has taken revision 1 in" in shown and "Save the revision" not in shown and "disabled" in shown
    refused = mine.post(f"/my-work/answers/{answer.pk}/", {"text": "other", "reason": "no"})
    assert refused.status_code == 409
    assert list(Demonstration.objects.values_list("text", flat=True)) == ["as it stands"]


def test_a_verdict_is_new_until_it_is_looked_at(mine: Client, project: Project, ada: User) -> None:
    work = write(project, ada, "p", "short")
    review(
        reviewer=ReviewerFactory(member_of=project), assignment=work, revision=1, verdict="sent_back",
        comment="Say more.", score=3,
    )  # fmt: skip
    assert unread_feedback(ada) == 1 and "sent back" in listed(mine)
    shown = mine.get(f"/my-work/answers/{Demonstration.objects.get().pk}/").content.decode()
    assert "Say more." in shown and "score 3 of 7" in shown
    assert unread_feedback(ada) == 0
    pk = Demonstration.objects.get().pk
    mine.post(f"/my-work/answers/{pk}/", {"text": "more", "note": "", "reason": "as asked"})
    assert "sent back" not in listed(mine).split("<tbody>")[-1]


def test_an_answer_to_a_question_is_seen_in_my_work(mine: Client, project: Project, ada: User) -> None:
    work = write(project, ada, "p", "text")
    post_message(author=ada, assignment=work, text="Was that right?")
    post_message(author=ReviewerFactory(member_of=project), assignment=work, text="Quite.")
    assert "from a reviewer" in listed(mine)
    shown = mine.get(f"/my-work/answers/{Demonstration.objects.get().pk}/").content.decode()
    assert "Quite." in shown and "There is an answer to your question" in shown
    assert unread_feedback(ada) == 0


def test_revisions_are_listed_with_actor_and_reason(mine: Client, project: Project, ada: User) -> None:
    work = write(project, ada, "p", "teh answer")
    reviewer = ReviewerFactory(member_of=project, username="rita")
    edit_demonstration(reviewer=reviewer, assignment=work, revision=1, text="the answer", reason="A typo.")
    current = Demonstration.objects.get(is_current=True)
    shown = mine.get(f"/my-work/answers/{current.pk}/").content.decode()
    assert "A typo." in shown and "teh answer" in shown and "Rita" in shown and "You" in shown
    assert "mended by a reviewer" in listed(mine)
    first = Demonstration.objects.get(revision=1)
    assert mine.get(f"/my-work/answers/{first.pk}/").headers["Location"] == f"/my-work/answers/{current.pk}/"


def test_a_reviewer_mends_a_comparison(client: Client, project: Project, ada: User) -> None:
    work = compare(project, ada)
    reviewer = ReviewerFactory(member_of=project)
    client.force_login(reviewer)
    assert client.get(f"/review/{work.pk}/edit/").status_code == 200
    first, second = work.shown_order
    form = {f"rank_{first}": "2", f"rank_{second}": "1", "revision": "1", "reason": "The second is right."}
    assert client.post(f"/review/{work.pk}/edit/", {**form, "reason": ""}).status_code == 400
    assert client.post(f"/review/{work.pk}/edit/", form).headers["Location"] == "/review/"
    rows = Comparison.objects.order_by("revision").values_list("revision", "actor", "is_current")
    assert list(rows) == [(1, ada.pk, False), (2, reviewer.pk, True)]
    assert Comparison.objects.get(revision=2).summary() == "B > A"
    assert (Review.objects.get().verdict, Review.objects.get().revision) == ("edited", 2)
    with pytest.raises(Exception, match="revised this meanwhile"):
        edit_comparison(reviewer=reviewer, assignment=work, revision=1, judgement=ComparisonJudgement(), reason="late")


def test_what_is_anothers_is_not_mine(mine: Client, project: Project) -> None:
    write(project, UserFactory(member_of=project), "p", "somebody else's")
    assert mine.get(f"/my-work/answers/{Demonstration.objects.get().pk}/").status_code == 404
