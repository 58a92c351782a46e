"""Ranking: letters dragged on the rail by mouse and finger, arrows and radios as its equals, undo."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from labeling.models import Comparison
from tests.browser.comparing import card, lease, opened, press
from tests.browser.pages import watch_for_errors
from tests.conftest import AsgiServer

pytestmark = pytest.mark.browser


def middle(place: Any) -> tuple[float, float]:
    box = place.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def chip(page: Page, letter: str) -> Any:
    return page.locator(f".chip[data-letter={letter}]")


def drag(page: Page, letter: str, target: Any) -> None:
    page.mouse.move(*middle(chip(page, letter)))
    page.mouse.down()
    page.mouse.move(*middle(target), steps=6)
    page.mouse.up()


def test_letters_are_dragged_into_ties_between_groups_and_off_again(browser: Browser, asgi_server: AsgiServer) -> None:
    page = opened(browser, asgi_server, lease())
    errors = watch_for_errors(page)
    rail = page.locator("#summary")
    drag(page, "C", rail)
    expect(rail).to_have_text("C")
    drag(page, "A", chip(page, "C"))
    expect(rail).to_have_text("A = C")
    expect(page.locator("#announce")).to_have_text("A: rank 1, tied with C. 2 of 4 ranked")
    drag(page, "B", page.locator(".rail-gap").first)
    expect(rail).to_have_text("B > A = C")
    drag(page, "D", page.locator(".rail-gap").last)
    expect(rail).to_have_text("B > A = C > D")
    drag(page, "C", page.locator(".rail-gap").nth(1))
    expect(rail).to_have_text("B > C > A > D")
    # The radios say the same, and take over again.
    for letter, rank in zip("ABCD", (3, 1, 2, 4), strict=True):
        expect(card(page, letter).locator(f"[data-rank] input[value='{rank}']")).to_be_checked()
    drag(page, "A", page.get_by_role("heading", name="Rate and rank the answers"))
    expect(rail).to_have_text("B > C > A > D")
    card(page, "D").locator("[data-rank]").get_by_label("1", exact=True).check()
    expect(rail).to_have_text("B = D > C > A")
    for _undone in range(6):
        press(page, "Control+z")
    expect(rail).to_have_text("")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    assert errors == []


def test_a_ranked_letter_is_taken_off_the_rail(browser: Browser, asgi_server: AsgiServer) -> None:
    page = opened(browser, asgi_server, lease())
    press(page, "a 1 b 2")
    drag(page, "A", page.locator("#rest"))
    expect(page.locator("#summary")).to_have_text("B")
    assert card(page, "A").locator("[data-rank] input:checked").count() == 0
    chip(page, "B").click()
    expect(card(page, "B")).to_be_focused()


def test_a_finger_ranks_on_a_phone(browser: Browser, asgi_server: AsgiServer) -> None:
    held = lease(["One.", "Two.", "Three."])
    phone = {"has_touch": True, "is_mobile": True, "viewport": {"width": 360, "height": 740}}
    page = opened(browser, asgi_server, held, **phone)
    rail = page.locator("#summary")
    # Tapped radios and arrows do the same as what follows.
    card(page, "A").locator("[data-rank] label").nth(2).tap()
    expect(rail).to_have_text("A")
    page.get_by_role("button", name="Move C up").tap()
    expect(rail).to_have_text("A > C")
    page.get_by_role("button", name="Undo").tap()
    page.get_by_role("button", name="Undo").tap()
    expect(rail).to_have_text("")
    rail.scroll_into_view_if_needed()
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *at: float) -> None:
        points = [{"x": at[0], "y": at[1]}] if at else []
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def slide(letter: str, target: Any) -> None:
        (x, y), (there_x, there_y) = middle(chip(page, letter)), middle(target)
        touch("touchStart", x, y)
        for step in range(1, 6):
            touch("touchMove", x + (there_x - x) * step / 5, y + (there_y - y) * step / 5)
        touch("touchEnd")

    slide("B", rail)
    expect(rail).to_have_text("B")
    slide("A", chip(page, "B"))
    expect(rail).to_have_text("A = B")
    slide("C", page.locator(".rail-gap").first)
    expect(rail).to_have_text("C > A = B")
    page.get_by_role("button", name="Submit and stop").click()
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    assert Comparison.objects.get().summary() == "C > A = B"


def test_every_press_of_an_arrow_changes_the_order_by_one_step(browser: Browser, asgi_server: AsgiServer) -> None:
    page = opened(browser, asgi_server, lease())
    rail = page.locator("#summary")

    def up(letter: str) -> None:
        page.get_by_role("button", name=f"Move {letter} up").click()

    def down(letter: str) -> None:
        page.get_by_role("button", name=f"Move {letter} down").click()

    up("A"), up("B"), down("C")
    expect(rail).to_have_text("A > B > C")
    up("C")
    expect(rail).to_have_text("A > B = C")
    up("C")
    expect(rail).to_have_text("A > C > B")
    down("A"), down("A")
    expect(rail).to_have_text("C > A > B")
    up("C")
    expect(rail).to_have_text("C > A > B")
    expect(card(page, "D").locator("[data-rank] input:checked")).to_have_count(0)


def test_undo_takes_back_ratings_flags_ranks_and_clearing(browser: Browser, asgi_server: AsgiServer) -> None:
    page = opened(browser, asgi_server, lease())
    press(page, "a Shift+Digit5 1 b Shift+Digit3 2 a Delete")
    expect(page.locator("#summary")).to_have_text("B")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#summary")).to_have_text("A > B")
    expect(card(page, "A").locator("[data-question=quality] input[value='5']")).to_be_checked()
    expect(page.locator("#announce")).to_have_text("Undone.")
    page.get_by_text("Note (optional)").click()
    page.locator("#note").fill("words")
    page.locator("#note").press("Control+z")
    expect(page.locator("#summary")).to_have_text("A > B")
    page.locator("#output-A").focus()
    press(page, "Control+z Control+z")
    expect(page.locator("#summary")).to_have_text("A")
    assert card(page, "B").locator("input:checked").count() == 0
