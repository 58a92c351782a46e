"""What every text that a labeler types must be, and how it is stored."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from labeling.conversations import storable
from labeling.exceptions import AnswerRefused

MAX_ANSWER = 20_000
MAX_NOTE = 2_000


def check_answer_text(text: str, *, field: str = "text") -> str:
    """Return the text as it is stored. Raises AnswerRefused when it is empty or longer than 20 000 characters."""
    clean = storable(text).replace("\r\n", "\n")
    if not clean.strip():
        empty = _("The answer is empty. Write one, or skip the task.")
        raise AnswerRefused(empty, fields={field: [empty]})
    if len(clean) > MAX_ANSWER:
        sentence = _("The answer has %(n)d characters; at most %(max)d can be stored. Nothing is lost: shorten it.") % {
            "n": len(clean),
            "max": MAX_ANSWER,
        }
        raise AnswerRefused(sentence, fields={field: [sentence]})
    return clean


def check_note(note: str, *, field: str = "note") -> str:
    """Return a note, or why something was done, as it is stored. Raises AnswerRefused for more than 2000 characters."""
    clean = storable(note).strip()
    if len(clean) > MAX_NOTE:
        sentence = _("A note has at most %(max)d characters.") % {"max": MAX_NOTE}
        raise AnswerRefused(sentence, fields={field: [sentence]})
    return clean
