"""The next task is kept ready while one is worked on: it opens from what was fetched ahead, and is nobody else's."""

from __future__ import annotations

import time
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect

from accounts.models import User
from labeling.models import Assignment, Demonstration, Slot, SlotState
from labeling.services import rounds
from tests.browser.conftest import Scene
from tests.browser.pages import signed_in
from tests.conftest import AsgiServer
from tests.factories import PromptFactory

pytestmark = pytest.mark.browser

DELIVERED = "() => performance.getEntriesByType('navigation')[0].deliveryType"


def more_prompts(scene: Scene, number: int) -> None:
    PromptFactory.create_batch(number, project=scene.project)
    # One judgement each, so that every task that two people get is a mistake.
    rounds.request_demonstrations(
        actor=scene.researcher, round=scene.round, prompts=scene.project.prompts.all(), judgements=1
    )


class Desk:
    """A labeler's window, with what the browser says about pages that it fetches ahead."""

    def __init__(self, browser: Browser, server: AsgiServer, labeler: User) -> None:
        self.page, self.labeler = signed_in(browser, server, labeler), labeler
        self.status: dict[str, str] = {}
        devtools = self.page.context.new_cdp_session(self.page)
        devtools.on("Preload.prefetchStatusUpdated", self._note)
        devtools.send("Preload.enable")

    def _note(self, event: dict[str, str]) -> None:
        self.status[urlsplit(event["prefetchUrl"]).path] = event["status"]

    def begin(self) -> None:
        self.page.goto("/")
        self.page.get_by_role("button", name="Write").click()
        expect(self.page.get_by_role("heading", name="Write an answer")).to_be_visible()

    def write(self, text: str) -> str:
        """Write an answer and wait for what is fetched ahead; returns its address, empty when there is none."""
        expect(self.page.locator("#answer[data-ready]")).to_be_visible()
        self.page.locator("#text").press_sequentially(text)
        expect(self.page.locator("body[data-ahead]")).to_be_visible()
        there = self.page.locator("body").get_attribute("data-ahead") or ""
        deadline = time.monotonic() + 20
        while there and self.status.get(there) != "Ready":
            assert time.monotonic() < deadline, self.status
            self.page.wait_for_timeout(50)
        return there

    def submit(self, name: str = "Submit and go on") -> str:
        """Submit and return the path of the page that follows."""
        before = self.page.url
        self.page.get_by_role("button", name=name).click()
        self.page.wait_for_url(lambda address: address != before)
        return urlsplit(self.page.url).path


def test_the_next_task_opens_from_what_was_fetched_ahead(
    browser: Browser, scene: Scene, asgi_server: AsgiServer
) -> None:
    more_prompts(scene, 4)
    desk = Desk(browser, asgi_server, scene.labeler)
    desk.begin()
    for number in range(1, 7):
        there = desk.write(f"Answer {number}.")
        assert desk.submit() == (there or "/"), "what was kept ready is what comes next"
        if not there:
            break
        assert desk.page.evaluate(DELIVERED) == "navigational-prefetch"
        lease = Assignment.objects.get(token=there.split("/")[2])
        assert lease.opened_at is not None and lease.expires_at > timezone.now() + timedelta(minutes=15)
    assert number == Demonstration.objects.count() == 6
    assert set(Slot.objects.values_list("state", flat=True)) == {SlotState.DONE}


def test_what_is_kept_ready_is_not_begun_and_goes_back_with_a_look_at_work(
    browser: Browser, scene: Scene, asgi_server: AsgiServer
) -> None:
    more_prompts(scene, 4)
    desk = Desk(browser, asgi_server, scene.labeler)
    desk.begin()
    assert desk.write("Half an answer")
    assert Slot.objects.filter(state=SlotState.HELD).count() == 2
    desk.page.goto("/")
    expect(desk.page.locator(".begun li")).to_have_count(1)
    assert Slot.objects.filter(state=SlotState.HELD).count() == 1
    desk.page.get_by_role("link", name="Go on writing").click()
    assert desk.write(".")
    assert desk.submit("Submit and stop") == "/"
    expect(desk.page.locator(".begun li")).to_have_count(0)
    assert not Slot.objects.filter(state=SlotState.HELD).exists()


def test_two_labelers_never_get_the_same_task_by_it(browser: Browser, scene: Scene, asgi_server: AsgiServer) -> None:
    more_prompts(scene, 5)
    desks = [Desk(browser, asgi_server, person) for person in (scene.labeler, scene.rival)]
    for desk in desks:
        desk.begin()
    for _turn in range(3):
        ahead = [desk.write("My answer.") for desk in desks]
        assert len(set(ahead)) == 2 or ahead == ["", ""]
        for desk in desks:
            desk.submit()
    per_task = Demonstration.objects.values("assignment__task").distinct().count()
    assert per_task == Demonstration.objects.count() == 6
    assert not Demonstration.objects.filter(surplus=True).exists()


def test_what_is_kept_ready_keeps_nobody_waiting(browser: Browser, scene: Scene, asgi_server: AsgiServer) -> None:
    more_prompts(scene, 0)
    desk, other = (Desk(browser, asgi_server, person) for person in (scene.labeler, scene.rival))
    desk.begin()
    there = desk.write("Slowly")
    assert there
    other.begin()
    assert not Assignment.objects.filter(token=there.split("/")[2]).exists()
    assert desk.submit() == "/"
    expect(desk.page.get_by_text("reserved by others until").first).to_be_visible()
