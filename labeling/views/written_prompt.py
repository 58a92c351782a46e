"""The page of a prompt-writing task: what stood in its form, and what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from labeling.conversations import Messages
from labeling.few_shot import FEWEST_PAIRS, MOST_PAIRS, Pair, expand
from labeling.models import PromptKind
from labeling.services.written_prompts import MAX_TEMPLATE, NewPrompt
from labeling.use_cases import CATEGORIES
from labeling.views.judgement import prompt_flags_in


def read_prompt(form: QueryDict) -> NewPrompt:
    """Read a prompt; ``query`` and ``response`` are repeated, the nth of each is the nth pair."""
    queries, responses = form.getlist("query"), form.getlist("response")
    rows = max(len(queries), len(responses))
    queries, responses = ([*texts, *[""] * (rows - len(texts))] for texts in (queries, responses))
    return NewPrompt(
        text=form.get("text", ""),
        pairs=tuple(Pair(query, response) for query, response in zip(queries, responses, strict=True)),
        category=form.get("category", ""),
        note=form.get("note", ""),
        prompt_flags=prompt_flags_in(form),
    )


def shown(brief: Mapping[str, Any], draft: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page shows beside the draft: what is wanted, the rows of pairs, the categories."""
    kind = str(brief.get("kind", PromptKind.PLAIN))
    wanted = brief.get("pairs")
    given = draft.get("pairs")
    pairs = [pair for pair in given if isinstance(pair, dict)] if isinstance(given, list) else []
    pairs = pairs[:MOST_PAIRS] + [{"query": "", "response": ""}] * ((wanted or FEWEST_PAIRS) - len(pairs))
    category = brief.get("category", "")
    return {
        "brief": brief,
        "kind": kind,
        "few_shot": kind == PromptKind.FEW_SHOT,
        "pairs": pairs if kind == PromptKind.FEW_SHOT else [],
        "pairs_fixed": bool(wanted),
        "fewest_pairs": wanted or FEWEST_PAIRS,
        "most_pairs": wanted or MOST_PAIRS,
        "category": CATEGORIES.get(category, category),
        "categories": CATEGORIES.items(),
        "max_template": MAX_TEMPLATE,
    }


def as_read(kind: str, prompt: NewPrompt) -> Messages:
    """Return the conversation that readers of a checked prompt will see; of a few-shot one, its last example."""
    if kind != PromptKind.FEW_SHOT:
        return [{"role": "user", "content": prompt.text}]
    example = expand(prompt.text, prompt.pairs)[-1]
    return [*example.messages, {"role": "assistant", "content": example.response}]
