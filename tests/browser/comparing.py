"""What tests of the Compare page share: a page with any outputs, form and settings, and keys pressed in a row."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, Page, expect

from labeling.judgement_forms import Fields, as_json
from labeling.models import Assignment, JudgementForm
from tests.browser.pages import signed_in
from tests.conftest import AsgiServer
from tests.factories import (
    AssignmentFactory,
    CompareTaskFactory,
    ProjectFactory,
    PromptFactory,
    RoundFactory,
    UserFactory,
)

LATIN = ["The first answer.", "The second one.", "A third answer.", "And the fourth."]


def lease(
    texts: list[str] | None = None, *, form: Fields | None = None, prompt: dict[str, Any] | None = None, **settings: Any
) -> Assignment:
    """Return a compare task that its labeler has open; `settings` are the project's, `prompt` the prompt's columns."""
    project = ProjectFactory(**settings)
    if form is not None:
        JudgementForm.objects.create(project=project, version=1, name="asked", fields=as_json(form))
    asked = PromptFactory(project=project, **(prompt or {}))
    task = CompareTaskFactory(round=RoundFactory(project=project), prompt=asked, outputs=texts or LATIN)
    made: Assignment = AssignmentFactory(task=task, labeler=UserFactory(member_of=project))
    return made


def opened(browser: Browser, server: AsgiServer, held: Assignment, **options: object) -> Page:
    """Open a task in a new window of its labeler."""
    page = signed_in(browser, server, held.labeler, **options)
    page.goto(f"/tasks/{held.token}/")
    if options.get("java_script_enabled", True):
        expect(page.locator("#answer[data-ready]")).to_be_visible()
    return page


def press(page: Page, keys: str) -> None:
    for key in keys.split():
        page.keyboard.press(key)


def card(page: Page, letter: str) -> Any:
    return page.locator(f"#output-{letter}")
