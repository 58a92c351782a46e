"""What a service refuses, in a form that pages and the API can both show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


class VolantError(Exception):
    """A refusal that a person can act on.

    `message` says what to do; `code` is for programs; `status` is the HTTP status it becomes; `fields` names the inputs
    that are wrong, each with its sentences; `details` is what a program needs to go on (never a secret).
    """

    code: str = "refused"
    status: int = 400
    message: _StrOrPromise = _("This is not possible.")

    def __init__(
        self,
        message: _StrOrPromise | None = None,
        *,
        code: str | None = None,
        status: int | None = None,
        fields: Mapping[str, Sequence[_StrOrPromise]] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        self.message = self.message if message is None else message
        self.code = code or self.code
        self.status = status or self.status
        self.fields = {name: list(sentences) for name, sentences in (fields or {}).items()}
        self.details = dict(details or {})
        super().__init__(self.message)

    def __str__(self) -> str:
        return str(self.message)


class NotAllowed(VolantError):
    code = "not_allowed"
    status = 403
    message = _("You may not do this. Ask an admin if you should.")


class NotFound(VolantError):
    code = "not_found"
    status = 404
    message = _("There is nothing here, or it is not yours to see.")


class InvalidInput(VolantError):
    """One or more inputs are wrong; `fields` says which and why."""

    code = "invalid"
    message = _("Some of it cannot be used. Mend what is marked and try again.")


class InvitationUnusable(VolantError):
    code = "invitation_unusable"
    status = 404
    message = _("This invitation was used, withdrawn or has expired. Ask for a new one.")


class SignInRefused(VolantError):
    code = "sign_in_refused"
    status = 401
    message = _("The user name or the password is wrong.")


class TooManyAttempts(VolantError):
    code = "too_many_attempts"
    status = 429
    message = _("Too many wrong passwords. Try again in a quarter of an hour, or ask an admin.")
