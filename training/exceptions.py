"""Errors of training. Each message is a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from accounts.exceptions import NotAllowed, VolantError
from accounts.permissions import Actor, can_research

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


class TrainingError(VolantError):
    """Anything that training refuses."""

    code = "training"
    status = 400


class Refused(TrainingError):
    """A request that cannot be carried out as it is; the message says what to change."""

    code = "refused"


class NothingToFreeze(TrainingError):
    """A dataset would have no record."""

    code = "nothing_to_freeze"


class ConfigRefused(TrainingError):
    """A run whose settings, dataset or inputs cannot work. `problems` maps a field's name to a sentence."""

    code = "config_refused"

    def __init__(self, problems: Mapping[str, _StrOrPromise]) -> None:
        self.problems: dict[str, _StrOrPromise] = dict(problems)
        super().__init__(
            _("The run cannot start like this; mend what is marked."),
            fields={name: [sentence] for name, sentence in self.problems.items()},
        )


class RunEnded(TrainingError):
    """A run that is over cannot be cancelled."""

    code = "run_ended"
    status = 409


class NothingToPublish(TrainingError):
    """No prompt of the run has two different outputs that no task shows yet."""

    code = "nothing_to_publish"
    status = 409


class CannotStart(TrainingError):
    """A worker cannot start a run; the message becomes the run's error."""

    code = "cannot_start"


class BadResult(TrainingError):
    """A stage ended well but its result cannot be taken in; the message becomes the run's error."""

    code = "bad_result"


def require_researcher(actor: Actor) -> None:
    """Raise NotAllowed unless `actor` may run the loop."""
    if not can_research(actor):
        raise NotAllowed(_("Only researchers and admins may do this; ask one of them."))
