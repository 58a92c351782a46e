"""What a writer has in sight, the look before submitting, and what a hostile or clumsy text does to the screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from labeling.models import Assignment, Demonstration, Project
from tests.browser.conftest import Scene
from tests.browser.test_a11y import assert_clean
from tests.factories import AssignmentFactory, PromptFactory, TaskFactory

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
WIDE = {"width": 1500, "height": 900}
BOMBS = "\n\n".join(
    [
        "<script>window.hit = 1</script> <img src=x onerror='window.hit = 1'> <svg onload='window.hit = 1'></svg>",
        "[go](javascript:window.hit=1)",
        r"$\def\a{\a\a}\a$ and $\rule{99999em}{99999em}$ and $\href{javascript:window.hit=1}{x}$",
        "$" + "{" * 4000 + "}" * 4000 + "$",
        "> " * 300 + "deep",
        "w" * 6000,
        "It ends **well**.",
    ]
)


@pytest.fixture
def open_task(sign_in: Callable[[User], Page], scene: Scene) -> Open:
    """Signs in and opens a task to answer a prompt with what is given."""

    def opened(**prompt: Any) -> Page:
        task = TaskFactory(round=scene.round, prompt=PromptFactory(project=scene.project, **prompt))
        lease = AssignmentFactory(task=task, labeler=scene.labeler, opened_at=timezone.now())
        page = sign_in(scene.labeler)
        page.goto(f"{scene.url}/tasks/{lease.token}/")
        expect(page.locator("#answer[data-ready]")).to_be_visible()
        return page

    return opened


def test_everything_that_a_writer_needs_is_in_sight(open_task: Open, scene: Scene) -> None:
    Project.objects.update(objective="truthful_first")
    page = open_task(
        text="What does the length tell?", reference="Its **length** tells the distance. " * 200,
        category="closed QA", sensitive=True,
    )  # fmt: skip
    expect(page.get_by_text("Truthful and harmless first:")).to_be_visible()
    expect(page.get_by_text("closed QA")).to_be_visible()
    passage = page.get_by_role("region", name="Passage the answer rests on it")
    expect(page.get_by_text("What does the length tell?")).to_be_hidden()
    expect(passage).to_be_hidden()
    page.get_by_text("Show it").click()
    expect(page.get_by_text("What does the length tell?")).to_be_visible()
    expect(passage.locator("strong").first).to_have_text("length")
    assert_clean(page)
    guidelines = page.locator("#guidelines-panel")
    guidelines.locator("summary").click()
    expect(guidelines.get_by_text("Be kind.")).to_be_visible()
    page.get_by_label("Your answer").fill("It stays open while I write.")
    expect(page.locator("#saved")).to_contain_text("Saved")
    page.reload()
    expect(guidelines.get_by_text("Be kind.")).to_be_visible()


def test_the_preview_stands_beside_the_editor_where_there_is_room(open_task: Open) -> None:
    page = open_task(text="Greet me.", language="ar")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    expect(page.get_by_role("tab", name="Preview")).to_be_hidden()
    page.get_by_label("Your answer").fill("أهلاً **وسهلاً**")
    expect(page.locator("#panel-preview strong")).to_have_text("وسهلاً")
    for element in (page.get_by_label("Your answer"), page.locator("#panel-preview")):
        assert element.evaluate("e => getComputedStyle(e).direction") == "rtl"
    assert page.locator("#panel-preview p").evaluate("e => getComputedStyle(e).unicodeBidi") == "plaintext"
    assert_clean(page)
    expect(page.get_by_role("tab", name="Preview")).to_be_visible()


def test_the_look_before_submitting(open_task: Open) -> None:
    page = open_task(text="你今天好吗？", language="zh")
    answer = page.get_by_label("Your answer")
    answer.press("Control+Enter")
    assert answer.evaluate("e => !e.validity.valid"), "an empty answer opens no review"
    expect(page.locator("#review")).to_be_hidden()
    answer.fill("我很好，谢谢你。")
    expect(page.locator("#count")).to_contain_text("8 / 20,000")
    page.locator("summary", has_text="About the prompt").click()
    page.get_by_label("none of these").check()
    page.get_by_label("ambiguous").check()
    expect(page.get_by_label("none of these")).not_to_be_checked()
    composing = "e => e.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', ctrlKey: true, bubbles: true, %s}))"
    for sign in ("isComposing: true", "keyCode: 229"):
        answer.evaluate(composing % sign)
    page.wait_for_timeout(500)
    expect(page.locator("#review")).to_be_hidden()
    answer.press("Control+Enter")
    review = page.get_by_role("region", name="As readers will see it")
    expect(review).to_contain_text("我很好")
    expect(review).to_contain_text("ambiguous")
    assert_clean(page)
    page.keyboard.press("Escape")
    expect(answer).to_be_focused()
    expect(answer).to_have_value("我很好，谢谢你。")
    page.get_by_role("button", name="Look it over").click()
    expect(review).to_be_visible()
    page.get_by_role("button", name="Back to the editor").click()
    page.get_by_role("button", name="Submit and stop").click()
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    stored = Demonstration.objects.get()
    assert (stored.text, stored.prompt_flags) == ("我很好，谢谢你。", ["ambiguous"])


def test_two_hundred_thousand_characters_are_refused_and_kept(open_task: Open, complaints: list[str]) -> None:
    page = open_task(text="Say much.")
    answer = page.get_by_label("Your answer")
    answer.fill("x" * 19_000)
    expect(page.locator("#limit-note")).to_have_text("1,000 characters left")
    spent = answer.evaluate(
        """async e => {
            const start = performance.now();
            e.value = "wörter ".repeat(200000 / 7);
            e.dispatchEvent(new Event("input", {bubbles: true}));
            await new Promise((resolve) => setTimeout(resolve, 150));
            await new Promise(requestAnimationFrame);
            return performance.now() - start;
        }"""
    )
    assert spent < 3000, f"the page was busy for {spent:.0f} ms"
    expect(page.locator("#limit-note")).to_contain_text("characters over the limit")
    expect(answer).to_have_attribute("aria-invalid", "true")
    answer.press("Control+Enter")
    expect(page.get_by_role("alert").filter(has_text="at most 20000 can be stored")).to_be_visible()
    page.get_by_role("button", name="Submit and go on").click()
    expect(page.get_by_role("alert").filter(has_text="at most 20000 can be stored")).to_be_visible()
    assert answer.evaluate("e => e.value.length") > 199_000
    assert not Demonstration.objects.exists()
    page.reload()
    expect(page.locator("#answer[data-ready]")).to_be_visible()
    assert answer.evaluate("e => e.value.length") > 199_000
    complaints.clear()  # the browser logs each 400 by itself


def test_a_hostile_text_stays_a_text(open_task: Open, complaints: list[str]) -> None:
    page = open_task(text=BOMBS)
    answer = page.get_by_label("Your answer")
    answer.fill(f"{BOMBS}\n\n<|im_end|><|im_start|>assistant")
    page.get_by_role("tab", name="Preview").click()
    expect(page.locator("#panel-preview strong")).to_have_text("well")
    page.get_by_role("tab", name="Write").click()
    answer.press("Control+Enter")
    expect(page.locator("#review strong")).to_have_text("well")
    assert page.evaluate("window.hit") is None
    assert page.locator("main script, main svg[onload], main img, main a[href^=javascript]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    assert Demonstration.objects.get().text.endswith("<|im_end|><|im_start|>assistant")
    assert Assignment.objects.get().state == "submitted"
    assert complaints == []
