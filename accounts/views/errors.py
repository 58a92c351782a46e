"""The answers to what no view caught; config.urls names them as its handlers. Programs get JSON, people a page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.utils.translation import gettext as _
from django.views.defaults import page_not_found

API = "/api/"


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that leads nowhere."""
    if request.path.startswith(API):
        return _json(request, "not_found", _("There is nothing here, or it is not yours to see."), status=404)
    return page_not_found(request, exception)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that cannot be read: too large, for another host, garbled. Why is not repeated."""
    if request.path.startswith(API):
        return _json(request, "bad_request", _("This request cannot be read."), status=400)
    page = loader.render_to_string("400.html", {"request_id": _reference(request)})
    return HttpResponse(page, status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer with an id to search the log for. Asks neither the database nor the session: they may be what broke."""
    if request.path.startswith(API):
        sentence = _("Something went wrong on our side. Tell an admin this id: %(id)s") % {"id": _reference(request)}
        return _json(request, "internal", sentence, status=500)
    page = loader.render_to_string("500.html", {"request_id": _reference(request)})
    return HttpResponse(page, status=500)


def _reference(request: HttpRequest) -> str:
    return str(getattr(request, "request_id", "-"))


def _json(request: HttpRequest, code: str, message: str, *, status: int) -> JsonResponse:
    """Return the one shape of the API's errors (accounts.api.errors)."""
    return JsonResponse({"error": {"code": code, "message": message, "id": _reference(request)}}, status=status)
