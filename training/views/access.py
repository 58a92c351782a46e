"""Who may open the researchers' pages, and how their lists are cut into pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest, QueryDict
from django.shortcuts import get_object_or_404

from accounts.access import require
from accounts.permissions import can_research
from labeling.models import Project

PAGE_SIZE = 50
LONGEST_NUMBER = 18
"""Digits that PostgreSQL's bigint surely holds."""

Row = TypeVar("Row", bound=Model)

researchers_only = require(can_research)


def project_for(request: HttpRequest, slug: str) -> Project:
    """Return the project of an address, or 404."""
    return get_object_or_404(Project.objects.visible_to(request.user), slug=slug)


def whole_number(text: str | None) -> int | None:
    """Return the number that an address holds, None for anything that no row can have."""
    return int(text) if text and text.isdecimal() and len(text) <= LONGEST_NUMBER else None


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a list, newest first, with the query strings of its neighbours (empty: there is none)."""

    items: list[Row]
    newer: str
    older: str


def newest_first(rows: QuerySet[Row], query: QueryDict, *, size: int = PAGE_SIZE) -> Page[Row]:
    """Return a page by keyset on the primary key: ``?before=`` and ``?after=`` hold an id, other filters are kept."""
    before, after = whole_number(query.get("before")), whole_number(query.get("after"))
    if after is not None:
        found = list(rows.filter(pk__gt=after).order_by("pk")[: size + 1])
        items = found[:size][::-1]
        more_newer, more_older = len(found) > size, True
    else:
        chosen = rows.filter(pk__lt=before) if before is not None else rows
        found = list(chosen.order_by("-pk")[: size + 1])
        items = found[:size]
        more_newer, more_older = before is not None, len(found) > size
    return Page(
        items,
        newer=_link(query, "after", items[0].pk) if items and more_newer else "",
        older=_link(query, "before", items[-1].pk) if items and more_older else "",
    )


def _link(query: QueryDict, name: str, pk: int) -> str:
    kept = query.copy()
    for position in ("before", "after"):
        kept.pop(position, None)
    kept[name] = str(pk)
    return f"?{kept.urlencode()}"
