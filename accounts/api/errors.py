"""One shape for every error of the API: ``{"error": {"code", "message", "fields"?, "details"?, "id"}}``."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler as framework_handler
from rest_framework.views import set_rollback

from accounts.exceptions import InvalidInput, VolantError

logger = logging.getLogger("volant.api")


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """Turn whatever a view raised into the one shape. What nobody foresaw is logged with the id that is sent."""
    reference = _reference(context.get("request"))
    if isinstance(error, DjangoValidationError):
        error = InvalidInput(fields=getattr(error, "message_dict", {"non_field_errors": error.messages}))
    if isinstance(error, VolantError):
        set_rollback()
        return Response(volant_body(error, reference), status=error.status)
    if isinstance(error, RequestDataTooBig):
        sentence = _("This request is too large. Send the text as a file upload.")
        return Response(_body("too_large", sentence, reference), status=status.HTTP_413_REQUEST_ENTITY_TOO_LARGE)
    known = framework_handler(error, dict(context))
    if known is None:
        set_rollback()
        logger.error("API error %s", reference, exc_info=error)
        sentence = _("Something went wrong on our side. Tell an admin this id: %(id)s") % {"id": reference}
        return Response(_body("internal", sentence, reference), status=status.HTTP_500_INTERNAL_SERVER_ERROR)
    known.data = _framework_body(error, reference)
    return known


def volant_body(error: VolantError, reference: str) -> dict[str, Any]:
    fields = {name: [str(sentence) for sentence in sentences] for name, sentences in error.fields.items()}
    return _body(error.code, str(error.message), reference, fields=fields, details=error.details)


def _framework_body(error: Exception, reference: str) -> dict[str, Any]:
    if isinstance(error, Http404 | exceptions.NotFound):
        return _body("not_found", _("There is nothing here, or it is not yours to see."), reference)
    if isinstance(error, PermissionDenied | exceptions.PermissionDenied):
        return _body("not_allowed", _("You may not do this. Ask an admin if you should."), reference)
    assert isinstance(error, exceptions.APIException)
    if isinstance(error, exceptions.ValidationError):
        sentence = _("Some of it cannot be used. Mend what is marked and try again.")
        return _body("invalid", sentence, reference, fields=flatten(error.detail))
    return _body(error.default_code, str(error.detail), reference)


def flatten(detail: Any, path: str = "") -> dict[str, list[str]]:
    """Return DRF's nested errors as ``{"prompt.0.role": [sentences]}``."""
    if isinstance(detail, Mapping):
        pairs: list[tuple[str, Any]] = [(str(key), inner) for key, inner in detail.items()]
    elif isinstance(detail, Sequence) and not isinstance(detail, str):
        if all(isinstance(inner, str) for inner in detail):
            return {path or "non_field_errors": [str(inner) for inner in detail]}
        pairs = [(str(index), inner) for index, inner in enumerate(detail) if inner]
    else:
        return {path or "non_field_errors": [str(detail)]}
    found: dict[str, list[str]] = {}
    for key, inner in pairs:
        found |= flatten(inner, f"{path}.{key}" if path else key)
    return found


def _body(
    code: str,
    message: str,
    reference: str,
    *,
    fields: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message, "id": reference}
    if fields:
        error["fields"] = dict(fields)
    if details:
        error["details"] = dict(details)
    return {"error": error}


def _reference(request: Request | None) -> str:
    """The request's own id, so that the log, the header and the body agree; a random one outside the middleware."""
    return getattr(request, "request_id", None) or secrets.token_hex(8)
