"""What browser tests of pages share: signing in without the form, and what axe has to say."""

from __future__ import annotations

from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page

from accounts.models import User
from tests.conftest import AsgiServer


def signed_in(browser: Browser, server: AsgiServer, user: User, **options: object) -> Page:
    """Open a new window in which `user` is signed in; `options` are the browser context's."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    settings = {"locale": "en-US", "viewport": {"width": 1280, "height": 850}, "base_url": server.url, **options}
    context: BrowserContext = browser.new_context(**settings)  # type: ignore[arg-type]
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server.url}])
    page = context.new_page()
    page.set_default_timeout(20_000)
    return page


def watch_for_errors(page: Page) -> list[str]:
    """Return a list that fills with script errors and refused resources (the CSP reports there) of `page`."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    return found
