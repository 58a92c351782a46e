"""Importing prompts: line by line, all that is good, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import can_research
from labeling.conversations import ConversationError, fingerprint, is_storable, storable
from labeling.exceptions import ImportRefused, NotAllowed
from labeling.importing.formats import AUTO, FORMATS, detect
from labeling.importing.languages import guess_language
from labeling.importing.lines import LineReader
from labeling.importing.parsed import Format, LineRefused, ParsedPrompt, PromptDefaults
from labeling.models import Demonstration, Project, Prompt, PromptImport, Source
from labeling.services.figures import count_prompts
from labeling.services.texts import MAX_ANSWER
from labeling.splits import split_of

BATCH = 500
MOST_REFUSALS_KEPT = 10_000
LONGEST_REASON = 300

__all__ = ["ImportReport", "PromptDefaults", "Refusal", "import_prompts"]


@dataclass(frozen=True)
class Refusal:
    line: int
    reason: str


@dataclass
class ImportReport:
    """What came of a file. A dry run reports the same and stores nothing (`batch` is None)."""

    format: str = ""
    accepted: int = 0
    demonstrations: int = 0
    repeated: int = 0
    """Prompts that stood in the file or in the project before."""
    refused: list[Refusal] = field(default_factory=list)
    """The first 10 000 refusals; `refused_count` counts all."""
    refused_count: int = 0
    dry_run: bool = False
    batch: PromptImport | None = None

    def refuse(self, line: int, reason: str) -> None:
        self.refused_count += 1
        if len(self.refused) < MOST_REFUSALS_KEPT:
            # A reason may quote the file, which may hold a megabyte in one word, and PostgreSQL keeps the report too.
            self.refused.append(Refusal(line, storable(reason[:LONGEST_REASON])))

    def as_dict(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "accepted": self.accepted,
            "demonstrations": self.demonstrations,
            "repeated": self.repeated,
            "refused": [{"line": refusal.line, "reason": refusal.reason} for refusal in self.refused],
            "refused_count": self.refused_count,
            "dry_run": self.dry_run,
        }


@transaction.atomic
def import_prompts(
    *,
    actor: User | None,
    project: Project,
    filename: str,
    stream: IO[bytes] | IO[str] | None = None,
    lines: Iterable[bytes | str] | None = None,
    format: str = AUTO,
    defaults: PromptDefaults | None = None,
    dry_run: bool = False,
) -> ImportReport:
    """Import a JSON Lines file into a project; `actor` None is the operator at the command line.

    A bad line is reported and the rest imported; a crash imports nothing. Raises NotAllowed, or ImportRefused when the
    format or a default is unknown, or the file is no UTF-8 text at all.
    """
    if actor is not None and not can_research(actor):
        raise NotAllowed
    defaults = defaults or PromptDefaults()
    _check(format, defaults)
    # Two imports into one project follow each other: each sees what the other stored.
    project = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    source = stream if stream is not None else (lines if lines is not None else ())
    run = _Import(actor, project, LineReader(source), FORMATS.get(format), defaults, dry_run)
    return run.execute(filename)


def _check(format: str, defaults: PromptDefaults) -> None:
    problems = {}
    if format != AUTO and format not in FORMATS:
        problems["format"] = [_("Unknown format. Use auto or one of: %(names)s.") % {"names": ", ".join(FORMATS)}]
    if defaults.source not in Source.values:
        problems["source"] = [_("Use labeler or customer.")]
    lengths = {"key": 200, "category": 80, "language": 16, "licence": 80, "external_labeler": 120}
    for name, longest in lengths.items():
        value = getattr(defaults, name)
        if len(value) > longest:
            problems[name] = [_("At most %(n)d characters.") % {"n": longest}]
        elif not is_storable(value):
            problems[name] = [_("This has a NUL byte or broken Unicode.")]
    if problems:
        raise ImportRefused(fields=problems)


@dataclass
class _Import:
    actor: User | None
    project: Project
    reader: LineReader
    format: Format | None
    defaults: PromptDefaults
    dry_run: bool
    seen: set[bytes] = field(default_factory=set)
    report: ImportReport = field(default_factory=ImportReport)

    def execute(self, filename: str) -> ImportReport:
        self.report.dry_run = self.dry_run
        if not self.dry_run:
            self.report.batch = PromptImport.objects.create(
                project=self.project, format="", filename=storable(filename)[:255], sha256="", created_by=self.actor
            )
        pending: list[tuple[Prompt, str]] = []
        for parsed in self._parsed():
            pending.append((self._prompt(parsed), parsed.answer))
            if len(pending) >= BATCH:
                self._store(pending)
                pending = []
        self._store(pending)
        self.report.format = self.format.name if self.format else ""
        batch = self.report.batch
        if batch is not None:
            batch.format, batch.sha256 = self.report.format, self.reader.digest.hexdigest()
            batch.accepted, batch.repeated = self.report.accepted, self.report.repeated
            batch.refused = self.report.as_dict()["refused"]
            batch.save()
            count_prompts(self.project)
        return self.report

    def _parsed(self) -> Iterator[ParsedPrompt]:
        """Yield the prompts of the good lines; the first line whose keys say it decides the format of the file."""
        for line in self.reader:
            try:
                record = line.record()
                if self.format is None:
                    self.format = detect(record)
                found = self.format.parse(record)
                if any(len(parsed.answer) > MAX_ANSWER for parsed in found) and self.defaults.with_demonstrations:
                    raise LineRefused(_("the answer is longer than %(n)d characters") % {"n": MAX_ANSWER})
            except (LineRefused, ConversationError) as error:
                self.report.refuse(line.number, str(error))
                continue
            yield from found

    def _prompt(self, parsed: ParsedPrompt) -> Prompt:
        sha256 = fingerprint(parsed.messages, parsed.follow_ups, parsed.reference)
        key = parsed.key or self.defaults.key or parsed.external_id or sha256
        return Prompt(
            project=self.project,
            messages=parsed.messages,
            follow_ups=list(parsed.follow_ups),
            reference=parsed.reference,
            sha256=sha256,
            source=parsed.source or self.defaults.source,
            key=key,
            split=split_of(key, self.project.valid_share),
            category=parsed.category or self.defaults.category,
            language=parsed.language or self.defaults.language or guess_language(parsed.messages[-1]["content"]),
            licence=parsed.licence or self.defaults.licence,
            skill=parsed.skill,
            sensitive=parsed.sensitive,
            external_id=parsed.external_id,
            imported=self.report.batch,
        )

    def _store(self, pending: list[tuple[Prompt, str]]) -> None:
        hashes = [prompt.sha256 for prompt, _answer in pending]
        stored = set(Prompt.objects.filter(project=self.project, sha256__in=hashes).values_list("sha256", flat=True))
        fresh: list[tuple[Prompt, str]] = []
        for prompt, answer in pending:
            short = bytes.fromhex(prompt.sha256)
            if short in self.seen or prompt.sha256 in stored:
                self.report.repeated += 1
                continue
            self.seen.add(short)
            fresh.append((prompt, answer))
        self.report.accepted += len(fresh)
        answers = [pair for pair in fresh if pair[1]] if self.defaults.with_demonstrations else []
        self.report.demonstrations += len(answers)
        if self.dry_run:
            return
        Prompt.objects.bulk_create([prompt for prompt, _answer in fresh], batch_size=BATCH)
        Demonstration.objects.bulk_create([self._demonstration(*pair) for pair in answers], batch_size=BATCH)

    def _demonstration(self, prompt: Prompt, answer: str) -> Demonstration:
        name = self.defaults.external_labeler or (self.format.name if self.format else "")
        return Demonstration(
            project=self.project,
            prompt=prompt,
            text=answer,
            external_labeler=name,
            actor=self.actor,
            guidelines_version=self.project.guidelines_version,
        )
