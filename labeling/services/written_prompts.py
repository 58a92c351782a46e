"""Prompts that labelers write: submitting one, mending it, and the prompts that are made of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from labeling.conversations import Messages, fingerprint, storable
from labeling.exceptions import AlreadyAnswered, AnswerRefused
from labeling.few_shot import FEWEST_PAIRS, MOST_PAIRS, Pair, expand
from labeling.importing.languages import guess_language
from labeling.models import AssignmentState, Demonstration, Prompt, PromptKind, Source, TaskKind, WrittenPrompt
from labeling.prompt_flags import SENSITIVE, check_flags
from labeling.services.answers import end_assignment, lock_task
from labeling.services.drafts import keep_draft
from labeling.services.revisions import supersede
from labeling.services.texts import MAX_ANSWER, check_note
from labeling.splits import split_of

MAX_TEMPLATE = 60_000
"""Characters of a few-shot prompt, all its pairs together."""


@dataclass(frozen=True)
class NewPrompt:
    """What a labeler typed: a prompt, or the instruction and pairs of a few-shot one."""

    text: str
    pairs: tuple[Pair, ...] = ()
    category: str = ""
    note: str = ""
    prompt_flags: list[str] | None = None

    def as_draft(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "pairs": [{"query": pair.query, "response": pair.response} for pair in self.pairs],
            "category": self.category,
            "note": self.note,
            "prompt_flags": self.prompt_flags,
        }


def submit_written_prompt(*, token: uuid.UUID | str, labeler: User, given: NewPrompt) -> WrittenPrompt:
    """Store a prompt, make the project's prompts of it and end the assignment. The same again returns the same row.

    A plain or user-based prompt makes one; a few-shot one makes one of each pair, with the response as the labeler's
    demonstration, and all of them share a key, so a split. Raises AssignmentNotFound, AlreadyAnswered, or
    AnswerRefused: empty, too long, pairs that are missing or repeat each other, a prompt that the project has already.
    """
    with transaction.atomic():
        assignment = lock_task(token=token, labeler=labeler, kind=TaskKind.PROMPT)
        kind = str(assignment.task.brief.get("kind", PromptKind.PLAIN))
        clean = check_prompt(given, kind=kind, wanted_pairs=assignment.task.brief.get("pairs"))
        if assignment.state != AssignmentState.SUBMITTED:
            columns = end_assignment(assignment)
            del columns["prompt"]
            written = WrittenPrompt.objects.create(
                kind=kind, use_case=assignment.task.brief.get("use_case", ""), **_columns(clean), **columns
            )
            make_prompts(written)
            return written
        for earlier in WrittenPrompt.objects.filter(assignment=assignment).order_by("revision"):
            if as_given(earlier) == clean:
                return earlier
        keep_draft(assignment, {**assignment.draft, **clean.as_draft()})
    raise AlreadyAnswered


@transaction.atomic
def revise_written_prompt(*, actor: User, previous: WrittenPrompt, given: NewPrompt, reason: str = "") -> WrittenPrompt:
    """Store a mended prompt as the next revision and make its prompts anew; who wrote it may, and reviewers.

    What a written prompt makes follows from it, so it is made again while nothing has used it. From then on the prompt
    stays as it is: raises AnswerRefused when one of its prompts has a task, an output or another answer, or stands in
    a dataset; also what `submit_written_prompt` raises, NotAllowed and AlreadyRevised.
    """
    locked = (
        WrittenPrompt.objects.select_for_update(of=("self",))
        .select_related("project", "assignment__task")
        .get(pk=previous.pk)
    )
    brief = locked.assignment.task.brief if locked.assignment else {}
    clean = check_prompt(given, kind=locked.kind, wanted_pairs=brief.get("pairs"))
    columns = supersede(actor=actor, locked=locked, note=clean.note, reason=reason)
    _unmake_prompts(locked)
    mended = {**columns, **_columns(clean)}
    written = WrittenPrompt.objects.create(kind=locked.kind, use_case=locked.use_case, **mended)
    make_prompts(written)
    return written


def _columns(clean: NewPrompt) -> dict[str, Any]:
    return clean.as_draft()


def as_given(written: WrittenPrompt) -> NewPrompt:
    """Return what was typed for a revision."""
    pairs = tuple(Pair(pair["query"], pair["response"]) for pair in written.pairs)
    return NewPrompt(written.text, pairs, written.category, written.note, written.prompt_flags)


def check_prompt(given: NewPrompt, *, kind: str, wanted_pairs: int | None = None) -> NewPrompt:
    """Return what was typed as it is stored. Raises AnswerRefused naming the fields."""
    few_shot = kind == PromptKind.FEW_SHOT
    text = _clean(given.text)
    problems: dict[str, list[Any]] = {}
    if not text:
        empty = _("The instruction is empty. Say what is to be done.") if few_shot else _("The prompt is empty.")
        problems["text"] = [empty]
    pairs = tuple(Pair(_clean(pair.query), _clean(pair.response)) for pair in given.pairs) if few_shot else ()
    # A row that nobody filled in is no pair; one that is half filled in is a mistake.
    pairs = tuple(pair for pair in pairs if pair.query or pair.response)
    problems |= _wrong_pairs(pairs, wanted_pairs) if few_shot else {}
    texts = [text, *(part for pair in pairs for part in (pair.query, pair.response))]
    longest = max(map(len, texts))
    if longest > MAX_ANSWER or sum(map(len, texts)) > MAX_TEMPLATE:
        problems["text"] = [
            _("A text has %(n)d characters; at most %(max)d are stored, %(all)d with all pairs. Shorten it.")
            % {"n": longest, "max": MAX_ANSWER, "all": MAX_TEMPLATE}
        ]
    if len(given.category) > 80:
        problems["category"] = [_("At most %(n)d characters.") % {"n": 80}]
    if problems:
        first = next(iter(problems.values()))[0]
        raise AnswerRefused(first, fields=problems)
    return NewPrompt(text, pairs, _clean(given.category), check_note(given.note), check_flags(given.prompt_flags))


def _clean(text: str) -> str:
    return storable(text).replace("\r\n", "\n").strip()


def _wrong_pairs(pairs: tuple[Pair, ...], wanted: int | None) -> dict[str, list[Any]]:
    for number, pair in enumerate(pairs, start=1):
        if not pair.query or not pair.response:
            return {"pairs": [_("Pair %(n)d is half empty: it needs a query and a response.") % {"n": number}]}
    fewest, most = (wanted, wanted) if wanted else (FEWEST_PAIRS, MOST_PAIRS)
    if not fewest <= len(pairs) <= most:
        if wanted:
            return {"pairs": [_("This prompt wants %(n)d pairs; you have %(k)d.") % {"n": wanted, "k": len(pairs)}]}
        return {
            "pairs": [
                _("A few-shot prompt has %(fewest)d to %(most)d pairs; you have %(k)d.")
                % {"fewest": fewest, "most": most, "k": len(pairs)}
            ]
        }
    seen: dict[str, int] = {}
    for number, pair in enumerate(pairs, start=1):
        earlier = seen.setdefault(pair.query, number)
        if earlier != number:
            return {"pairs": [_("Queries %(a)d and %(b)d are the same. Write another.") % {"a": earlier, "b": number}]}
    return {}


def template_key(written: WrittenPrompt) -> str:
    """Return the key of everything that a written prompt makes, in all its revisions: what decides the split."""
    first = written
    if written.revision > 1:
        first = WrittenPrompt.objects.get(assignment=written.assignment_id, revision=1)
    return f"template-{first.pk}"


def make_prompts(written: WrittenPrompt) -> list[Prompt]:
    """Store the prompts of a written prompt, with the responses of a few-shot one as demonstrations."""
    made: list[tuple[Messages, str]] = [([{"role": "user", "content": written.text}], "")]
    if written.kind == PromptKind.FEW_SHOT:
        pairs = [Pair(pair["query"], pair["response"]) for pair in written.pairs]
        made = [(example.messages, example.response) for example in expand(written.text, pairs)]
    key = template_key(written)
    prompts = [_prompt(written, key, messages) for messages, _response in made]
    # Always in one order: two people who write the same wait for each other, not both.
    try:
        with transaction.atomic():
            for prompt in sorted(prompts, key=lambda prompt: prompt.sha256):
                prompt.save(force_insert=True)
    except IntegrityError as error:
        if "prompt_once_in_project" not in str(error):
            raise
        sentence = _("The project has this prompt already. Write another one.")
        raise AnswerRefused(sentence, code="repeated_prompt", fields={"text": [sentence]}) from error
    Demonstration.objects.bulk_create(
        _demonstration(written, prompt, response)
        for prompt, (_messages, response) in zip(prompts, made, strict=True)
        if response
    )
    return prompts


def _prompt(written: WrittenPrompt, key: str, messages: Messages) -> Prompt:
    brief = written.assignment.task.brief if written.assignment else {}
    return Prompt(
        project=written.project,
        messages=messages,
        sha256=fingerprint(messages),
        source=Source.LABELER,
        kind=written.kind,
        key=key,
        split=split_of(key, written.project.valid_share),
        category=written.category or brief.get("category", ""),
        language=brief.get("language", "") or guess_language("\n".join(turn["content"] for turn in messages)),
        sensitive=SENSITIVE in (written.prompt_flags or []),
        author=written.labeler,
        written=written,
    )


def _demonstration(written: WrittenPrompt, prompt: Prompt, response: str) -> Demonstration:
    return Demonstration(
        project=written.project,
        round=written.round,
        prompt=prompt,
        text=response,
        labeler=written.labeler,
        actor=written.actor,
        surplus=written.surplus,
        simulated=written.simulated,
        guidelines_version=written.guidelines_version,
        objective=written.objective,
    )


def is_used(written: WrittenPrompt) -> bool:
    """Whether a task asks about one of its prompts, somebody else answered one, or a dataset has taken one in."""
    prompts = Prompt.objects.filter(written=written)
    others = Demonstration.objects.filter(prompt__in=prompts).exclude(assignment=None, frozen_at=None, revision=1)
    return written.frozen_at is not None or others.exists() or prompts.filter(tasks__isnull=False).exists()


def _unmake_prompts(written: WrittenPrompt) -> None:
    used = AnswerRefused(
        _("Prompts made of this one are in use already: it stays as it is. Write to the researchers if it is wrong."),
        code="prompt_in_use",
    )
    prompts = Prompt.objects.filter(written=written)
    own = Demonstration.objects.filter(prompt__in=prompts, assignment=None, labeler=written.labeler)
    if is_used(written):
        raise used
    own.delete()
    try:
        prompts.delete()
    except ProtectedError as error:
        raise used from error
