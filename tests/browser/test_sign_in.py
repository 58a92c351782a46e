"""Getting in: by password, by invitation, and what is said to those who do not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Role, User
from accounts.services import invitations
from tests.browser.conftest import Scene
from tests.factories import AdminFactory

pytestmark = pytest.mark.browser


def test_a_wrong_password_says_what_to_try(page: Page, scene: Scene) -> None:
    page.goto(f"{scene.url}/my-work/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Check capital letters")
    page.get_by_label("Password").fill("a long enough passphrase")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="My work", exact=True)).to_be_visible()


def test_an_invitation_works_once(page: Page, scene: Scene, complaints: list[str]) -> None:
    _invitation, token = invitations.invite(actor=AdminFactory(), role=Role.LABELER, project_slugs=["tutor"])
    link = f"{scene.url}/accounts/invitations/{token}/"
    page.goto(link)
    page.get_by_label("User name").fill("grace")
    page.get_by_label("Password", exact=True).fill("short")
    page.get_by_label("Password, once more").fill("short")
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_text("too short")).to_be_visible()
    page.get_by_label("Password", exact=True).fill("compilers are kind")
    page.get_by_label("Password, once more").fill("compilers are kind")
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("heading", name="Tutor")).to_be_visible()
    page.goto(link)
    expect(page.get_by_role("heading", name="This invitation cannot be used")).to_be_visible()
    # The refused password (422) and the used link (404) are the only complaints.
    assert [text for text in complaints if "422" not in text and "404" not in text] == []
    complaints.clear()


def test_a_researcher_invites_and_withdraws(sign_in: Callable[[User], Page], scene: Scene) -> None:
    page = sign_in(scene.researcher)
    page.get_by_role("link", name="People").click()
    page.get_by_label("E-mail").fill("new@example.org")
    page.get_by_label("Tutor").check()
    page.get_by_role("button", name="Make the link").click()
    link = page.get_by_label("Invitation link")
    assert link.input_value().startswith(f"{scene.url}/accounts/invitations/")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("its link no longer works")).to_be_visible()


def test_language_and_theme(sign_in: Callable[[User], Page], scene: Scene) -> None:
    page = sign_in(scene.labeler)
    page.get_by_label("Account of").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
