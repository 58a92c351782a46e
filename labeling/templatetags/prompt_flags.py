"""The flags of a prompt on a page: what can be said, and what the draft says already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import template

from labeling.prompt_flags import PromptFlag, flags_of

register = template.Library()


@dataclass(frozen=True)
class FlagsShown:
    """The rows of the component: each flag with whether it is set, and whether "none of these" was said."""

    rows: list[tuple[PromptFlag, bool]]
    none: bool

    @property
    def number(self) -> int:
        return sum(chosen for _flag, chosen in self.rows)


@register.simple_tag
def flags_shown(draft: Any) -> FlagsShown:
    """Return the flags as a draft (or an answer in the shape of one) has them."""
    given = draft.get("prompt_flags") if isinstance(draft, Mapping) else None
    chosen = given if isinstance(given, list) else []
    return FlagsShown([(flag, flag.key in chosen) for flag in flags_of()], none=given == [])
