"""Keys in a real browser: what a keydown means, and changing it by pressing keys."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from accounts.services.keys import set_keys
from labeling.services import queue
from tests.browser.conftest import Scene
from tests.browser.test_a11y import assert_clean

pytestmark = pytest.mark.browser

MEANING = """async (presses) => {
    const { actionOf } = await import("/static/js/keys.js");
    const target = document.querySelector("h1");
    return presses.map(([init, where]) => {
        let found;
        const listen = (event) => { found = actionOf(event); };
        document.addEventListener("keydown", listen, { once: true });
        (where ? document.querySelector(where) : target).dispatchEvent(
            new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init }));
        return found;
    });
}"""


def meanings(page: Page, *presses: tuple[dict[str, object], str]) -> list[str | None]:
    return page.evaluate(MEANING, [list(press) for press in presses])


def open_write(page: Page, scene: Scene) -> None:
    scene.ask_for_answers()
    claim = queue.claim_next(labeler=scene.labeler, project=scene.project, kind="write")
    assert claim.assignment is not None
    page.goto(f"{scene.url}/tasks/{claim.assignment.token}/")
    expect(page.locator("#answer[data-ready]")).to_be_visible()


def test_what_a_keydown_means(sign_in: Callable[[User], Page], scene: Scene) -> None:
    set_keys(user=scene.labeler, keys={"next": "n"})
    page = sign_in(scene.labeler)
    open_write(page, scene)
    found = meanings(
        page,
        ({"key": "n", "code": "KeyN"}, ""),
        ({"key": "]", "code": "BracketRight"}, ""),
        ({"key": "b", "code": "KeyB"}, ""),
        ({"key": "B", "code": "KeyB", "shiftKey": True}, ""),
        ({"key": "2", "code": "Digit2"}, ""),
        ({"key": "é", "code": "Digit2"}, ""),
        ({"key": "@", "code": "Digit2", "shiftKey": True}, ""),
        ({"key": "z", "code": "KeyZ", "ctrlKey": True}, ""),
        ({"key": "z", "code": "KeyZ", "ctrlKey": True}, "#text"),
        ({"key": "b", "code": "KeyB"}, "#text"),
        ({"key": "b", "code": "KeyB", "ctrlKey": True}, ""),
        ({"key": "b", "code": "KeyB", "isComposing": True}, ""),
        ({"key": "?", "code": "Slash", "shiftKey": True}, ""),
        ({"key": "[", "code": "Digit8", "ctrlKey": True, "altKey": True, "modifierAltGraph": True}, ""),
        ({"key": "=", "code": "Digit0", "shiftKey": True}, ""),
        ({"key": ")", "code": "Digit0", "shiftKey": True}, ""),
    )
    assert found == [
        "next", None, "cardB", None, "rank2", "rank2", "quality2", "undo", None, None, None, None, "help",
        "previous", "tie", "quality0",
    ]  # fmt: skip


def test_turned_off_and_swapped(sign_in: Callable[[User], Page], scene: Scene) -> None:
    set_keys(user=scene.labeler, swap_digits=True)
    page = sign_in(scene.labeler)
    open_write(page, scene)
    assert meanings(page, ({"key": "2", "code": "Digit2"}, "")) == ["quality2"]
    set_keys(user=scene.labeler, off=True)
    page.reload()
    expect(page.locator("#answer[data-ready]")).to_be_visible()
    assert meanings(page, ({"key": "2", "code": "Digit2"}, ""), ({"key": "b", "code": "KeyB"}, "")) == [None, None]


def test_changing_keys_by_pressing_them(sign_in: Callable[[User], Page], scene: Scene, complaints: list[str]) -> None:
    page = sign_in(scene.labeler)
    page.goto(f"{scene.url}/accounts/keys/")
    assert_clean(page)
    field = page.get_by_label("undo", exact=True)
    field.press("u")
    expect(field).to_have_value("u")
    page.get_by_label("next answer").press("a")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("a leads to an answer or ranks it")).to_be_visible()
    expect(page.get_by_label("undo", exact=True)).to_have_value("u")
    assert_clean(page)
    assert len(complaints) == 1 and "422" in complaints.pop()
    page.get_by_label("next answer").press("PageDown")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    scene.labeler.refresh_from_db()
    assert scene.labeler.keymap == {"keys": {"undo": "u", "next": "PageDown"}}
