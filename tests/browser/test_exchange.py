"""Guidelines, reviews, questions and My work in a browser: by keyboard, clean for axe in light and dark, at 320 px."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from labeling.judgements import ComparisonJudgement
from labeling.models import Assignment, Demonstration, Membership, Prompt, Review, ThreadMessage
from labeling.services import answers, projects, queue
from labeling.services.reviews import edit_demonstration, review
from labeling.services.threads import post_message
from tests.browser.conftest import Scene
from tests.browser.pages import signed_in
from tests.browser.test_a11y import assert_clean
from tests.conftest import AsgiServer
from tests.factories import ReviewerFactory

pytestmark = pytest.mark.browser

SignIn = Callable[[User], Page]


@pytest.fixture
def reviewer(scene: Scene) -> User:
    return ReviewerFactory(username="rita", member_of=scene.project)


def answered(scene: Scene, text: str) -> Assignment:
    scene.ask_for_answers()
    claim = queue.claim_next(labeler=scene.labeler, project=scene.project, kind="write")
    assert claim.assignment is not None
    answers.submit_demonstration(token=claim.assignment.token, labeler=scene.labeler, text=text)
    return claim.assignment


def ranked(scene: Scene, labeler: User, best: str) -> Assignment:
    claim = queue.claim_next(labeler=labeler, project=scene.project, kind="compare")
    assert claim.assignment is not None
    shown = claim.assignment.task.completions.order_by("position")
    ranks = {one.pk: number if best == "first" else 5 - number for number, one in enumerate(shown, start=1)}
    judgement = ComparisonJudgement(
        ranks=ranks, answers={pk: {"quality": 8 - 2 * rank if rank < 4 else 1} for pk, rank in ranks.items()}
    )
    answers.submit_comparison(token=claim.assignment.token, labeler=labeler, judgement=judgement)
    return claim.assignment


def test_changed_guidelines_are_read_by_keyboard_before_new_work(sign_in: SignIn, scene: Scene) -> None:
    scene.ask_for_answers()
    projects.change_settings(
        actor=scene.researcher,
        project=scene.project,
        guidelines="Be **kind**, and be exact.\n\n- Name your sources.\n- 回答要简短。",
        objective="truthful_first",
    )
    page = sign_in(scene.labeler)
    expect(page.get_by_role("button", name="Write")).to_have_count(0)
    assert_clean(page)
    page.get_by_role("link", name="Read the guidelines").press("Enter")
    expect(page.get_by_role("heading", name="What changed since version 1")).to_be_visible()
    expect(page.locator(".change[data-kind=added] mark").first).to_contain_text("exact")
    assert_clean(page)
    page.get_by_role("link", name="All versions").click()
    assert_clean(page)
    page.go_back()
    page.get_by_role("button", name="I have read them").press("Enter")
    expect(page.get_by_role("button", name="Write")).to_be_visible()


def test_a_question_is_asked_without_leaving_the_answer(
    sign_in: SignIn, scene: Scene, reviewer: User, browser: Browser, asgi_server: AsgiServer
) -> None:
    scene.ask_for_answers()
    page = sign_in(scene.labeler)
    page.get_by_role("button", name="Write").click()
    expect(page.locator("#answer[data-ready]")).to_be_visible()
    page.get_by_label("Your answer").fill("half an answer")
    page.get_by_role("button", name="Ask…").click()
    panel = page.locator("#ask")
    expect(panel.get_by_label("Your message")).to_be_focused()
    panel.get_by_label("Your message").fill("May I use slang?")
    panel.get_by_role("button", name="Send").click()
    expect(panel.locator(".thread-message")).to_have_count(1)
    expect(panel.get_by_label("Your message")).to_be_empty()
    assert_clean(page)
    page.keyboard.press("Escape")
    expect(page.get_by_label("Your answer")).to_have_value("half an answer")

    office = signed_in(browser, asgi_server, reviewer)
    office.goto("/questions/")
    expect(office.get_by_text("May I use slang?")).to_be_visible()
    assert_clean(office)
    office.get_by_role("link", name="Open and answer").click()
    office.get_by_label("Your answer to the labeler").fill("Yes, when the user does.")
    office.get_by_role("button", name="Send").click()
    expect(office.get_by_text("The labeler sees it")).to_be_visible()
    assert_clean(office)
    office.context.close()

    # Opening the panel brings what came meanwhile, and is having seen it.
    page.get_by_role("button", name="Ask…").click()
    expect(panel.get_by_text("Yes, when the user does.")).to_be_visible()
    message = ThreadMessage.objects.get(author=reviewer)
    assert message.seen_at is not None


def test_a_message_survives_a_dead_network(sign_in: SignIn, scene: Scene, complaints: list[str]) -> None:
    scene.ask_for_answers()
    page = sign_in(scene.labeler)
    page.get_by_role("button", name="Write").click()
    expect(page.locator("#answer[data-ready]")).to_be_visible()
    page.get_by_role("button", name="Ask…").click()
    page.context.set_offline(True)
    page.locator("#message").fill("Anybody there?")
    page.locator("#ask").get_by_role("button", name="Send").click()
    expect(page.locator("[data-thread-said]")).to_contain_text("still here")
    expect(page.locator("#message")).to_have_value("Anybody there?")
    page.context.set_offline(False)
    page.locator("#ask").get_by_role("button", name="Send").click()
    expect(page.locator("#thread .thread-message")).to_have_count(1)
    assert all("ERR_INTERNET_DISCONNECTED" in text for text in complaints)
    complaints.clear()


def test_work_is_sent_back_mended_and_approved(
    sign_in: SignIn, scene: Scene, reviewer: User, browser: Browser, asgi_server: AsgiServer
) -> None:
    answered(scene, "It is *three* x squared.")
    office = signed_in(browser, asgi_server, reviewer)
    office.goto("/review/")
    assert_clean(office)
    office.get_by_role("link", name="And of `x**3`?").or_(office.get_by_role("link", name="你好吗？")).click()
    office.get_by_label("4", exact=True).check(force=True)
    office.get_by_label("Comment to the labeler").fill("Say why.")
    assert_clean(office)
    office.get_by_role("button", name="Send back").click()
    expect(office.get_by_text("Nothing waits for review")).to_be_visible()
    assert Review.objects.get().score == 4

    page = sign_in(scene.labeler)
    expect(page.get_by_role("link", name="My work 1")).to_be_visible()
    page.get_by_role("link", name="My work 1").click()
    expect(page.get_by_text("sent back", exact=True).last).to_be_visible()
    assert_clean(page)
    page.get_by_role("link", name="It is *three* x squared.").click()
    expect(page.get_by_text("Say why.")).to_be_visible()
    assert_clean(page)
    page.get_by_label("Your answer").fill("By the power rule it is three x squared.")
    page.get_by_label("Why you change it").fill("as asked")
    page.get_by_role("button", name="Save the revision").click()
    expect(page.get_by_role("link", name="By the power rule")).to_be_visible()
    expect(page.get_by_role("link", name="My work", exact=True)).to_be_visible()

    office.reload()
    office.get_by_role("link", name="And of `x**3`?").or_(office.get_by_role("link", name="你好吗？")).click()
    office.get_by_role("button", name="Approve").click()
    expect(office.get_by_text("Nothing waits for review")).to_be_visible()
    office.context.close()


def test_disagreeing_rankings_side_by_side(
    scene: Scene, reviewer: User, browser: Browser, asgi_server: AsgiServer
) -> None:
    scene.project.judgements_per_task = 2
    scene.project.save()
    scene.round.project.refresh_from_db()
    scene.ask_for_comparisons()
    ranked(scene, scene.labeler, "first")
    ranked(scene, scene.rival, "last")
    office = signed_in(browser, asgi_server, reviewer)
    office.goto("/review/")
    expect(office.get_by_role("heading", name="Disagreements first")).to_be_visible()
    apart = office.get_by_role("region", name="Disagreements", exact=True)
    expect(apart).to_contain_text("100 %")
    assert_clean(office)
    apart.get_by_role("link").click()
    expect(office.get_by_text("A > B > C > D")).to_be_visible()
    expect(office.get_by_text("D > C > B > A")).to_be_visible()
    assert_clean(office)
    office.get_by_role("link", name="Mend it yourself").click()
    expect(office.get_by_label("Why you change it")).to_be_visible()
    assert_clean(office)
    office.context.close()


def test_my_work_frozen_and_mended_is_clean(sign_in: SignIn, scene: Scene, reviewer: User) -> None:
    work = answered(scene, "teh answer")
    edit_demonstration(reviewer=reviewer, assignment=work, revision=1, text="the answer", reason="A typo.")
    answered(scene, "taken in")
    taken = Demonstration.objects.get(text="taken in")
    Demonstration.objects.filter(pk=taken.pk).update(frozen_at="2026-11-01T08:00Z")
    page = sign_in(scene.labeler)
    page.goto(f"{scene.url}/my-work/?q=answer&state=unread")
    expect(page.get_by_role("link", name="the answer")).to_be_visible()
    assert_clean(page)
    page.goto(f"{scene.url}/my-work/answers/{taken.pk}/")
    expect(page.get_by_text("Frozen on")).to_be_visible()
    expect(page.get_by_role("article", name="Your answer")).to_have_text("taken in")
    expect(page.get_by_role("textbox")).to_have_count(0)
    assert_clean(page)


def test_sensitive_prompts_are_shown_by_key_and_opted_out_of(sign_in: SignIn, scene: Scene) -> None:
    Prompt.objects.filter(project=scene.project).update(sensitive=True)
    scene.ask_for_answers()
    page = sign_in(scene.labeler)
    page.get_by_role("button", name="Write").click()
    expect(page.locator("#answer[data-ready]")).to_be_visible()
    turn = page.locator(".turn.last")
    expect(turn).to_be_hidden()
    assert_clean(page)
    page.get_by_text("Show it", exact=True).first.scroll_into_view_if_needed()
    page.locator("[data-sensitive] > summary").first.press("Enter")
    expect(turn).to_be_visible()
    assert_clean(page)
    page.goto(f"{scene.url}/accounts/preferences/")
    assert_clean(page)
    page.get_by_label("Tutor").uncheck()
    page.get_by_role("button", name="Save the choice").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert not Membership.objects.get(user=scene.labeler).shows_sensitive
    assert set(Assignment.objects.values_list("state", flat=True)) == {"released"}


def test_the_members_of_a_project(sign_in: SignIn, scene: Scene) -> None:
    page = sign_in(scene.researcher)
    page.goto(f"{scene.url}/projects/tutor/settings/")
    ada = page.locator(".member").filter(has_text="Ada")
    ada.locator("summary").click()
    ada.get_by_label("Languages").fill("en, zh")
    ada.get_by_label("Skills").fill("code")
    assert_clean(page)
    ada.get_by_role("button", name="Save").click()
    expect(page.locator(".member").filter(has_text="Ada")).to_contain_text("en, zh · code")
    assert_clean(page)


def test_reviews_without_a_script(browser: Browser, asgi_server: AsgiServer, scene: Scene, reviewer: User) -> None:
    work = answered(scene, "plain")
    page = signed_in(browser, asgi_server, scene.labeler, java_script_enabled=False)
    page.goto(f"/my-work/answers/{Demonstration.objects.get().pk}/")
    page.get_by_role("button", name="Ask…").click()
    page.locator("#message").fill("No script here?")
    with page.context.expect_page() as other:
        page.locator("#ask").get_by_role("button", name="Send").click()
    expect(other.value.get_by_text("No script here?")).to_be_visible()
    page.context.close()
    post_message(author=reviewer, assignment=work, text="None needed.")
    review(reviewer=reviewer, assignment=work, revision=1, verdict="approved")
    assert ThreadMessage.objects.count() == 2
