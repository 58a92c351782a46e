"""Mending an answer in a browser: nothing typed is lost there either; what lists and refusals say stays in sight."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from labeling.models import Demonstration
from tests.browser.conftest import Scene
from tests.browser.pages import signed_in
from tests.browser.test_a11y import assert_clean
from tests.browser.test_exchange import SignIn, answered
from tests.conftest import AsgiServer
from tests.factories import ReviewerFactory

pytestmark = pytest.mark.browser


@pytest.fixture
def reviewer(scene: Scene) -> User:
    return ReviewerFactory(username="rita", member_of=scene.project)


@pytest.fixture
def mending(sign_in: SignIn, scene: Scene) -> Page:
    answered(scene, "It is *three* x squared.")
    page = sign_in(scene.labeler)
    page.goto(f"{scene.url}/my-work/answers/{Demonstration.objects.get().pk}/")
    return page


def test_mending_survives_a_dead_network_and_a_closed_page(mending: Page) -> None:
    page, address = mending, mending.url
    page.get_by_label("Your answer").press_sequentially("Mended: ")
    page.get_by_label("Your answer").fill("By the **power rule**, 3x².")
    page.get_by_text("About the prompt").click()
    page.get_by_label("ambiguous").check()
    page.get_by_label("Why you change it").fill("as asked")
    page.context.set_offline(True)
    page.get_by_role("button", name="Save the revision").click()
    page.wait_for_url("chrome-error://**")
    page.context.set_offline(False)

    page.goto(address)
    expect(page.get_by_text("kept in this browser and is back")).to_be_visible()
    expect(page.get_by_label("Your answer")).to_have_value("By the **power rule**, 3x².")
    expect(page.get_by_label("Why you change it")).to_have_value("as asked")
    assert page.locator("[name=prompt_flag][value=ambiguous]").is_checked()
    assert_clean(page)
    page.get_by_role("button", name="Save the revision").click()
    page.get_by_role("link", name="By the **power rule**").click()
    expect(page.get_by_label("Your answer")).to_have_value("By the **power rule**, 3x².")
    expect(page.get_by_text("kept in this browser and is back")).to_be_hidden()
    assert Demonstration.objects.current().get().revision == 2


def test_what_was_kept_of_a_mending_can_be_dropped(mending: Page) -> None:
    page = mending
    page.get_by_label("Your answer").fill("Not what I want.")
    page.reload()
    expect(page.get_by_label("Your answer")).to_have_value("Not what I want.")
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_label("Your answer")).to_have_value("It is *three* x squared.")
    page.reload()
    expect(page.get_by_label("Your answer")).to_have_value("It is *three* x squared.")
    expect(page.locator("#kept")).to_be_hidden()


def test_a_mended_answer_is_previewed(mending: Page) -> None:
    mending.get_by_role("tab", name="Preview").click()
    expect(mending.locator("#panel-preview em")).to_have_text("three")


def test_a_refused_verdict_keeps_the_score_and_marks_the_comment(
    browser: Browser, asgi_server: AsgiServer, scene: Scene, reviewer: User
) -> None:
    assignment = answered(scene, "It is *three* x squared.")
    page = signed_in(browser, asgi_server, reviewer)
    page.goto(f"/review/{assignment.pk}/")
    page.get_by_label("4", exact=True).check(force=True)
    page.get_by_role("button", name="Send back").click()
    expect(page.get_by_role("alert").first).to_contain_text("Say why you send it back")
    expect(page.get_by_label("Comment to the labeler")).to_have_attribute("aria-invalid", "true")
    assert page.get_by_label("4", exact=True).is_checked()
    page.context.close()


def test_narrow_lists_and_keys_show_what_matters(browser: Browser, asgi_server: AsgiServer, scene: Scene) -> None:
    answered(scene, "It is *three* x squared.")
    page = signed_in(browser, asgi_server, scene.labeler, viewport={"width": 320, "height": 640})
    page.goto("/my-work/")
    link = page.get_by_role("link", name="It is *three*").bounding_box()
    assert link is not None and link["x"] + link["width"] <= 320
    page.goto("/accounts/keys/")
    key = page.locator("[name=key_clear]").bounding_box()
    assert key is not None and key["width"] >= 70 and key["x"] + key["width"] <= 320, "Delete is read and typed there"
    assert_clean(page)
    page.context.close()
