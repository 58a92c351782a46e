"""What the labeling services refuse. Each message says what to do."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.exceptions import InvalidInput, NotAllowed, NotFound, VolantError


class AssignmentNotFound(NotFound):
    message = _("This task is not yours. Open the Work page for the next one.")


class AnswerRefused(InvalidInput):
    """An answer that cannot be saved as it is. Nothing is lost: the draft stays."""

    code = "answer_refused"


class StaleDraft(VolantError):
    """Another tab saved first. `details` has both drafts, so that neither is lost."""

    code = "stale_draft"
    status = 409
    message = _("Another tab saved a newer draft. Compare the two, then save again.")

    def __init__(self, *, stored: dict[str, Any], stored_version: int, yours: dict[str, Any]) -> None:
        self.stored, self.stored_version, self.yours = stored, stored_version, yours
        super().__init__(details={"stored": stored, "stored_version": stored_version, "yours": yours})


class AlreadyAnswered(VolantError):
    """The assignment was submitted before, with another answer. The new one is kept as its draft."""

    code = "already_answered"
    status = 409
    message = _("This task was already submitted with another answer. Yours was kept as a draft; revise it in My work.")


class AlreadyRevised(VolantError):
    code = "already_revised"
    status = 409
    message = _("Somebody revised this meanwhile. Load it again and revise the newest version.")


class MessageRefused(InvalidInput):
    """A message that cannot be posted as it is; what was typed stays on the page."""

    code = "message_refused"


class TooManyMessages(VolantError):
    code = "too_many_messages"
    status = 429
    message = _("You wrote many messages within a few minutes. Wait a little, then send this one.")


class ReviewRefused(InvalidInput):
    """A verdict that cannot be stored as it is."""

    code = "review_refused"


class GuidelinesChanged(VolantError):
    code = "guidelines_changed"
    status = 409
    message = _("The guidelines changed once more while you read them. Here is the newest version.")


class RoundRefused(VolantError):
    code = "round_refused"
    status = 409


class NoOpenRound(RoundRefused):
    code = "no_open_round"
    message = _("No round is open. Open one first.")


class ProjectRefused(InvalidInput):
    code = "project_refused"


class FormRefused(InvalidInput):
    """A judgement form that cannot be stored as it is; `fields` says which of its questions is wrong, and why."""

    code = "form_refused"


class AnswerFrozen(VolantError):
    """A dataset holds the label, so it is not revised any more."""

    code = "answer_frozen"
    status = 409
    message = _(
        "A dataset has taken this answer in, so it cannot be changed any more. If it is wrong, tell a reviewer."
    )


class ImportRefused(InvalidInput):
    """The whole import is refused; refusals of single lines are in the report instead."""

    code = "import_refused"


__all__ = [
    "AlreadyAnswered",
    "AlreadyRevised",
    "AnswerFrozen",
    "AnswerRefused",
    "AssignmentNotFound",
    "FormRefused",
    "GuidelinesChanged",
    "ImportRefused",
    "InvalidInput",
    "MessageRefused",
    "NoOpenRound",
    "NotAllowed",
    "NotFound",
    "ProjectRefused",
    "ReviewRefused",
    "RoundRefused",
    "StaleDraft",
    "TooManyMessages",
    "VolantError",
]
