"""One id a request: on the error page, in the response header and in every log line that the request caused."""

import contextvars
import datetime
import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")
_current: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="-")


def current_request_id() -> str:
    """The id of the request that is being answered, or "-" outside one."""
    return _current.get()


class RequestIdMiddleware:
    """Takes a well-formed id from a proxy or makes one; `request.request_id` has it."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        if self.is_async:
            return self.answer_async(request)
        token = self.begin(request)
        try:
            return self.finish(request, self.get_response(request))  # type: ignore[arg-type]
        finally:
            _current.reset(token)

    async def answer_async(self, request: HttpRequest) -> HttpResponse:
        token = self.begin(request)
        try:
            return self.finish(request, await self.get_response(request))  # type: ignore[misc]
        finally:
            _current.reset(token)

    @staticmethod
    def begin(request: HttpRequest) -> contextvars.Token[str]:
        given = request.headers.get(HEADER, "")
        request_id = given if _ACCEPTED.fullmatch(given) else secrets.token_hex(8)
        request.request_id = request_id  # type: ignore[attr-defined]
        return _current.set(request_id)

    @staticmethod
    def finish(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response.headers[HEADER] = request.request_id  # type: ignore[attr-defined]
        return response


class RequestIdFilter(logging.Filter):
    """Puts the id on every record, also on those of libraries."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Django logs a refused request when its middleware has ended, and hands the request over.
        record.request_id = getattr(getattr(record, "request", None), "request_id", None) or _current.get()
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines (LOG_JSON=true)."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)
