"""The judgement form's page in a browser: edited with the keyboard alone, nothing for axe, readable when small."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from labeling.models import JudgementForm
from tests.browser.conftest import Scene
from tests.browser.pages import signed_in, watch_for_errors
from tests.conftest import AsgiServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ADDRESS = "/projects/tutor/judgement-form/"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_form_is_changed_with_the_keyboard_and_axe_finds_nothing_there_or_in_the_settings(
    browser: Browser, asgi_server: AsgiServer, scene: Scene, scheme: str
) -> None:
    page = signed_in(
        browser, asgi_server, scene.researcher, color_scheme=scheme, viewport={"width": 320, "height": 800}
    )
    errors = watch_for_errors(page)
    page.goto(f"{ADDRESS}?start=toxicity")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling at 320 px"
    page.get_by_role("button", name="Add a question").press("Enter")
    question = page.get_by_label("What is asked").last
    question.fill("Would you send it to a customer?")
    page.get_by_label("Answered with").last.select_option("flag")
    expect(page.get_by_label("which means").last).to_be_hidden()
    page.get_by_label("Name of the form").press("Enter")
    preview = page.get_by_role("region", name="As labelers see it")
    expect(preview.get_by_label("Would you send it to a customer?")).to_be_visible()
    assert JudgementForm.objects.get().version == 1, "a preview stores nothing"
    for address in (None, f"{ADDRESS}?start=instructgpt", f"{ADDRESS}?start=rules"):
        if address:
            page.goto(address)
        page.evaluate("document.querySelectorAll('.form-question').forEach((one) => { one.open = true; })")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if address is None:
            page.get_by_role("button", name="Save as the next version").press("Enter")
            expect(page.get_by_text("judged with version 2")).to_be_visible()
    saved = JudgementForm.objects.get(version=2).fields
    assert saved[-1] == {
        "key": "would_you_send_it_to_a_customer", "kind": "flag", "label": "Would you send it to a customer?",
        "required": False,
    }  # fmt: skip
    for address in ("/projects/tutor/settings/", "/projects/new/"):
        page.goto(address)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert errors == []
    page.context.close()
