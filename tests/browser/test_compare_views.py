"""How the answers are looked at: raw one by one, two at a time, their differences, scrolled together."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from labeling.models import CompareMode
from tests.browser.comparing import card, lease, opened, press
from tests.browser.pages import watch_for_errors
from tests.conftest import AsgiServer

pytestmark = pytest.mark.browser


def test_raw_text_for_one_answer_or_for_all(browser: Browser, asgi_server: AsgiServer) -> None:
    page = opened(browser, asgi_server, lease(["**One**", "*Two*", ""]))
    card(page, "A").get_by_role("button", name="Raw A").click()
    expect(card(page, "A").locator(".raw")).to_have_text("**One**")
    expect(card(page, "B").locator(".raw")).to_be_hidden()
    press(page, "b v")
    expect(card(page, "B").locator(".raw")).to_have_text("*Two*")
    page.get_by_role("button", name="Raw text").click()
    expect(page.get_by_role("button", name="Raw text")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Raw text").click()
    expect(card(page, "A").locator("strong")).to_be_visible()
    expect(card(page, "C").get_by_text("This answer is empty.")).to_be_visible()


@pytest.mark.parametrize(
    ("texts", "language", "only"),
    [
        (["The cat sat on the mat.", "The dog sat on a mat."], "en", (["cat ", "the "], ["dog ", "a "])),
        (["今天天气很好，我们去公园。", "今天天气不好，我们去博物馆。"], "zh", (["很好", "公园"], ["不好", "博物馆"])),
    ],
)
def test_the_words_that_differ_are_marked(
    browser: Browser, asgi_server: AsgiServer, texts: list[str], language: str, only: tuple[list[str], list[str]]
) -> None:
    held = lease(texts, prompt={"language": language}, compare_mode=CompareMode.STRENGTH)
    page = opened(browser, asgi_server, held)
    errors = watch_for_errors(page)
    expect(page.get_by_role("button", name="Two at a time")).to_have_count(0)
    button = page.get_by_role("button", name="Differences")
    button.click()
    for letter, words in zip("AB", only, strict=True):
        assert card(page, letter).locator("mark").all_text_contents() == words
        expect(card(page, letter).locator(".rendered")).to_be_hidden()
    expect(page.locator("#announce")).to_contain_text("only in A")
    button.click()
    expect(page.locator("mark")).to_have_count(0)
    expect(card(page, "A").locator(".rendered")).to_be_visible()
    assert errors == []


def test_two_at_a_time_and_scrolled_together(browser: Browser, asgi_server: AsgiServer) -> None:
    long = ["\n\n".join(f"{name} {n}: " + "word " * 30 for n in range(40)) for name in ("One", "Two", "Three")]
    page = opened(browser, asgi_server, lease(long))
    press(page, "b")
    page.get_by_role("button", name="Two at a time").click()
    expect(card(page, "A")).to_be_visible()
    expect(card(page, "C")).to_be_hidden()
    press(page, "c")
    expect(card(page, "C")).to_be_focused()
    expect(card(page, "A")).to_be_hidden()
    expect(card(page, "B")).to_be_visible()
    page.get_by_label("First of the two").select_option(label="A")
    expect(card(page, "B")).to_be_hidden()
    page.get_by_role("button", name="Scroll together").click()
    bodies = [card(page, letter).locator(".output-body") for letter in "AC"]
    bodies[0].evaluate("box => { box.scrollTop = (box.scrollHeight - box.clientHeight) / 2; }")
    page.wait_for_function("box => Math.abs(box.scrollTop / (box.scrollHeight - box.clientHeight) - 0.5) < 0.02",
                           arg=bodies[1].element_handle())  # fmt: skip
    bodies[1].evaluate("box => { box.scrollTop = 0; }")
    page.wait_for_function("box => box.scrollTop === 0", arg=bodies[0].element_handle())
    # What is hidden still counts.
    press(page, "b 1 a 2 c 3")
    expect(page.locator("#summary")).to_have_text("B > A > C")
    page.get_by_role("button", name="Two at a time").click()
    expect(page.locator(".output:visible")).to_have_count(3)
