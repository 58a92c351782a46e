"""Asking labelers to write prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.permissions import Actor, can_research
from labeling.conversations import is_storable
from labeling.exceptions import InvalidInput, NotAllowed, RoundRefused
from labeling.few_shot import FEWEST_PAIRS, MOST_PAIRS
from labeling.models import PromptKind, Round, RoundState, Task, TaskKind
from labeling.services.new_tasks import add_tasks

MOST_PROMPTS = 10_000
_LENGTHS = {"category": 80, "language": 16, "skill": 40}
MAX_USE_CASE = 200


@dataclass(frozen=True)
class PromptBrief:
    """What prompts are wanted. `use_cases` are for user-based ones: `count` prompts are asked for each."""

    kind: str = PromptKind.PLAIN
    use_cases: Sequence[str] = ()
    category: str = ""
    pairs: int | None = None
    """How many pairs a few-shot prompt has; None leaves it to the labeler, from 2 to 8."""
    language: str = ""
    """Only labelers of this language are asked, and the prompts are marked with it; empty: it is guessed."""
    skill: str = ""


@transaction.atomic
def request_prompts(*, actor: Actor, round: Round, brief: PromptBrief, count: int, priority: int = 0) -> int:
    """Ask labelers of an open round for prompts and return how many tasks that made; researchers only.

    A task wants one prompt of one labeler: nobody writes the same prompt twice. Raises InvalidInput naming the fields.
    """
    if not can_research(actor):
        raise NotAllowed
    use_cases = _check(brief, count, priority)
    # Locked, so that closing waits.
    if Round.objects.select_for_update(no_key=True).get(pk=round.pk).state != RoundState.OPEN:
        raise RoundRefused(_("This round is closed. Open the next one."))
    tasks = [
        Task(project_id=round.project_id, round=round, kind=TaskKind.PROMPT, brief=_stored(brief, use_case))
        for use_case in use_cases
        for _number in range(count)
    ]
    add_tasks(tasks, round=round, judgements=1, priority=priority)
    return len(tasks)


def _stored(brief: PromptBrief, use_case: str) -> dict[str, Any]:
    wanted = {
        "kind": str(brief.kind),
        "use_case": use_case,
        "category": brief.category.strip(),
        "pairs": brief.pairs,
        "language": brief.language.strip(),
        "skill": brief.skill.strip(),
    }
    return {name: value for name, value in wanted.items() if value not in ("", None)}


def _check(brief: PromptBrief, count: int, priority: int) -> list[str]:
    """Return the use cases, one empty one where there are none. Raises InvalidInput."""
    problems: dict[str, list[Any]] = {}
    if brief.kind not in PromptKind.values:
        problems["kind"] = [_("Choose one of: %(kinds)s.") % {"kinds": ", ".join(PromptKind.values)}]
    use_cases = list(dict.fromkeys(case.strip() for case in brief.use_cases if case.strip()))
    if brief.kind == PromptKind.USER_BASED and not use_cases:
        problems["use_cases"] = [_("Say what the prompts are for: one use case a line.")]
    elif brief.kind != PromptKind.USER_BASED and use_cases:
        problems["use_cases"] = [_("Only user-based prompts are written for a use case.")]
    elif any(len(case) > MAX_USE_CASE for case in use_cases):
        problems["use_cases"] = [_("A use case has at most %(n)d characters.") % {"n": MAX_USE_CASE}]
    if brief.pairs is not None and (
        brief.kind != PromptKind.FEW_SHOT
        or isinstance(brief.pairs, bool)
        or not FEWEST_PAIRS <= brief.pairs <= MOST_PAIRS
    ):
        problems["pairs"] = [
            _("A few-shot prompt has %(fewest)d to %(most)d pairs; others have none.")
            % {"fewest": FEWEST_PAIRS, "most": MOST_PAIRS}
        ]
    for name, longest in _LENGTHS.items():
        if len(getattr(brief, name)) > longest:
            problems[name] = [_("At most %(n)d characters.") % {"n": longest}]
    if not all(is_storable(text) for text in (*use_cases, brief.category, brief.language, brief.skill)):
        problems["use_cases"] = [_("This has a NUL byte or broken Unicode.")]
    if isinstance(count, bool) or count < 1 or count * max(len(use_cases), 1) > MOST_PROMPTS:
        problems["count"] = [_("Ask for 1 to %(n)d prompts at a time.") % {"n": MOST_PROMPTS}]
    if not -1000 <= priority <= 1000:
        problems["priority"] = [_("A priority is a whole number from -1000 to 1000.")]
    if problems:
        raise InvalidInput(fields=problems)
    return use_cases or [""]
