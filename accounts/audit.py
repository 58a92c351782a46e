"""Which nouns of accounts keep a log of who changed what, without secrets."""

from __future__ import annotations

from auditlog.registry import auditlog

from accounts.models import Invitation, User


def register() -> None:
    if not auditlog.contains(User):
        auditlog.register(User, exclude_fields=["password", "last_login"])
    if not auditlog.contains(Invitation):
        auditlog.register(Invitation, exclude_fields=["token_sha256"])
