"""Which labels go into a dataset, as records; and for every label that stays out, why.

Labels are ordered by their prompts' hashes, so the same labels give the same order whoever was faster to submit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from labeling.models import CompareMode, Comparison, Demonstration, Project, Prompt, Source, Split
from labeling.models.answer import Answer
from labeling.services.rankings import LEVELS
from training.exceptions import Refused
from training.rlhf import records

_CHUNK = 2000
AnyAnswer = TypeVar("AnyAnswer", bound=Answer)


@dataclass(frozen=True)
class FreezeQuery:
    """What a dataset is to hold. Stored with it: the same query on the same labels gives the same bytes."""

    rounds: tuple[int, ...] | None = None
    """Round numbers whose labels count; None takes all, labels without a round included."""
    include_simulated: bool = True
    """Labels made by simulated labelers count."""
    include_surplus: bool = False
    """Labels submitted after the slot was filled by somebody else count."""
    split: str | None = None
    """train or valid only; None takes both."""
    fresh_only: bool = False
    """Prompts (kind ppo) that were never shown for comparison."""
    limit: int = 0
    """At most so many records in each split, the first ones; 0 takes all."""
    sources: tuple[str, ...] | None = None
    """labeler, customer; None takes both."""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FreezeQuery:
        """Build a query from decoded JSON. Unknown keys and wrong types raise Refused."""
        known = cls.__dataclass_fields__
        if unknown := sorted(set(values) - set(known)):
            raise Refused(
                _("Unknown key “%(key)s” in the query; it has %(known)s.")
                % {"key": unknown[0], "known": ", ".join(known)}
            )
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        query = cls(**given)
        query.check()
        return query

    def check(self) -> None:
        """Raise Refused for a value that makes no sense."""
        if self.split not in (None, *Split.values):
            raise Refused(_("The split must be train or valid; leave it out for both."))
        if isinstance(self.limit, bool) or not isinstance(self.limit, int) or self.limit < 0:
            raise Refused(_("The limit must be a whole number, 0 or more."))
        if self.sources is not None and not (
            isinstance(self.sources, tuple) and all(source in Source.values for source in self.sources)
        ):
            raise Refused(_("Sources are labeler and customer."))
        if self.rounds is not None and not (
            isinstance(self.rounds, tuple) and all(isinstance(n, int) and not isinstance(n, bool) for n in self.rounds)
        ):
            raise Refused(_("Rounds must be a list of round numbers."))
        for name in ("include_simulated", "include_surplus", "fresh_only"):
            if not isinstance(getattr(self, name), bool):
                raise Refused(_("%(name)s must be true or false.") % {"name": name})

    def to_json(self) -> dict[str, Any]:
        """Return the query as the manifest and the row keep it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


@dataclass
class Collected:
    """Records by split, and what a manifest tells about them."""

    records: dict[str, list[Any]] = field(default_factory=lambda: {split: [] for split in Split.values})
    counts: dict[str, Counter[str]] = field(default_factory=lambda: {split: Counter() for split in Split.values})
    left_out: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    guidelines_versions: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    labelers: set[str] = field(default_factory=set)
    answers: set[int] = field(default_factory=set)
    """The pks of the labels that were taken in; `prompts` those of the prompts."""
    prompts: set[int] = field(default_factory=set)
    simulated: int = 0
    _split_of_key: dict[str, str] = field(default_factory=dict)

    def add(self, record: Any, prompt: Prompt, *, limit: int, answer: Answer | None = None) -> None:
        """Take a record in, unless its split is full. A key that stands in two splits raises Refused."""
        if self._split_of_key.setdefault(prompt.key, prompt.split) != prompt.split:
            raise Refused(
                _("The key “%(key)s” has prompts in train and in valid; import its prompts again with one split.")
                % {"key": prompt.key}
            )
        if limit and len(self.records[prompt.split]) >= limit:
            self.left_out["over the limit"] += 1
            return
        self.records[prompt.split].append(record)
        self.counts[prompt.split][prompt.source] += 1
        self.prompts.add(prompt.pk)
        self.licences[prompt.licence or "not stated"] += 1
        if answer is not None:
            self.answers.add(answer.pk)
            self.guidelines_versions[str(answer.guidelines_version)] += 1
            self.simulated += answer.simulated
            if name := labeler_name(answer):
                self.labelers.add(name)

    @property
    def total(self) -> int:
        return sum(len(rows) for rows in self.records.values())


def labeler_name(answer: Answer) -> str:
    """Return a labeler's pseudonym: never a user name."""
    return f"labeler-{answer.labeler_id}" if answer.labeler_id else answer.external_labeler


def _wanted(answers: Iterable[AnyAnswer], query: FreezeQuery, left_out: Counter[str]) -> Iterator[AnyAnswer]:
    for answer in answers:
        if reason := _why_not(answer, query):
            left_out[reason] += 1
        else:
            yield answer


