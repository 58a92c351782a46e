"""The Chinese pages: the compiled catalogue is the written one, and no placeholder is lost in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.test import Client
from django.utils import translation

from config.translations import texts_of_interface

LOCALE = Path(__file__).parents[1] / "locale" / "zh_Hans" / "LC_MESSAGES"
PLACEHOLDER = re.compile(r"%\(\w+\)0?\d*[a-z]|\{\w+\}|%%")


def texts(value: str | tuple[str, ...] | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    with (LOCALE / "django.po").open("rb") as file:
        return [message for message in read_po(file, locale="zh_Hans") if message.id]


def untranslated(messages: list[Message]) -> Iterator[str]:
    for message in messages:
        if message.fuzzy or not all(texts(message.string)):
            yield texts(message.id)[0]


def test_every_message_is_translated(messages: list[Message]) -> None:
    assert list(untranslated(messages)) == []


def test_placeholders_are_kept(messages: list[Message]) -> None:
    for message in messages:
        wanted = sorted(PLACEHOLDER.findall(texts(message.id)[-1]))
        for text in texts(message.string):
            assert sorted(PLACEHOLDER.findall(text)) == wanted, message.id


def test_the_compiled_catalogue_is_up_to_date(messages: list[Message]) -> None:
    with (LOCALE / "django.mo").open("rb") as file:
        compiled = {texts(message.id)[0]: texts(message.string)[0] for message in read_mo(file) if message.id}
    assert compiled == {texts(message.id)[0]: texts(message.string)[0] for message in messages}


@pytest.mark.django_db
def test_a_page_is_in_chinese(client: Client) -> None:
    with translation.override(None):  # the page's language must not stay for the tests that come after
        page = client.get("/accounts/sign-in/", headers={"accept-language": "zh-CN,zh;q=0.9"}).content.decode()
    assert 'lang="zh-hans"' in page and "登录" in page and "Sign in" not in page


def test_every_text_of_the_interface_is_in_the_catalogue(messages: list[Message]) -> None:
    """What the code and the templates say now; `make translations` brings the catalogue up to date."""
    known = {(texts(message.id)[0], message.context) for message in messages}
    said = {(text if isinstance(text, str) else text[0], context) for text, context, _where in texts_of_interface()}
    assert said - known == set(), "say it in the catalogue: make translations"
    assert known - said == set(), "nobody says this any more: make translations"
    assert len(said) > 1000
