"""New people join projects, although accounts knows no project: the app that has the projects registers how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from accounts.models import User


@dataclass(frozen=True)
class Projects:
    """What accounts asks of the app that has the projects."""

    refuse_unknown: Callable[[Sequence[str]], None]
    """Raise InvalidInput when a slug names no project."""
    join: Callable[[User, Sequence[str]], None]
    """Make the user a member of the named projects; one that is gone by now is passed over."""


_registered: list[Projects] = []


def register(projects: Projects) -> None:
    """Called once by an AppConfig; a second registration replaces the first."""
    _registered[:] = [projects]


def refuse_unknown(slugs: Sequence[str]) -> None:
    for projects in _registered:
        projects.refuse_unknown(slugs)


def join(user: User, slugs: Sequence[str]) -> None:
    for projects in _registered:
        projects.join(user, slugs)
