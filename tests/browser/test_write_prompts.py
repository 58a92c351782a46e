"""Writing prompts: the three kinds, rows of pairs with and without a script, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from labeling.few_shot import Pair
from labeling.models import Assignment, Demonstration, Prompt, WrittenPrompt
from labeling.services import queue
from labeling.services.request_prompts import PromptBrief, request_prompts
from labeling.services.written_prompts import NewPrompt, submit_written_prompt
from tests.browser.conftest import Scene
from tests.browser.test_a11y import assert_clean
from tests.factories import DemonstrationFactory

pytestmark = pytest.mark.browser


def ask(scene: Scene, kind: str, **brief: Any) -> str:
    """Ask for a prompt and return the address of the task that the labeler gets."""
    request_prompts(actor=scene.researcher, round=scene.round, brief=PromptBrief(kind=kind, **brief), count=1)
    claim = queue.claim_next(labeler=scene.labeler, project=scene.project, kind="prompt")
    assert claim.assignment is not None
    return f"{scene.url}/tasks/{claim.assignment.token}/"


def fill_pair(page: Page, number: int, query: str, response: str) -> None:
    row = page.get_by_role("group", name=f"Pair {number}", exact=True)
    row.get_by_label("Query").fill(query)
    row.get_by_label("Response").fill(response)


def test_a_few_shot_prompt_by_keyboard(sign_in: Callable[[User], Page], scene: Scene, complaints: list[str]) -> None:
    page = sign_in(scene.labeler)
    page.goto(ask(scene, "few_shot"))
    expect(page.locator("#answer[data-ready]")).to_be_visible()
    page.get_by_label("Instruction").fill("Name the capital.")
    fill_pair(page, 1, "France", "Paris")
    fill_pair(page, 2, "Japan", "")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert").filter(has_text="Pair 2 is half empty")).to_be_visible()
    complaints.clear()  # the browser logs the 400 by itself
    fill_pair(page, 2, "Japan", "Tokyo")
    page.get_by_role("button", name="Add a pair").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Pair 3", exact=True).get_by_label("Query")).to_be_focused()
    fill_pair(page, 3, "Chile", "Santiago")
    page.get_by_role("button", name="Add a pair").click()
    page.get_by_role("button", name="Remove Pair 4").click()
    expect(page.locator(".pair")).to_have_count(3)
    expect(page.locator("#saved")).to_contain_text("Saved")
    assert_clean(page)
    page.get_by_label("Instruction").focus()
    page.keyboard.press("Control+Enter")
    review = page.get_by_role("region", name="As readers will see it")
    expect(review.locator(".turn")).to_have_count(6)
    expect(review).to_contain_text("The last of 3 examples")
    assert_clean(page)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    prompts = Prompt.objects.filter(kind="few_shot")
    assert (
        prompts.count() == Demonstration.objects.count() == 3 and prompts.values("key", "split").distinct().count() == 1
    )


def test_a_prompt_for_a_use_case(sign_in: Callable[[User], Page], scene: Scene) -> None:
    page = sign_in(scene.labeler)
    page.goto(ask(scene, "user_based", use_cases=["Names for small shops"]))
    expect(page.get_by_text("Names for small shops")).to_be_visible()
    page.get_by_label("Your prompt").fill("What is a derivative?")
    page.get_by_label("Category").select_option("brainstorming")
    page.get_by_label("Your prompt").fill("给花店起三个名字。")
    page.get_by_role("button", name="Submit and go on").click()
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    prompt = Prompt.objects.get(kind="user_based")
    assert (prompt.language, prompt.category, prompt.author) == ("zh", "brainstorming", scene.labeler)


def test_a_prompt_that_is_there_already_is_refused_and_stays_on_the_page(
    sign_in: Callable[[User], Page], scene: Scene, complaints: list[str]
) -> None:
    page = sign_in(scene.labeler)
    page.goto(ask(scene, "plain"))
    expect(page.locator("#answer[data-ready]")).to_be_visible()
    page.get_by_label("Your prompt").fill("你好吗？")
    page.get_by_role("button", name="Submit and go on").click()
    expect(page.get_by_role("alert").filter(has_text="has this prompt already")).to_be_visible()
    expect(page.get_by_label("Your prompt")).to_have_value("你好吗？")
    assert not WrittenPrompt.objects.exists()
    complaints.clear()  # the browser logs the 400 by itself


def test_rows_without_a_script(browser: Browser, browser_context_args: dict[str, Any], scene: Scene) -> None:
    address = ask(scene, "few_shot")
    context = browser.new_context(**browser_context_args, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{scene.url}/accounts/sign-in/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("a long enough passphrase")
    page.get_by_role("button", name="Sign in").click()
    page.goto(address)
    page.get_by_label("Instruction").fill("Name the capital.")
    fill_pair(page, 1, "France", "Paris")
    page.get_by_role("button", name="Add a pair").click()
    expect(page.locator(".pair")).to_have_count(3)
    expect(page.get_by_label("Instruction")).to_have_value("Name the capital.")
    fill_pair(page, 2, "wrong", "wrong")
    fill_pair(page, 3, "Japan", "Tokyo")
    page.get_by_role("button", name="Remove Pair 2").click()
    expect(page.locator(".pair")).to_have_count(2)
    assert Assignment.objects.get().draft["pairs"][1] == {"query": "Japan", "response": "Tokyo"}
    page.get_by_role("button", name="Submit and stop").click()
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    context.close()
    assert WrittenPrompt.objects.get().pairs == [
        {"query": "France", "response": "Paris"},
        {"query": "Japan", "response": "Tokyo"},
    ]
    assert Prompt.objects.filter(kind="few_shot").count() == 2


def test_a_researcher_asks_for_prompts(sign_in: Callable[[User], Page], scene: Scene, complaints: list[str]) -> None:
    page = sign_in(scene.researcher)
    page.goto(f"{scene.url}/projects/tutor/prompts/")
    page.get_by_role("link", name="Ask labelers for prompts").click()
    page.get_by_role("button", name="Ask for them").focus()
    page.get_by_label("plain: anything").check()
    page.get_by_label("How many").fill("1")
    page.get_by_label("Pairs").select_option("3")
    page.get_by_role("button", name="Ask for them").click()
    expect(page.get_by_text("A few-shot prompt has 2 to 8 pairs; others have none.")).to_be_visible()
    complaints.clear()  # the browser logs the 422 by itself
    assert_clean(page)
    page.get_by_label("few-shot: an instruction").check()
    page.get_by_role("button", name="Ask for them").click()
    expect(page.get_by_text("1 prompt asked for.")).to_be_visible()
    assert scene.round.tasks.get(kind="prompt").brief == {"kind": "few_shot", "pairs": 3}


def test_mending_a_prompt(sign_in: Callable[[User], Page], scene: Scene) -> None:
    token = ask(scene, "few_shot").rstrip("/").rsplit("/", 1)[-1]
    given = NewPrompt("Name the capital.", (Pair("France", "Paris"), Pair("Japan", "Tokyo")))
    submit_written_prompt(token=token, labeler=scene.labeler, given=given)
    page = sign_in(scene.labeler)
    page.get_by_role("link", name="My work", exact=True).click()
    page.get_by_role("link", name="Name the capital.").click()
    assert_clean(page)
    fill_pair(page, 3, "Chile", "Santiago")
    page.get_by_label("Why you change it").fill("one more")
    page.get_by_role("button", name="Save the revision").click()
    expect(page.get_by_text("Saved as a new revision")).to_be_visible()
    assert Prompt.objects.filter(kind="few_shot").count() == 3


def test_a_researcher_sees_the_flags_and_marks_the_prompt(sign_in: Callable[[User], Page], scene: Scene) -> None:
    DemonstrationFactory(prompt=scene.prompts[0], prompt_flags=["ambiguous", "sensitive_content"])
    page = sign_in(scene.researcher)
    page.goto(f"{scene.url}/projects/tutor/prompts/{scene.prompts[0].pk}/")
    flags = page.get_by_role("region", name="What labelers say of it")
    expect(flags).to_contain_text("sensitive content")
    assert_clean(page)
    flags.get_by_role("button", name="Mark as sensitive").click()
    expect(page.get_by_text("Marked as sensitive")).to_be_visible()
    expect(page.get_by_text("What is a derivative?")).to_be_hidden()
    page.get_by_text("Show it").click()
    expect(page.get_by_text("What is a derivative?")).to_be_visible()
