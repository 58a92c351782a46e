"""The header's project switcher and the links beside it."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse

from labeling.models import Project

register = template.Library()

SESSION_KEY = "project"


@register.simple_tag(takes_context=True)
def current_project(context: template.Context) -> Project | None:
    """Return the page's project, else the one last looked at, else the first that the reader may see.

    The choice is remembered in the session, so that pages without a project (Work, People) keep the reader's place.
    """
    request = context.get("request")
    if request is None or not request.user.is_authenticated:
        return None
    shown = context.get("project")
    if isinstance(shown, Project):
        if request.session.get(SESSION_KEY) != shown.slug:
            request.session[SESSION_KEY] = shown.slug
        return shown
    visible = Project.objects.visible_to(request.user)
    remembered = visible.filter(slug=request.session.get(SESSION_KEY, "")).first()
    return remembered or visible.first()


@register.simple_tag(takes_context=True)
def my_projects(context: template.Context) -> list[Project]:
    request = context.get("request")
    if request is None or not request.user.is_authenticated:
        return []
    return list(Project.objects.visible_to(request.user).only("slug", "name")[:50])


@register.simple_tag(takes_context=True)
def nav_link(context: template.Context, name: str, project: Project | None = None) -> dict[str, Any] | None:
    """Return {"href", "here"} for a page of `project` (or of no project), None when there is no such page."""
    for args in ([project.slug], []) if project else ([],):
        try:
            href = reverse(name, args=args)
        except NoReverseMatch:
            continue
        return {"href": href, "here": _is_here(context, name, href)}
    return None


_LISTED_ON = {
    "training:run": "training:runs",
    "training:dataset": "training:datasets",
}
"""Pages of one thing, whose address does not begin with that of the list that leads to them."""


def _is_here(context: template.Context, name: str, href: str) -> bool:
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    if request is None or match is None:
        return False
    return _LISTED_ON.get(match.view_name, match.view_name) == name or (href != "/" and request.path.startswith(href))
