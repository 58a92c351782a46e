"""Comparing: by keys alone, by pointer, and what is refused without losing anything."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from labeling.models import Assignment, Comparison
from tests.browser.conftest import Scene

pytestmark = pytest.mark.browser

Open = Callable[[], Page]


@pytest.fixture
def comparing(sign_in: Callable[[User], Page], scene: Scene) -> Open:
    """Signs in as the labeler and opens the compare task."""

    def opened() -> Page:
        scene.ask_for_comparisons()
        page = sign_in(scene.labeler)
        page.get_by_role("button", name="Compare").press("Enter")
        expect(page.locator("#answer[data-ready]")).to_be_visible()
        return page

    return opened


def press(page: Page, keys: str) -> None:
    for key in keys.split():
        page.keyboard.press(key)


def test_by_keyboard_only(comparing: Open) -> None:
    page = comparing()
    # Ranking is closed until all are rated.
    press(page, "a 1")
    expect(page.locator("#announce")).to_contain_text("Rate every answer first")
    press(page, "Shift+Digit5 b Shift+Digit7 c Shift+Digit2 ] Shift+Digit5")
    expect(page.locator("#progress")).to_have_text("0 of 4 ranked")
    press(page, "b 1 a 2 d =")
    expect(page.locator("#announce")).to_contain_text("D: rank 2, tied with A. 3 of 4 ranked")
    expect(page.locator("#progress")).to_contain_text("not ranked yet: C")
    press(page, "c 4")
    expect(page.locator("#summary")).to_have_text("B > A = D > C")
    press(page, "Control+Enter")
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    comparison = Comparison.objects.get()
    assert comparison.summary() == "B > A = D > C"
    assert [(output.rank, output.quality) for output in comparison.judged.all()] == [(2, 5), (1, 7), (4, 2), (2, 5)]


def test_nothing_is_chosen_and_nobody_is_named(comparing: Open) -> None:
    page = comparing()
    assert page.locator("input[type=radio]:checked").count() == 0
    assert page.locator(".output").count() == 4
    expect(page.get_by_text("cut off at the length limit")).to_have_count(1)
    expect(page.locator(".output script")).to_have_count(0)
    order = [int(card.get_attribute("data-completion") or 0) for card in page.locator(".output").all()]
    assert order == Assignment.objects.get().shown_order


def test_arrows_are_equals_of_radios_and_contradictions_warn(comparing: Open) -> None:
    page = comparing()
    for letter, quality in zip("ABCD", (3, 4, 5, 6), strict=True):
        page.locator(f"#output-{letter}").get_by_label(str(quality), exact=True).first.check()
    up = page.get_by_role("button", name="Move A up")
    up.click()
    expect(page.locator("#summary")).to_have_text("A")
    page.locator("#output-B fieldset.rank").get_by_label("1", exact=True).check()
    expect(page.locator("#summary")).to_have_text("A = B")
    page.get_by_role("button", name="Move B down").click()
    expect(page.locator("#contradictions")).to_contain_text("A is ranked above B but rated lower (3 against 4)")
    page.locator("#output-B").get_by_role("button", name="Clear").click()
    expect(page.locator("#contradictions li")).to_have_count(0)


def test_an_incomplete_ranking_is_refused_and_kept(comparing: Open, complaints: list[str]) -> None:
    page = comparing()
    press(page, "a Shift+Digit5 b Shift+Digit5 c Shift+Digit5 d Shift+Digit5 a 1")
    page.get_by_text("Note (optional)").click()
    page.get_by_label("Note", exact=True).fill("d 4 is typed into a text field")
    page.get_by_role("button", name="Submit and go on").click()
    expect(page.get_by_role("alert").filter(has_text="3 of 4 outputs have no rank")).to_be_visible()
    expect(page.locator("#summary")).to_have_text("A")
    expect(page.locator("#saved")).to_contain_text("Saved")
    page.reload()
    expect(page.locator("#answer[data-ready]")).to_be_visible()
    expect(page.locator("#summary")).to_have_text("A")
    expect(page.get_by_label("Note", exact=True)).to_have_value("d 4 is typed into a text field")
    assert all("400" in text for text in complaints)
    complaints.clear()


def test_keys_can_be_turned_off(comparing: Open) -> None:
    page = comparing()
    press(page, "?")
    page.get_by_label("Use these keys").uncheck()
    press(page, "Escape b Shift+Digit7")
    assert page.locator("input[type=radio]:checked").count() == 0
    page.reload()
    expect(page.locator("#answer[data-ready]")).to_be_visible()
    press(page, "b Shift+Digit7")
    assert page.locator("input[type=radio]:checked").count() == 0
