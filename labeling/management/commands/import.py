"""`manage.py import FORMAT FILE`: bring prompts into a project."""  # noqa: N999

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError

from accounts.exceptions import VolantError
from labeling.importing.formats import AUTO, FORMATS
from labeling.models import Project, Source
from labeling.services.import_prompts import ImportReport, PromptDefaults, import_prompts

REFUSALS_PRINTED = 50


class Command(BaseCommand):
    help = "Import prompts from a JSON Lines file (- reads standard input). Bad lines are reported, the rest comes in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("format", choices=[AUTO, *FORMATS], metavar="FORMAT", help=", ".join([AUTO, *FORMATS]))
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--project", metavar="P", help="slug; may be left out when there is only one project")
        parser.add_argument("--dry-run", action="store_true", help="report only, store nothing")
        parser.add_argument("--json", action="store_true", help="print the report as one JSON object on the last line")
        parser.add_argument("--source", choices=Source.values, default=Source.LABELER)
        parser.add_argument("--key", default="", help="for records that name none (default: their id)")
        parser.add_argument("--category", default="")
        parser.add_argument("--language", default="", help="for all that do not say it (default: guessed)")
        parser.add_argument("--licence", default="")
        parser.add_argument("--with-demonstrations", action="store_true", help="take the file's answers as well")

    def handle(self, *args: Any, **options: Any) -> None:
        project = self._project(options["project"])
        names = ("source", "key", "category", "language", "licence", "with_demonstrations")
        with ExitStack() as stack:
            stream, filename = self._open(options["file"], stack)
            try:
                report = import_prompts(
                    actor=None,
                    project=project,
                    filename=filename,
                    stream=stream,
                    format=options["format"],
                    defaults=PromptDefaults(**{name: options[name] for name in names}),
                    dry_run=options["dry_run"],
                )
            except VolantError as error:
                raise CommandError(self._sentences(error)) from error
        self._tell(report, project)
        if options["json"]:
            self.stdout.write(json.dumps({"prompts": report.accepted, **report.as_dict()}, ensure_ascii=False))

    @staticmethod
    def _project(slug: str | None) -> Project:
        found = list(Project.objects.filter(**({"slug": slug} if slug else {}))[:2])
        if len(found) == 1:
            return found[0]
        known = ", ".join(Project.objects.values_list("slug", flat=True)[:20]) or "none yet"
        raise CommandError(f"Name a project with --project; there are: {known}")

    @staticmethod
    def _open(name: str, stack: ExitStack) -> tuple[IO[bytes], str]:
        if name == "-":
            return sys.stdin.buffer, "standard input"
        try:
            return stack.enter_context(Path(name).open("rb")), Path(name).name
        except OSError as error:
            raise CommandError(f"{name}: {error.strerror}") from error

    @staticmethod
    def _sentences(error: VolantError) -> str:
        named = [f"{field}: {' '.join(map(str, sentences))}" for field, sentences in error.fields.items()]
        return " ".join([str(error), *named])

    def _tell(self, report: ImportReport, project: Project) -> None:
        for refusal in report.refused[:REFUSALS_PRINTED]:
            self.stderr.write(f"line {refusal.line}: {refusal.reason}")
        if report.refused_count > REFUSALS_PRINTED:
            self.stderr.write(f"… and {report.refused_count - REFUSALS_PRINTED} more")
        verb = "would come" if report.dry_run else "came"
        self.stdout.write(
            f"{report.accepted} prompts and {report.demonstrations} demonstrations {verb} into {project.slug} "
            f"({report.format or 'no known format'}); {report.repeated} repeated, {report.refused_count} refused"
        )
