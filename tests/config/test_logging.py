"""What stands in the log: the id of the request, and no link that still opens a door."""

from __future__ import annotations

import io
import logging

import pytest
from django.conf import settings
from django.test import Client
from django.utils.log import configure_logging

from accounts.services import invitations
from tests.factories import AdminFactory


@pytest.fixture
def log() -> io.StringIO:
    """What the console's handler writes, with the filters and the format of the settings."""
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
    (console,) = [h for h in logging.getLogger().handlers if type(h) is logging.StreamHandler]
    written = io.StringIO()
    console.setStream(written)
    return written


@pytest.mark.django_db
def test_an_invitation_that_is_still_good_is_in_no_log(log: io.StringIO) -> None:
    _invitation, token = invitations.invite(actor=AdminFactory(), role="labeler")
    refused = Client().post(f"/accounts/invitations/{token}/", {"username": "x", "password": "short"})
    assert refused.status_code == 422
    assert "/accounts/invitations/…/" in log.getvalue()
    assert token not in log.getvalue()
    assert f"[{refused.headers['X-Request-ID']}]" in log.getvalue()


def test_an_address_in_the_message_itself_is_hidden_too(log: io.StringIO) -> None:
    logging.getLogger("volant").warning("GET /accounts/invitations/abcdefghijklmnopqrstuvwxyz/ 200")
    assert "/accounts/invitations/…/ 200" in log.getvalue()
