"""What a labeler may say of a prompt: the flags of InstructGPT's Table 7 (Ouyang et al. 2022, appendix B).

A label keeps the list of flags that were set. Null is unanswered; an empty list means that the labeler said "none of
these". A set of flags has a name, and a key never changes its meaning: a set that means something else by a flag gives
it another key, so that labels from before stay readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from labeling.exceptions import AnswerRefused

CURRENT = "table7"
SENSITIVE = "sensitive_content"


@dataclass(frozen=True)
class PromptFlag:
    """One thing that may be true of a prompt. `label` and `help` are translated when they are shown."""

    key: str
    label: Any
    help: Any


SETS: Mapping[str, tuple[PromptFlag, ...]] = {
    "table7": (
        PromptFlag("ambiguous", _("ambiguous"), _("It can be read in more than one way.")),
        PromptFlag(SENSITIVE, _("sensitive content"), _("Sex, violence, hate, self-harm or another's private life.")),
        PromptFlag("identity_dependent", _("identity dependent"), _("A good answer depends on who is asking.")),
        PromptFlag("closed_domain", _("closed domain"), _("The answer may use only what the prompt itself tells.")),
        PromptFlag("continuation", _("continuation style"), _("It begins a text that the answer goes on with.")),
        PromptFlag("requests_opinion", _("requests opinionated content"), _("It asks what somebody thinks of it.")),
        PromptFlag("requests_advice", _("requests advice"), _("It asks what to do.")),
        PromptFlag("requests_moral_judgement", _("requests moral judgement"), _("It asks what is right or wrong.")),
        PromptFlag(
            "safety_constraints",
            _("contains explicit safety constraints"),
            _("It says what must not be in the answer so that nobody is harmed."),
        ),
        PromptFlag(
            "other_constraints",
            _("contains other explicit constraints"),
            _("Such as a length, a form, a style, words to use or to avoid."),
        ),
        PromptFlag("intent_unclear", _("intent unclear"), _("One cannot tell what the person wants.")),
    )
}


def flags_of(name: str = CURRENT) -> tuple[PromptFlag, ...]:
    """Return the flags of a set."""
    return SETS[name]


def read_flags(chosen: Iterable[str], *, none: bool) -> list[str] | None:
    """Return what stood in a form (`prompt_flag`, repeated, and `prompt_flags_none`) as labels and drafts keep it.

    Flags win over a "none of these" that is ticked as well; nothing ticked is unanswered. The keys are checked when
    the answer is submitted, so that a draft loses nothing.
    """
    found = list(dict.fromkeys(chosen))
    return found or ([] if none else None)


def check_flags(value: Any) -> list[str] | None:
    """Return the flags in the order of their set, None where unanswered. Raises AnswerRefused for unknown ones."""
    if value is None:
        return None
    known = [flag.key for flag in flags_of()]
    if not isinstance(value, list) or not all(isinstance(key, str) and key in known for key in value):
        sentence = _("The flags of a prompt are a list of these: %(known)s.") % {"known": ", ".join(known)}
        raise AnswerRefused(sentence, fields={"prompt_flags": [sentence]})
    return [key for key in known if key in value]
