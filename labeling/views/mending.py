"""Mending an answer: the form of a revision, for the labeler who gave it and for a reviewer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from labeling.judgements import ComparisonJudgement
from labeling.models import Comparison, Demonstration
from labeling.services import texts
from labeling.services.judging import asked_before
from labeling.views.judgement import compare_context, draft_of, read_comparison, read_demonstration


@dataclass(frozen=True)
class Mending:
    """The page of a revision: which template, what stands in its form, and the judgement that was sent."""

    template: str
    draft: dict[str, Any]
    context: dict[str, Any] = field(default_factory=dict)
    judgement: ComparisonJudgement | None = None


def mending_of(answer: Demonstration | Comparison, posted: QueryDict | None) -> Mending:
    """Return the form with what was sent, or with the answer as it is."""
    if isinstance(answer, Demonstration):
        stored = {"text": answer.text, "note": answer.note, "prompt_flags": answer.prompt_flags}
        draft = read_demonstration(posted) if posted is not None else stored
        return Mending("labeling/revise_demonstration.html", draft, {"max_answer": texts.MAX_ANSWER})
    assert answer.assignment is not None
    asked = asked_before(answer)
    judgement = read_comparison(posted, asked.form.fields) if posted is not None else None
    draft = judgement.as_draft() if judgement is not None else draft_of(answer)
    context = compare_context(answer.assignment, draft, asked)
    return Mending("labeling/revise_comparison.html", draft, context, judgement)
