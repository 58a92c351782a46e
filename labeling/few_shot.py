"""From an instruction and k pairs to k prompts: how InstructGPT used its labelers' few-shot prompts.

"With K such pairs we can create K training examples with the other K − 1 in the context" (Ouyang et al. 2022, appendix
A.1). The pairs in the context become earlier turns, so that no word such as "Query:" stands in a language of its own
between them; the instruction stands above the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labeling.conversations import Messages

FEWEST_PAIRS, MOST_PAIRS = 2, 8


@dataclass(frozen=True)
class Pair:
    """What somebody may ask under the instruction, and the answer to it."""

    query: str
    response: str


@dataclass(frozen=True)
class Example:
    """A prompt with its answer."""

    messages: Messages
    response: str


def expand(instruction: str, pairs: Sequence[Pair]) -> list[Example]:
    """Return an example for each pair: the instruction, the other pairs in their order, and this pair's query last."""
    return [
        Example(_conversation(instruction, [*pairs[:position], *pairs[position + 1 :]], pair.query), pair.response)
        for position, pair in enumerate(pairs)
    ]


def _conversation(instruction: str, context: Sequence[Pair], query: str) -> Messages:
    messages: Messages = []
    for pair in context:
        messages.append({"role": "user", "content": pair.query})
        messages.append({"role": "assistant", "content": pair.response})
    messages.append({"role": "user", "content": query})
    first = messages[0]
    return [{**first, "content": f"{instruction}\n\n{first['content']}"}, *messages[1:]]
