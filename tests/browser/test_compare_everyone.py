"""Compare for everyone: by keyboard from task to task, nothing under the bars, axe, 320 pixels, forced colours."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from labeling.built_in_forms import ATTRIBUTES, INSTRUCTGPT
from labeling.models import CompareMode, Comparison
from labeling.services import rounds
from tests.browser.comparing import card, lease, opened, press
from tests.browser.conftest import OUTPUTS, Scene
from tests.browser.test_a11y import assert_clean
from tests.conftest import AsgiServer
from tests.factories import PromptFactory

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# The centre of the focused element, or of what it is drawn as, and what lies there.
COVERED = """() => {
    const focused = document.activeElement;
    const shown = focused.closest("label") ?? focused;
    const box = shown.getBoundingClientRect();
    const tall = box.height > innerHeight / 2;
    const [x, y] = [box.x + box.width / 2, tall ? Math.max(box.y, 0) + 20 : box.y + box.height / 2];
    const top = document.elementFromPoint(x, y);
    const inView = x >= 0 && y >= 0 && x < innerWidth && y < innerHeight;
    const free = inView && (shown.contains(top) || top?.contains(shown));
    return free ? "" : `${focused.outerHTML.slice(0, 120)} at ${x},${y} under ${top?.outerHTML.slice(0, 120)}`;
}"""


def walk(page: Page, steps: int) -> None:
    """Tab through the page; nothing that gets the focus may be hidden behind a bar (WCAG 2.4.11)."""
    page.locator("#main").focus()
    for _step in range(steps):
        page.keyboard.press("Tab")
        assert page.evaluate(COVERED) == ""
        if page.evaluate("document.activeElement.value") == "next":
            return
    raise AssertionError("the walk ended before the submit buttons")


def test_three_tasks_in_a_row_without_a_pointer(
    sign_in: Callable[[User], Page], scene: Scene, complaints: list[str]
) -> None:
    prompts = [*scene.prompts, PromptFactory(project=scene.project)]
    rounds.request_comparisons(
        actor=scene.researcher, round=scene.round, outputs={prompt.pk: OUTPUTS for prompt in prompts}
    )
    page = sign_in(scene.labeler)
    page.get_by_role("button", name="Compare").press("Enter")
    for number in range(1, 4):
        expect(page.locator("#answer[data-ready]")).to_be_visible()
        # A task begins with its conversation; one Tab further are the answers' tools, a letter leads to an answer.
        expect(page.get_by_role("region", name="Conversation")).to_be_focused()
        press(page, "Control+Enter")
        expect(page.get_by_role("alert").filter(has_text="This project rates first")).to_be_visible()
        expect(card(page, "A")).to_be_focused()
        press(page, "Shift+Digit4 ] Shift+Digit6 ] Shift+Digit1 ] Shift+Digit4 b 1 a 2 d = c 4")
        expect(page.locator("#summary")).to_have_text("B > A = D > C")
        before = page.url
        press(page, "Control+Enter")
        page.wait_for_url(lambda address, before=before: address != before)  # type: ignore[misc]
        assert Comparison.objects.count() == number
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    assert all("400" in text for text in complaints)
    complaints.clear()


@pytest.mark.parametrize("size", [(1280, 800), (1024, 800), (360, 740), (320, 640)])
def test_the_focus_is_never_under_a_bar(browser: Browser, asgi_server: AsgiServer, size: tuple[int, int]) -> None:
    long = "\n\n".join(["A long paragraph of an answer, with [a link](https://example.org/) in it."] * 12)
    held = lease([long] * 3 + ["Short."], form=INSTRUCTGPT, edit_step=True, prompt={"text": long})
    page = opened(browser, asgi_server, held, viewport={"width": size[0], "height": size[1]})
    press(page, "a Shift+Digit6 b Shift+Digit2 a 2 b 1 c 3 d 3")
    page.locator("#edit-step summary").click()
    card(page, "A").locator("[data-flags] summary").click()
    walk(page, 200)


def test_a_bar_that_grew_covers_nothing_either(browser: Browser, asgi_server: AsgiServer) -> None:
    held = lease([f"Answer {n}. " + "It goes on. " * 40 for n in range(12)])
    page = opened(browser, asgi_server, held, viewport={"width": 800, "height": 640})
    for at, letter in enumerate("abcdefgh", start=1):
        press(page, f"{letter} {at} Shift+Digit{min(at, 7)}")
    expect(page.locator("#contradictions li")).to_have_count(3)
    expect(page.locator("#contradictions")).to_contain_text("more such pairs")
    walk(page, 400)


def test_axe_finds_nothing_with_everything_open(browser: Browser, asgi_server: AsgiServer) -> None:
    held = lease(["**One** $x$"] * 2 + ["Three."], form=INSTRUCTGPT, edit_step=True, ratings_first=True)
    page = opened(browser, asgi_server, held)
    assert_clean(page)
    press(page, "a Shift+Digit2 b Shift+Digit5 c Shift+Digit5 a 1 b 2")
    page.evaluate("for (const one of document.querySelectorAll('#answer details')) one.open = true")
    page.locator("[data-flag]").first.check()
    assert_clean(page)
    press(page, "c 2")
    for name in ("Two at a time", "Differences", "Scroll together"):
        page.get_by_role("button", name=name).click()
    assert_clean(page)
    page.get_by_role("button", name="Keys").click()
    assert_clean(page)


@pytest.mark.parametrize("mode", [CompareMode.STRENGTH, CompareMode.SEVEN_POINT])
def test_axe_finds_nothing_on_pairs(browser: Browser, asgi_server: AsgiServer, mode: str) -> None:
    held = lease(["One.", "Two."], form=ATTRIBUTES, compare_mode=mode, edit_step=True, ratings_first=True)
    page = opened(browser, asgi_server, held)
    assert_clean(page)
    press(page, "a Shift+Digit1 Shift+Digit1 Shift+Digit1 Shift+Digit1 Shift+Digit1")
    press(page, "b Shift+Digit4 Shift+Digit1 Shift+Digit1 Shift+Digit1 Shift+Digit1 1")
    expect(page.locator("#contradictions li")).to_have_count(1)
    assert_clean(page)


@pytest.mark.parametrize("outputs", [9, 12])
def test_many_answers_at_320_pixels_with_big_targets(browser: Browser, asgi_server: AsgiServer, outputs: int) -> None:
    held = lease([f"Answer {n}." for n in range(outputs)], form=INSTRUCTGPT)
    page = opened(browser, asgi_server, held, viewport={"width": 320, "height": 640})
    for letter, rank in zip("ABCDEFGHI", range(1, 10), strict=True):
        press(page, f"{letter.lower()} {rank}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    small = page.evaluate(
        """() => [...document.querySelectorAll("#answer :is(button, summary, .segments label, .pair-scale label)")]
            .filter((one) => one.checkVisibility())
            .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
            .filter(([, box]) => box.width < 24 || box.height < 24).map(([html]) => html)"""
    )
    assert small == []


def test_forced_colours_and_reduced_motion_show_what_is_chosen(browser: Browser, asgi_server: AsgiServer) -> None:
    held = lease()
    page = opened(browser, asgi_server, held, forced_colors="active", reduced_motion="reduce")
    press(page, "a 1")
    chosen, other = (card(page, "A").locator("[data-rank] label").nth(at) for at in (0, 1))
    background = "label => getComputedStyle(label).backgroundColor"
    assert chosen.evaluate(background) != other.evaluate(background)


def test_a_sensitive_prompt_and_its_answers_stay_veiled_until_asked_for(
    browser: Browser, asgi_server: AsgiServer
) -> None:
    held = lease(["A cruel answer.", "A kind one."], prompt={"text": "A cruel question?", "sensitive": True})
    page = opened(browser, asgi_server, held)
    texts = [page.get_by_text(text) for text in ("A cruel question?", "A kind one.", "A cruel answer.")]
    for text in texts:
        expect(text.first).to_be_hidden()
    assert_clean(page)
    page.get_by_text("Show it").first.click()
    for text in texts:
        expect(text.first).to_be_visible()
    # Who does not want to see it may still pass it over.
    page.get_by_text("Hide it").last.click()
    for text in texts:
        expect(text.first).to_be_hidden()


def test_two_tabs_and_the_judgement_of_each_is_kept(browser: Browser, asgi_server: AsgiServer) -> None:
    held = lease(["One.", "Two."], form=INSTRUCTGPT)
    first = opened(browser, asgi_server, held)
    second = opened(browser, asgi_server, held)
    press(first, "a Shift+Digit6 1 b 2")
    expect(first.locator("#saved")).to_contain_text("Saved")
    press(second, "a 2 b 1")
    conflict = second.locator("#conflict")
    expect(conflict).to_be_visible()
    expect(conflict).to_contain_text("Ranking: A > B. A: Quality 6. B: –.")
    conflict.get_by_role("button", name="Take the other one").click()
    expect(second.locator("#summary")).to_have_text("A > B")
    expect(card(second, "A").locator("[data-question=quality] input[value='6']")).to_be_checked()