def _why_not(answer: Answer, query: FreezeQuery) -> str:
    """Return why a label stays out, or an empty string."""
    if query.rounds is not None and (answer.round is None or answer.round.number not in query.rounds):
        return "another round"
    if reason := _why_not_prompt(answer.prompt, query):
        return reason
    if answer.simulated and not query.include_simulated:
        return "simulated"
    if answer.surplus and not query.include_surplus:
        return "surplus"
    return ""


def _why_not_prompt(prompt: Prompt, query: FreezeQuery) -> str:
    if query.sources is not None and prompt.source not in query.sources:
        return "another source"
    if query.split is not None and prompt.split != query.split:
        return "another split"
    return ""


def _answers(answers: QuerySet[AnyAnswer], project: Project) -> QuerySet[AnyAnswer]:
    current = answers.filter(project=project, is_current=True).select_related("prompt", "round")
    return current.order_by("prompt__sha256", "round__number", "assignment__slot__number", "pk")


def demonstration_record(answer: Demonstration) -> records.Demonstration:
    """Return a demonstration as SFT reads it."""
    prompt = answer.prompt
    return records.Demonstration(
        id=f"demonstration-{answer.pk}", prompt=prompt.model_messages, completion=answer.text, source=prompt.source,
        key=prompt.key, labeler=labeler_name(answer), simulated=answer.simulated,
    )  # fmt: skip


def collect_demonstrations(project: Project, query: FreezeQuery) -> Collected:
    """Collect the current demonstrations that the query wants."""
    found = Collected()
    answers = _answers(Demonstration.objects.all(), project).iterator(chunk_size=_CHUNK)
    for answer in _wanted(answers, query, found.left_out):
        found.add(demonstration_record(answer), answer.prompt, limit=query.limit, answer=answer)
    return found


def collect_comparisons(project: Project, query: FreezeQuery) -> Collected:
    """Collect the current comparisons that the query wants, completions in the order of their texts.

    Stored and shown order are drawn at random; this one follows from the outputs alone, so a loop that is done again
    with the same outputs gives the same bytes.

    An edited output is one more completion, better than all others. Comparisons whose outputs all tie stay in and are
    noted: they hold no pair, but they are judgements.
    """
    found = Collected()
    comparisons = _answers(Comparison.objects.all(), project).prefetch_related("judged__completion")
    for answer in _wanted(comparisons.iterator(chunk_size=_CHUNK), query, found.left_out):
        if len(answer.judged.all()) < 2:
            found.left_out["fewer than two outputs"] += 1
            continue
        record, before = comparison_record(answer), found.total
        found.add(record, answer.prompt, limit=query.limit, answer=answer)
        if found.total > before:
            found.notes.update(_notes(answer, record))
    return found


def comparison_record(answer: Comparison) -> records.Comparison:
    """Return a comparison as the reward model reads it."""
    prompt, edited = answer.prompt, answer.edited_text
    outputs = [
        (o.completion.text, o.completion_id, o.rank + bool(edited), o.completion.finished) for o in answer.judged.all()
    ]
    if edited:
        outputs.append((edited, 0, 1, True))
    outputs.sort()
    levels = None if answer.strength is None else LEVELS[CompareMode(answer.mode)]
    return records.Comparison(
        id=f"comparison-{answer.pk}", prompt=prompt.model_messages, completions=[text for text, *_rest in outputs],
        ranks=[rank for *_rest, rank, _finished in outputs], finished=[finished for *_rest, finished in outputs],
        source=prompt.source, key=prompt.key, labeler=labeler_name(answer), simulated=answer.simulated,
        strength=answer.strength, strength_levels=levels,
    )  # fmt: skip


def _notes(answer: Comparison, record: records.Comparison) -> Counter[str]:
    """Return what the manifest tells of a comparison beside its record, the flags that were set on its outputs too."""
    pairs = len(record.pairs())
    notes = Counter(
        {
            "pairs": pairs,
            "all outputs tied": not pairs,
            "no output acceptable": answer.none_acceptable,
            "edited outputs": bool(answer.edited_text),
            "with a strength": answer.strength is not None,
        }
    )
    flagged = [key for output in answer.judged.all() for key, value in output.given.items() if value is True]
    return notes + Counter(f"outputs flagged {key}" for key in flagged)


def collect_prompts(project: Project, query: FreezeQuery) -> Collected:
    """Collect prompts for PPO and generate, in the order of their hash: the first N are an even sample.

    Prompts that wait for an earlier turn's answer are complete conversations of their own and come like others.
    """
    found = Collected()
    prompts = Prompt.objects.in_project(project).order_by("sha256", "pk")
    if query.rounds is not None:
        prompts = prompts.filter(tasks__round__number__in=query.rounds).distinct()
    compared = set(prompts.filter(tasks__kind="compare").values_list("pk", flat=True)) if query.fresh_only else set()
    for prompt in prompts.iterator(chunk_size=_CHUNK):
        if prompt.pk in compared:
            found.left_out["already compared"] += 1
        elif reason := _why_not_prompt(prompt, query):
            found.left_out[reason] += 1
        else:
            record = records.Prompt(
                id=f"prompt-{prompt.pk}", prompt=prompt.model_messages, source=prompt.source, key=prompt.key
            )
            found.add(record, prompt, limit=query.limit)
    return found
