"""Who acts when a command is typed by hand: an admin, or the person that ``--as`` names."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.exceptions import VolantError
from accounts.models import Role, User
from labeling.models import Project


class ActingCommand(BaseCommand):
    """A command that calls one service for somebody. Refusals end it with their sentence; ``--json`` prints an object.

    Subclasses write `act`, which returns the figures, and `told`, which makes a sentence of them.
    """

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as", dest="actor", metavar="USERNAME", help="who does it; the first admin by default")
        parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            figures = self.act(self.actor(options["actor"]), options)
        except VolantError as error:
            sentences = [f"  {name}: {text}" for name, texts in error.fields.items() for text in texts]
            raise CommandError("\n".join([str(error), *sentences])) from error
        self.stdout.write(json.dumps(figures, ensure_ascii=False) if options["json"] else self.told(figures))

    def act(self, actor: User, options: dict[str, Any]) -> dict[str, Any]:
        """Call the service."""
        raise NotImplementedError

    def told(self, figures: dict[str, Any]) -> str:
        """Say what was done."""
        raise NotImplementedError

    def actor(self, username: str | None) -> User:
        """Return who acts."""
        people = User.objects.filter(is_active=True)
        if username:
            found = people.filter(username__iexact=username).first()
            hint = f"There is no active user “{username}”."
        else:
            found = people.filter(role=Role.ADMIN).order_by("pk").first()
            hint = "There is no admin yet: make one with `manage.py createsuperuser`, or name somebody with --as."
        if found is None:
            raise CommandError(hint)
        return found


def add_project_argument(parser: CommandParser) -> None:
    parser.add_argument("--project", metavar="SLUG", help="may be left out when there is only one")


def chosen_project(slug: str | None) -> Project:
    """Return the project of that address, or the only one."""
    projects = list(Project.objects.filter(slug=slug) if slug else Project.objects.all()[:2])
    if len(projects) == 1:
        return projects[0]
    known = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True)[:20]) or "none yet"
    if slug:
        raise CommandError(f"There is no project “{slug}”; there are: {known}.")
    raise CommandError(f"Choose one with --project; there are: {known}.")
