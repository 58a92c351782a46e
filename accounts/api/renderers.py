"""Writing the bodies of answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import JSONRenderer


class _EscapedJSONRenderer(JSONRenderer):
    ensure_ascii = True


class WholeJSONRenderer(JSONRenderer):
    """JSON in UTF-8; a body that repeats half of a surrogate pair, which UTF-8 cannot hold, is escaped instead."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return super().render(data, accepted_media_type, renderer_context)
        except UnicodeEncodeError:
            return _EscapedJSONRenderer().render(data, accepted_media_type, renderer_context)
