"""axe-core finds nothing, light or dark; nothing overflows at 320 pixels."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from accounts.models import User
from labeling.services import queue
from tests.browser.conftest import Scene

pytestmark = pytest.mark.browser


def assert_clean(page: Page) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = Axe().run(page)
        assert found.violations_count == 0, f"{page.url} in {scheme}:\n{found.generate_report()}"
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, page.url
    page.set_viewport_size({"width": 1280, "height": 800})


def test_sign_in(page: Page, scene: Scene, complaints: list[str]) -> None:
    page.goto(f"{scene.url}/accounts/sign-in/")
    assert_clean(page)


def test_a_labelers_pages(sign_in: Callable[[User], Page], scene: Scene) -> None:
    scene.ask_for_answers()
    scene.ask_for_comparisons()
    tokens = []
    for kind in ("write", "compare"):
        claim = queue.claim_next(labeler=scene.labeler, project=scene.project, kind=kind)
        assert claim.assignment is not None
        tokens.append(claim.assignment.token)
    page = sign_in(scene.labeler)
    assert_clean(page)
    for token in tokens:
        page.goto(f"{scene.url}/tasks/{token}/")
        expect(page.locator("#answer[data-ready]")).to_be_visible()
        assert_clean(page)
    # Ranked, with a contradiction, so that every colour of the page is looked at.
    for key in ["a", "Shift+Digit2", "b", "Shift+Digit5", "c", "Shift+Digit5", "d", "Shift+Digit7", "a", "1", "b", "2"]:
        page.keyboard.press(key)
    expect(page.locator("#contradictions li")).to_have_count(1)
    assert_clean(page)


def test_forms_and_tables(sign_in: Callable[[User], Page], scene: Scene) -> None:
    page = sign_in(scene.researcher)
    for path in ("accounts/people/", "accounts/preferences/", "projects/", "projects/tutor/settings/"):
        page.goto(f"{scene.url}/{path}")
        assert_clean(page)


def test_prompts(sign_in: Callable[[User], Page], scene: Scene) -> None:
    page = sign_in(scene.researcher)
    page.goto(f"{scene.url}/projects/tutor/prompts/")
    assert_clean(page)
    page.get_by_role("link", name="Import prompts").click()
    page.get_by_label("or lines, pasted").fill('{"prompt": "Good"}\n{"prompt": 7}\nnot JSON')
    page.get_by_role("button", name="Dry run").click()
    expect(page.get_by_role("heading", name="Dry run: nothing is stored")).to_be_visible()
    expect(page.get_by_role("region", name="Refused lines").locator("tbody tr")).to_have_count(2)
    assert scene.project.prompts.count() == 2
    assert_clean(page)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="Imported", exact=True)).to_be_visible()
    assert scene.project.prompts.count() == 3
