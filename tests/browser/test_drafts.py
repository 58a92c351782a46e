"""Never lose a word: a dead network, two tabs, a hidden tab, a session that ended; and whose clock it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import Page, Request, expect

from accounts.models import User
from labeling.models import Assignment, Demonstration, Slot
from labeling.services import answers, queue
from tests.browser.conftest import Scene
from tests.factories import PASSWORD

pytestmark = pytest.mark.browser

Open = Callable[[], Page]


@pytest.fixture
def writing(sign_in: Callable[[User], Page], scene: Scene) -> Open:
    def opened() -> Page:
        scene.ask_for_answers()
        page = sign_in(scene.labeler)
        page.get_by_role("button", name="Write").click()
        expect(page.locator("#answer[data-ready]")).to_be_visible()
        return page

    return opened


def opened_task(page: Page) -> Assignment:
    return Assignment.objects.get(token=page.url.rstrip("/").rsplit("/", 1)[-1])


def hide(page: Page, *, hidden: bool) -> None:
    """What a browser does when one goes to another tab; headless Chromium never hides a page by itself."""
    page.evaluate(
        """(state) => {
            Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        "hidden" if hidden else "visible",
    )


def test_typed_offline_and_saved_when_the_network_is_back(writing: Open, complaints: list[str]) -> None:
    page = writing()
    page.context.set_offline(True)
    text = page.get_by_label("Your answer")
    for words in ("in the", " tunnel", " 隧道里"):
        text.press_sequentially(words)
    expect(page.locator("#saved")).to_contain_text("kept in this browser")
    page.context.set_offline(False)
    expect(page.locator("#saved")).to_contain_text("Saved")
    assert opened_task(page).draft["text"] == "in the tunnel 隧道里"
    assert all("ERR_INTERNET_DISCONNECTED" in line for line in complaints)
    complaints.clear()


def test_a_failed_submission_is_said_until_the_server_is_back(writing: Open, complaints: list[str]) -> None:
    page = writing()
    page.context.set_offline(True)
    page.get_by_label("Your answer").fill("sent in a tunnel")
    page.get_by_role("button", name="Submit and go on").click()
    expect(page.locator("#problem")).to_contain_text("The server did not answer")
    expect(page.locator("#saved")).not_to_contain_text("Sending")
    page.context.set_offline(False)
    expect(page.locator("#saved")).to_contain_text("Saved")
    expect(page.locator("#problem")).to_be_empty()
    assert all("ERR_INTERNET_DISCONNECTED" in line for line in complaints)
    complaints.clear()


def test_closed_while_offline_and_found_again(writing: Open, complaints: list[str]) -> None:
    page = writing()
    address = page.url
    page.context.set_offline(True)
    page.get_by_label("Your answer").fill("typed before the battery died")
    expect(page.locator("#saved")).to_contain_text("kept in this browser")
    page.goto("about:blank")
    page.context.set_offline(False)
    page.goto(address)
    expect(page.get_by_label("Your answer")).to_have_value("typed before the battery died")
    expect(page.locator("#saved")).to_contain_text("Saved")
    complaints.clear()


def test_two_tabs_of_one_task_lose_neither_text(writing: Open, complaints: list[str]) -> None:
    first = writing()
    second = first.context.new_page()
    second.goto(first.url)
    expect(second.locator("#answer[data-ready]")).to_be_visible()
    second.get_by_label("Your answer").fill("from the second tab")
    expect(second.locator("#saved")).to_contain_text("Saved")
    # The second tab is done with its local copy; the first one is stale now.
    first.get_by_label("Your answer").fill("from the first tab")
    expect(first.locator("#conflict")).to_contain_text("from the second tab")
    expect(first.locator("#conflict mark")).to_contain_text("second")
    expect(first.get_by_label("Your answer")).to_have_value("from the first tab")
    assert opened_task(first).draft["text"] == "from the second tab", "nothing is overwritten before one chooses"
    first.get_by_role("button", name="Take the other one").click()
    expect(first.get_by_label("Your answer")).to_have_value("from the second tab")
    # It says "Saved" of the words before already: only the answer tells that these have arrived.
    with second.expect_response("**/draft/"):
        second.get_by_label("Your answer").fill("and on")
    first.get_by_label("Your answer").fill("mine after all")
    expect(first.locator("#conflict")).to_contain_text("and on")
    first.get_by_role("button", name="Keep mine").click()
    expect(first.locator("#saved")).to_contain_text("Saved")
    assert opened_task(first).draft["text"] == "mine after all"
    second.close()
    assert all("409" in line for line in complaints)
    complaints.clear()


def test_hiding_the_tab_saves_at_once(writing: Open) -> None:
    page = writing()
    page.get_by_label("Your answer").fill("gone to look something up")
    with page.expect_request("**/draft/") as sent:
        hide(page, hidden=True)
    assert json.loads(sent.value.post_data or "")["draft"]["text"] == "gone to look something up"
    expect(page.locator("#saved")).to_contain_text("Saved")
    assert opened_task(page).draft["text"] == "gone to look something up"


