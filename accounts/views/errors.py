"""The page for what broke on our side; config.urls names it as handler500."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template import loader


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer with an id to search the log for. Asks neither the database nor the session: they may be what broke."""
    page = loader.render_to_string("500.html", {"request_id": getattr(request, "request_id", "-")})
    return HttpResponse(page, status=500)
