"""Reviews [D2, D3]: who may, what becomes of the work, and what nobody learns by them."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from labeling import reviewing
from labeling.exceptions import AlreadyRevised, NotFound, ReviewRefused
from labeling.judgements import ComparisonJudgement
from labeling.models import Assignment, Demonstration, Project, Review, Task, Verdict
from labeling.services import answers, revisions
from labeling.services.reviews import edit_demonstration, review
from labeling.services.threads import post_message
from labeling.services.written_prompts import NewPrompt, submit_written_prompt
from labeling.templatetags.exchange import unread_feedback
from tests.factories import (
    AssignmentFactory,
    CompareTaskFactory,
    MembershipFactory,
    ProjectFactory,
    PromptFactory,
    ResearcherFactory,
    ReviewerFactory,
    TaskFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return ProjectFactory()


@pytest.fixture
def reviewer(project: Project) -> User:
    return ReviewerFactory(member_of=project, username="rita")


def written(project: Project, text: str = "An answer.", labeler: User | None = None) -> Assignment:
    task = TaskFactory(round__project=project, round__number=Task.objects.count() + 1, round__state="closed",
                       round__closed_at="2026-01-01T00:00Z")  # fmt: skip
    assignment = AssignmentFactory(task=task, labeler=labeler or UserFactory(member_of=project))
    answers.submit_demonstration(token=assignment.token, labeler=assignment.labeler, text=text)
    assignment.refresh_from_db()
    return assignment


def waiting(actor: User, standing: str = "new") -> list[int]:
    return list(reviewing.submitted_work(actor, standing).values_list("pk", flat=True))


def test_approved_work_waits_no_more_and_the_labeler_hears_of_it(project: Project, reviewer: User) -> None:
    work = written(project)
    assert waiting(reviewer) == [work.pk]
    review(reviewer=reviewer, assignment=work, revision=1, verdict="approved", comment="Good.", score=6)
    assert waiting(reviewer) == [] and waiting(reviewer, "reviewed") == [work.pk]
    assert unread_feedback(work.labeler) == 1
    stored = Review.objects.get()
    assert (stored.revision, stored.score, stored.comment) == (1, 6, "Good.")


def test_what_is_sent_back_and_mended_waits_again(project: Project, reviewer: User) -> None:
    work = written(project)
    with pytest.raises(ReviewRefused) as refusal:
        review(reviewer=reviewer, assignment=work, revision=1, verdict="sent_back", comment=" ")
    assert "comment" in refusal.value.fields
    review(reviewer=reviewer, assignment=work, revision=1, verdict="sent_back", comment="Too short.")
    assert (waiting(reviewer), waiting(reviewer, "sent_back")) == ([], [work.pk])
    revisions.revise_demonstration(
        actor=work.labeler, previous=Demonstration.objects.get(), text="A longer answer.", reason="as asked"
    )
    assert (waiting(reviewer), waiting(reviewer, "sent_back")) == ([work.pk], [])


def test_an_edit_is_a_revision_with_a_reason_and_keeps_the_original(project: Project, reviewer: User) -> None:
    work = written(project, "teh answer")
    with pytest.raises(Exception, match="Mend what is marked"):
        edit_demonstration(reviewer=reviewer, assignment=work, revision=1, text="the answer", reason="")
    edit_demonstration(reviewer=reviewer, assignment=work, revision=1, text="the answer", reason="A typo.", score=5)
    rows = Demonstration.objects.order_by("revision").values_list("text", "actor", "labeler", "reason", "is_current")
    assert list(rows) == [
        ("teh answer", work.labeler_id, work.labeler_id, "", False),
        ("the answer", reviewer.pk, work.labeler_id, "A typo.", True),
    ]
    assert Review.objects.get().verdict == Verdict.EDITED and Review.objects.get().revision == 2
    assert waiting(reviewer) == []


def test_nobody_reviews_their_own_or_another_projects_work(client: Client, project: Project, reviewer: User) -> None:
    own = written(project, labeler=reviewer)
    elsewhere = written(ProjectFactory())
    for work in (own, elsewhere):
        with pytest.raises(NotFound):
            review(reviewer=reviewer, assignment=work, revision=1, verdict="approved")
        client.force_login(reviewer)
        assert client.get(f"/review/{work.pk}/").status_code == 404
        assert client.get(f"/review/{work.pk}/edit/").status_code == 404
    assert waiting(reviewer) == []
    labeler = UserFactory(member_of=project)
    with pytest.raises(NotFound):
        review(reviewer=labeler, assignment=own, revision=1, verdict="approved")
    client.force_login(labeler)
    assert client.get("/review/").status_code == 403
    # A researcher sees every project, as everywhere.
    assert set(waiting(ResearcherFactory())) == {own.pk, elsewhere.pk}


def test_a_verdict_is_on_what_was_read(project: Project, reviewer: User) -> None:
    work = written(project)
    revisions.revise_demonstration(
        actor=work.labeler, previous=Demonstration.objects.get(), text="Changed.", reason="better"
    )
    with pytest.raises(AlreadyRevised):
        review(reviewer=reviewer, assignment=work, revision=1, verdict="approved")
    for wrong in ("edited", "", "praised"):
        with pytest.raises(ReviewRefused):
            review(reviewer=reviewer, assignment=work, revision=2, verdict=wrong)
    for score in (0, 8, True):
        with pytest.raises(ReviewRefused):
            review(reviewer=reviewer, assignment=work, revision=2, verdict="approved", score=score)


def test_nothing_submitted_nothing_to_review(client: Client, project: Project, reviewer: User) -> None:
    task = TaskFactory(round__project=project)
    work = AssignmentFactory(task=task, labeler=UserFactory(member_of=project))
    with pytest.raises(ReviewRefused):
        review(reviewer=reviewer, assignment=work, revision=1, verdict="approved")
    client.force_login(reviewer)
    page = client.get(f"/review/{work.pk}/").content.decode()
    assert "Nothing was submitted" in page and "Your verdict" not in page


def test_a_frozen_answer_is_approved_but_not_sent_back(client: Client, project: Project, reviewer: User) -> None:
    work = written(project)
    Demonstration.objects.update(frozen_at="2026-11-01T00:00Z")
    with pytest.raises(ReviewRefused):
        review(reviewer=reviewer, assignment=work, revision=1, verdict="sent_back", comment="Hm.")
    client.force_login(reviewer)
    assert "A dataset has taken this answer in" in client.get(f"/review/{work.pk}/").content.decode()
    review(reviewer=reviewer, assignment=work, revision=1, verdict="approved")


def judged_task(project: Project, *rankings: list[int], text: str = "") -> list[Assignment]:
    task = CompareTaskFactory(
        round__project=project, round__number=Task.objects.count() + 1, round__state="closed",
        round__closed_at="2026-01-01T00:00Z", prompt=PromptFactory(project=project, **({"text": text} if text else {})),
        outputs=["one", "two", "three"], slots=len(rankings),
    )  # fmt: skip
    outputs = list(task.completions.order_by("position").values_list("pk", flat=True))
    made = []
    for number, ranks in enumerate(rankings, start=1):
        labeler = MembershipFactory(project=project).user
        work = AssignmentFactory(task=task, slot=task.slots.get(number=number), labeler=labeler)
        submit_ranks(work, dict(zip(outputs, ranks, strict=True)))
        made.append(work)
    return made


def submit_ranks(work: Assignment, ranks: dict[int, int]) -> None:
    answers.submit_comparison(token=work.token, labeler=work.labeler, judgement=ComparisonJudgement(ranks=ranks))


def test_disagreements_come_first_the_farthest_apart_before_the_rest(project: Project, reviewer: User) -> None:
    agreed = judged_task(project, [1, 2, 3], [1, 2, 3])
    turned = judged_task(project, [1, 2, 3], [3, 2, 1])
    near = judged_task(project, [1, 2, 3], [1, 2, 2])
    alone = judged_task(project, [1, 2, 3])
    found = reviewing.disagreements(reviewer)
    assert [(one.first.task_id, one.share, one.judgements) for one in found] == [
        (turned[0].task_id, 1.0, 2),
        (near[0].task_id, pytest.approx(0.5 / 3), 2),
    ]
    assert len(waiting(reviewer)) == len(agreed + turned + near + alone)
    for work in turned:
        review(reviewer=reviewer, assignment=work, revision=1, verdict="approved")
    assert [one.first.task_id for one in reviewing.disagreements(reviewer)] == [near[0].task_id]


def test_comparisons_stand_side_by_side_in_one_set_of_letters(client: Client, project: Project, reviewer: User) -> None:
    first, _second = judged_task(project, [1, 2, 3], [3, 1, 1], text="Which of them?")
    # Another order on the screen must not change the reviewer's letters.
    Assignment.objects.filter(pk=first.pk).update(shown_order=first.shown_order[::-1])
    client.force_login(reviewer)
    page = client.get(f"/review/{first.pk}/").content.decode()
    assert "A &gt; B &gt; C" in page and "B = C &gt; A" in page and "83 %" in page
    listed = client.get("/review/").content.decode()
    assert "Disagreements first" in listed and "83 %" in listed
    assert "A &gt; B &gt; C" in listed and "B = C &gt; A" in listed


def test_labelers_never_see_who_else_judged(client: Client, project: Project, reviewer: User) -> None:
    first, second = judged_task(project, [1, 2, 3], [3, 1, 1])
    client.force_login(first.labeler)
    for address in ("/my-work/", f"/tasks/{first.token}/", f"/tasks/{first.token}/thread/"):
        assert str(second.labeler) not in client.get(address).content.decode()
    assert client.get(f"/review/{second.pk}/").status_code == 403


def test_the_pages(client: Client, project: Project, reviewer: User) -> None:
    work = written(project, "teh answer")
    client.force_login(reviewer)
    assert "teh answer" in client.get("/review/").content.decode()
    refused = client.post(f"/review/{work.pk}/", {"revision": "1", "verdict": "sent_back", "comment": ""})
    assert refused.status_code == 400 and "Say why you send it back" in refused.content.decode()
    page = client.get(f"/review/{work.pk}/edit/").content.decode()
    assert "teh answer" in page
    form = {"revision": "1", "text": "the answer", "reason": "A typo."}
    assert client.post(f"/review/{work.pk}/edit/", form).headers["Location"] == "/review/"
    late = client.post(f"/review/{work.pk}/edit/", {**form, "text": "mine"})
    assert late.status_code == 409 and "mine" in late.content.decode(), "nothing is lost"
    page = client.get(f"/review/{work.pk}/").content.decode()
    assert "A typo." in page and "teh answer" in page
    assert "the answer" in client.get("/review/?show=reviewed").content.decode()
    assert client.get("/review/?show=nonsense&before=x").status_code == 200


def test_a_written_prompt_is_reviewed_too(client: Client, project: Project, reviewer: User) -> None:
    task = TaskFactory(round__project=project, kind="prompt", prompt=None, brief={"kind": "plain"})
    work = AssignmentFactory(task=task, labeler=UserFactory(member_of=project))
    submit_written_prompt(token=work.token, labeler=work.labeler, given=NewPrompt(text="Explain rain to a child."))
    client.force_login(reviewer)
    assert "Explain rain to a child." in client.get("/review/").content.decode()
    page = client.get(f"/review/{work.pk}/").content.decode()
    assert "Explain rain to a child." in page and "Mend it yourself" not in page
    assert client.get(f"/review/{work.pk}/edit/").status_code == 404
    form = {"revision": "1", "verdict": "sent_back", "comment": "Too easy."}
    assert client.post(f"/review/{work.pk}/", form).headers["Location"] == "/review/"
    client.force_login(work.labeler)
    listed = client.get("/my-work/?state=sent_back&q=rain").content.decode()
    assert "Explain rain to a child." in listed and "sent back" in listed
    post_message(author=reviewer, assignment=work, text="Ask about hail.")
    assert unread_feedback(work.labeler) == 2
    shown = client.get(f"/my-work/prompts/{work.writtenprompts.get().pk}/").content.decode()
    assert "Too easy." in shown and "Ask about hail." in shown and unread_feedback(work.labeler) == 0