def test_a_session_that_ends_while_typing(writing: Open, complaints: list[str]) -> None:
    page = writing()
    Session.objects.all().delete()
    page.get_by_label("Your answer").fill("typed after the session had ended")
    expect(page.locator("#saved")).to_contain_text("signed out")
    page.get_by_role("button", name="Submit and go on").click()
    expect(page.get_by_role("alert").filter(has_text="signed out")).to_be_visible()
    other = page.context.new_page()
    other.goto(f"{page.url.split('/tasks/')[0]}/accounts/sign-in/")
    other.get_by_label("Username").fill("ada")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    other.close()
    # The page as it stands submits under the new session.
    page.get_by_role("button", name="Submit and stop").click()
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    assert Demonstration.objects.get().text == "typed after the session had ended"
    complaints.clear()


def test_saved_at_in_the_labelers_own_zone(writing: Open, scene: Scene) -> None:
    User.objects.filter(pk=scene.labeler.pk).update(time_zone="Asia/Kathmandu")
    page = writing()
    page.get_by_label("Your answer").fill("Namaste")
    expect(page.locator("#saved")).to_contain_text("Saved")
    saved_at = opened_task(page).draft_saved_at
    assert saved_at is not None
    with timezone.override("Asia/Kathmandu"):
        expected = timezone.localtime(saved_at).strftime("%H:%M")
    expect(page.locator("#saved")).to_have_text(f"Saved {expected}")
    page.reload()
    expect(page.locator("#saved")).to_have_text(f"Saved {expected}")


def test_what_came_late_is_shown_as_a_second_opinion(writing: Open, scene: Scene) -> None:
    page = writing()
    task = opened_task(page)
    past = timezone.now() - timedelta(minutes=1)
    Assignment.objects.filter(pk=task.pk).update(expires_at=past)
    Slot.objects.filter(pk=task.slot_id).update(held_until=past)
    queue.release_expired(now=timezone.now())
    while (claim := queue.claim_next(labeler=scene.rival, project=scene.project)).assignment:
        answers.submit_demonstration(token=claim.assignment.token, labeler=scene.rival, text="quick")
    page.get_by_label("Your answer").fill("slow but thorough")
    expect(page.locator("#saved")).to_contain_text("Saved")
    expect(page.get_by_text("Your reservation ran out")).to_be_visible()
    page.get_by_role("button", name="Submit and stop").click()
    expect(page.get_by_text("Saved. Somebody else had answered meanwhile")).to_be_visible()
    page.get_by_role("link", name="My work", exact=True).click()
    row = page.locator("tbody tr").filter(has_text="slow but thorough")
    expect(row).to_contain_text("second opinion")
    expect(page.get_by_text("quick")).to_have_count(0)


def told(requests: list[Request]) -> int:
    return sum(int(json.loads(request.post_data or "{}").get("active", 0)) for request in requests)


def test_pauses_and_hidden_tabs_are_no_active_time(sign_in: Callable[[User], Page], scene: Scene, page: Page) -> None:
    scene.ask_for_answers()
    sign_in(scene.labeler)
    page.clock.install()
    page.get_by_role("button", name="Write").click()
    expect(page.locator("#answer[data-ready]")).to_be_visible()
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if "/draft/" in request.url else None)
    text = page.get_by_label("Your answer")

    def pass_seconds(seconds: int) -> None:
        for _second in range(seconds):
            page.clock.run_for(1_000)

    def saved(words: str) -> int:
        """Type, let the draft be saved, and return all seconds told so far."""
        text.fill(words)
        with page.expect_response("**/draft/"):
            page.clock.run_for(2_000)
        return told(sent)

    saved("a")
    pass_seconds(30)
    first = saved("thirty seconds")
    assert 28 <= first <= 45, first
    hide(page, hidden=True)
    pass_seconds(50)
    hide(page, hidden=False)
    # Nobody there: what counts is the minute after the last sign of life, no more.
    pass_seconds(200)
    last = saved("after a long pause")
    assert last - first <= 66, (first, last)


def test_the_server_hears_of_reading_without_a_change(
    sign_in: Callable[[User], Page], scene: Scene, page: Page, complaints: list[str]
) -> None:
    scene.ask_for_answers()
    sign_in(scene.labeler)
    page.clock.install()
    page.get_by_role("button", name="Write").click()
    expect(page.locator("#answer[data-ready]")).to_be_visible()
    task = opened_task(page)
    earlier = timezone.now() - timedelta(minutes=10)
    Assignment.objects.filter(pk=task.pk).update(claimed_at=earlier, opened_at=earlier)
    before = task.expires_at
    with page.expect_response("**/draft/") as answer:
        for _second in range(75):
            if _second % 10 == 0:
                page.mouse.move(200 + _second, 300)
            page.clock.run_for(1_000)
    assert answer.value.ok
    task.refresh_from_db()
    assert task.expires_at > before, "a sign of life renews the lease"
    assert 55 <= task.active_seconds <= 80 and (task.draft, task.draft_version) == ({}, 0)
    expect(page.locator("#saved")).to_be_empty()
