"""Writing: from the Work page to a stored answer, and every way in which text might be lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from labeling.models import Assignment, AssignmentState, Demonstration, Slot
from labeling.services import answers, drafts, queue
from tests.browser.conftest import Scene

pytestmark = pytest.mark.browser

Open = Callable[[], Page]


@pytest.fixture
def writing(sign_in: Callable[[User], Page], scene: Scene) -> Open:
    """Signs in as the labeler and opens the first write task."""

    def opened() -> Page:
        scene.ask_for_answers()
        page = sign_in(scene.labeler)
        page.get_by_role("button", name="Write").click()
        expect(page.locator("#answer[data-ready]")).to_be_visible()
        return page

    return opened


def test_preview_and_submit(writing: Open, scene: Scene) -> None:
    page = writing()
    page.get_by_label("Your answer").fill("It is **three** x squared: $3x^2$ <script>alert(1)</script>")
    expect(page.locator("#count")).to_contain_text("20,000")
    page.get_by_role("tab", name="Preview").click()
    expect(page.locator("#panel-preview strong")).to_have_text("three")
    expect(page.locator("#panel-preview .katex")).to_be_visible()
    page.get_by_role("tab", name="Preview").press("ArrowLeft")
    first = page.url
    page.get_by_label("Your answer").press("Control+Enter")
    review = page.get_by_role("region", name="As readers will see it")
    expect(review.locator("strong")).to_have_text("three")
    expect(page.get_by_role("heading", name="As readers will see it")).to_be_focused()
    assert not Demonstration.objects.exists()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_label("Your answer")).to_be_empty()
    assert page.url != first
    answer = Demonstration.objects.get()
    assert answer.labeler == scene.labeler and answer.text.startswith("It is **three**") and not answer.surplus
    page.get_by_label("Your answer").fill("第二个回答。")
    page.get_by_role("button", name="Submit and stop").click()
    expect(page.get_by_text("2 answers and judgements submitted today")).to_be_visible()


def test_a_draft_survives_reload(writing: Open) -> None:
    page = writing()
    page.get_by_label("Your answer").fill("half a thought")
    expect(page.locator("#saved")).to_contain_text("Saved")
    page.reload()
    expect(page.get_by_label("Your answer")).to_have_value("half a thought")
    page.get_by_label("Your answer").fill("half a thought, and typed just before leaving")
    page.reload()
    expect(page.get_by_label("Your answer")).to_have_value("half a thought, and typed just before leaving")


def test_a_dead_network_keeps_the_text(writing: Open, complaints: list[str]) -> None:
    page = writing()
    page.context.set_offline(True)
    page.get_by_label("Your answer").fill("written on a train")
    expect(page.locator("#saved")).to_contain_text("kept in this browser")
    page.get_by_role("button", name="Submit and go on").click()
    expect(page.get_by_role("alert").filter(has_text="Everything is still on this page")).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator("#saved")).to_contain_text("Saved")
    assert Assignment.objects.exclude(opened_at=None).get().draft["text"] == "written on a train"
    assert all("ERR_INTERNET_DISCONNECTED" in text for text in complaints)
    complaints.clear()


def test_two_tabs_show_both_texts(writing: Open, complaints: list[str]) -> None:
    page = writing()
    assignment = Assignment.objects.exclude(opened_at=None).get()
    drafts.save_draft(
        token=assignment.token,
        labeler=assignment.labeler,
        draft={"text": "from the other tab", "note": ""},
        base_version=0,
    )
    page.get_by_label("Your answer").fill("from this tab")
    conflict = page.locator("#conflict")
    expect(conflict).to_contain_text("from the other tab")
    conflict.get_by_role("button", name="Keep mine").click()
    expect(page.locator("#saved")).to_contain_text("Saved")
    assignment.refresh_from_db()
    assert assignment.draft["text"] == "from this tab"
    # The browser logs the 409 by itself.
    assert all("409" in text for text in complaints)
    complaints.clear()


def test_an_expired_lease_still_saves(writing: Open, scene: Scene) -> None:
    page = writing()
    page.get_by_label("Your answer").fill("slow but thorough")
    expect(page.locator("#saved")).to_contain_text("Saved")
    assignment = Assignment.objects.exclude(opened_at=None).get()
    past = timezone.now() - timedelta(minutes=1)
    Assignment.objects.filter(pk=assignment.pk).update(expires_at=past)
    Slot.objects.filter(pk=assignment.slot_id).update(held_until=past)
    queue.release_expired(now=timezone.now())
    # Somebody else is faster: every slot of the round is taken and answered.
    while (claim := queue.claim_next(labeler=scene.rival, project=scene.project)).assignment:
        answers.submit_demonstration(token=claim.assignment.token, labeler=scene.rival, text="quick")
    page.reload()
    expect(page.get_by_text("Your reservation ran out")).to_be_visible()
    page.get_by_role("button", name="Submit and go on").click()
    expect(page.get_by_text("Somebody else had answered meanwhile")).to_be_visible()
    assert Demonstration.objects.get(labeler=scene.labeler).surplus


def test_a_double_submit_makes_one_answer(writing: Open, scene: Scene) -> None:
    page = writing()
    page.get_by_label("Your answer").fill("once")
    page.get_by_role("button", name="Submit and go on").dblclick()
    expect(page.get_by_label("Your answer")).to_be_empty()
    assert Demonstration.objects.filter(labeler=scene.labeler).count() == 1


def test_skipping_needs_a_reason(writing: Open) -> None:
    page = writing()
    page.get_by_role("button", name="Skip…").click()
    page.get_by_role("radio", name="unclear").check()
    page.get_by_role("button", name="Skip it").click()
    expect(page.get_by_role("heading", name="Write an answer")).to_be_visible()
    skipped = Assignment.objects.get(state=AssignmentState.SKIPPED)
    assert skipped.skip_reason == "unclear"


def test_an_answer_can_be_mended(writing: Open) -> None:
    page = writing()
    page.get_by_label("Your answer").fill("frist")
    page.get_by_role("button", name="Submit and stop").click()
    expect(page.get_by_text("1 answer or judgement submitted today")).to_be_visible()
    page.get_by_role("link", name="My work", exact=True).click()
    page.get_by_role("link", name="frist").click()
    page.get_by_label("Your answer").fill("first")
    page.get_by_label("Why you change it").fill("a typo")
    page.get_by_role("button", name="Save the revision").click()
    expect(page.get_by_role("link", name="first")).to_be_visible()
    revisions = Demonstration.objects.order_by("revision").values_list("text", "is_current")
    assert list(revisions) == [("frist", False), ("first", True)]


def test_without_a_script(browser: object, browser_context_args: dict[str, object], scene: Scene) -> None:
    scene.ask_for_answers()
    context = browser.new_context(**browser_context_args, java_script_enabled=False)  # type: ignore[attr-defined]
    page = context.new_page()
    page.goto(f"{scene.url}/accounts/sign-in/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("a long enough passphrase")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Write").click()
    page.get_by_label("Your answer").fill("   ")
    page.get_by_role("button", name="Submit and stop").click()
    expect(page.get_by_text("The answer is empty")).to_be_visible()
    page.get_by_label("Your answer").fill("plain HTML")
    page.get_by_role("button", name="Submit and stop").click()
    expect(page.get_by_text("1 answer or judgement submitted today")).to_be_visible()
    context.close()
    assert Demonstration.objects.get().text == "plain HTML"
