"""Keys: what may be changed into what, on the page and through the API."""

from __future__ import annotations

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.exceptions import InvalidInput
from accounts.keymap import ACTIONS, DEFAULTS, NAMED_KEYS, for_page, is_key, is_taken, keys_of, what_differs
from accounts.services.keys import reset_keys, set_keys
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_the_defaults_are_a_keymap_themselves() -> None:
    assert set(DEFAULTS) == set(ACTIONS)
    assert len({key.casefold() for key in DEFAULTS.values()}) == len(DEFAULTS)
    assert all(is_key(key) and not is_taken(key) for key in DEFAULTS.values())


def test_only_what_differs_is_kept() -> None:
    user = UserFactory()
    set_keys(user=user, keys={"next": "n", "tie": "="})
    user.refresh_from_db()
    assert user.keymap == {"keys": {"next": "n"}}
    assert keys_of(user.keymap) == {**DEFAULTS, "next": "n"}
    set_keys(user=user, off=True, swap_digits=True)
    assert for_page(user.keymap) == {"keys": {**DEFAULTS, "next": "n"}, "off": True, "swap_digits": True}
    set_keys(user=user, keys={"next": ""}, off=False)
    assert user.keymap == {"swap_digits": True}
    reset_keys(user=user)
    assert user.keymap == {}


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"next": "b"}, "next"),
        ({"next": "L"}, "next"),
        ({"next": "7"}, "next"),
        ({"next": "٧"}, "next"),
        ({"next": "nn"}, "next"),
        ({"next": "Escape"}, "next"),
        ({"next": "\x07"}, "next"),
        ({"next": "["}, "next"),
        ({"next": "N", "previous": "n"}, "previous"),
        ({"dance": "x"}, "dance"),
    ],
)
def test_a_key_that_cannot_be_is_refused_beside_its_action(keys: dict[str, str], named: str) -> None:
    user = UserFactory()
    with pytest.raises(InvalidInput) as refused:
        set_keys(user=user, keys=keys)
    assert named in refused.value.fields
    user.refresh_from_db()
    assert user.keymap == {}


def test_two_actions_may_swap_their_keys() -> None:
    user = set_keys(user=UserFactory(), keys={"next": "[", "previous": "]"})
    assert keys_of(user.keymap)["next"] == "["


@given(
    st.dictionaries(
        st.sampled_from(sorted(ACTIONS)), st.sampled_from(["m", "n", "o", "!", ";", "é", "中", *NAMED_KEYS])
    ),
    st.booleans(),
    st.booleans(),
)
def test_what_is_kept_gives_the_same_keys_back(keys: dict[str, str], off: bool, swap: bool) -> None:
    whole = {**DEFAULTS, **keys}
    assert for_page(what_differs(whole, off=off, swap_digits=swap)) == {"keys": whole, "off": off, "swap_digits": swap}


def test_the_page_saves_refuses_and_resets(client: Client) -> None:
    user = UserFactory()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    typed = {f"key_{name}": key for name, key in DEFAULTS.items()}
    refused = client.post("/accounts/keys/", {**typed, "key_next": "a"})
    assert refused.status_code == 422
    assert "a leads to an answer or ranks it" in refused.content.decode()
    saved = client.post("/accounts/keys/", {**typed, "key_next": "n", "swap_digits": "on", "next": "/my-work/"})
    assert saved.headers["Location"] == "/my-work/"
    user.refresh_from_db()
    assert user.keymap == {"keys": {"next": "n"}, "swap_digits": True}
    assert client.post("/accounts/keys/switch/", {"off": "on"}).json()["off"] is True
    elsewhere = client.post("/accounts/keys/", {"reset": "1", "next": "https://evil.example/"})
    assert elsewhere.headers["Location"] == "/accounts/keys/"
    user.refresh_from_db()
    assert user.keymap == {}


def test_keys_through_the_api(client: Client) -> None:
    client.force_login(UserFactory(), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/api/v1/me/keys/").json() == {"keys": DEFAULTS, "off": False, "swap_digits": False}
    changed = client.patch("/api/v1/me/keys/", {"keys": {"undo": "u"}}, content_type="application/json")
    assert changed.json()["keys"]["undo"] == "u"
    refused = client.patch("/api/v1/me/keys/", {"keys": {"undo": "]"}}, content_type="application/json")
    assert refused.status_code == 400
    assert "undo" in refused.json()["error"]["fields"]
    assert client.delete("/api/v1/me/keys/").status_code == 204
    assert client.get("/api/v1/me/keys/").json()["keys"] == DEFAULTS
