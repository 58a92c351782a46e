"""What people use an assistant for: the ten categories of InstructGPT's Table 1.

Imports may bring categories of their own; these are what a labeler is offered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

CATEGORIES: Mapping[str, Any] = {
    "generation": _("generation"),
    "open_qa": _("open QA"),
    "brainstorming": _("brainstorming"),
    "chat": _("chat"),
    "rewrite": _("rewrite"),
    "summarization": _("summarization"),
    "classification": _("classification"),
    "closed_qa": _("closed QA"),
    "extract": _("extract"),
    "other": _("other"),
}
