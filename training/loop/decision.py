"""Which step of the loop comes next: a pure function of counts, so that every situation has a test."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise

ENOUGH_DEMONSTRATIONS = 20
"""From here on SFT is worth starting while people go on writing."""

ENOUGH_COMPARISONS = 20
"""The same for the reward model."""


class Verb(StrEnum):
    """What the button of the next action does."""

    IMPORT_PROMPTS = "import_prompts"
    OPEN_ROUND = "open_round"
    ADD_BASE = "add_base"
    ASK_TO_WRITE = "ask_to_write"
    WRITE = "write"
    COMPARE = "compare"
    FREEZE = "freeze"
    START_RUN = "start_run"
    WATCH_RUN = "watch_run"
    MEND_RUN = "mend_run"
    PUBLISH = "publish"


@dataclass(frozen=True)
class NextAction:
    """A verb, what it is done to, and why it comes next.

    `target`: a dataset kind for FREEZE, a stage for START_RUN, a run's id for WATCH_RUN, MEND_RUN and PUBLISH.
    `in_next_round` (PUBLISH): the outputs open the next round instead of joining the open one.
    """

    verb: Verb
    label: Text
    why: Text
    target: str = ""
    in_next_round: bool = False


@dataclass(frozen=True)
class Facts:
    """The counts that the decision rests on. `..._in_round`: made in the open round."""

    prompts: int = 0
    round: int | None = None
    bases: int = 0
    demonstrations: int = 0
    write_tasks: int = 0
    write_open: int = 0
    compare_tasks: int = 0
    compare_open: int = 0
    comparisons: int = 0
    """Comparisons made in the open round."""
    sft_dataset: bool = False
    rm_dataset: bool = False
    """A comparison dataset was frozen in the open round."""
    prompt_dataset: bool = False
    sft_policy: bool = False
    reward_model: bool = False
    """A reward model was trained in the open round."""
    ppo_policy: bool = False
    """A PPO policy was trained in the open round."""
    outputs_waiting: int | None = None
    """A generate run whose outputs no task shows yet."""
    in_flight: tuple[int, str] | None = None
    """Id and stage of the run that is queued or on a worker."""
    failed: tuple[int, str] | None = None
    """Id and stage of the last run of the project, when it failed or was lost."""


def decide(facts: Facts) -> NextAction:
    """Return the one step that moves the loop on: prompts, answers, SFT, outputs, rankings, RM, PPO, and again."""
    if not facts.prompts:
        return NextAction(
            Verb.IMPORT_PROMPTS, _("Import prompts"), _("Everything starts from prompts; there are none.")
        )
    if facts.round is None:
        return NextAction(Verb.OPEN_ROUND, _("Open a round"), _("Work is given out in rounds, and none is open."))
    step = _from_labels_to_policies(facts)
    if facts.in_flight is not None:
        run, stage = facts.in_flight
        if stage == _FETCHES_A_BASE and step.verb in _BY_PEOPLE:
            return step
        return NextAction(
            Verb.WATCH_RUN, _("Watch the run"), _("A %(stage)s run is under way.") % {"stage": stage}, str(run)
        )
    if facts.failed is not None and not (facts.failed[1] == _FETCHES_A_BASE and facts.bases):
        run, stage = facts.failed
        why = _("The last %(stage)s run failed; its page says why.") % {"stage": stage}
        return NextAction(Verb.MEND_RUN, _("See what went wrong"), why, str(run))
    return step


_FETCHES_A_BASE = "convert"
"""This stage stands beside the loop: people write on while it works, and without it there is the base from before."""
_BY_PEOPLE = (Verb.ASK_TO_WRITE, Verb.WRITE, Verb.COMPARE)


def _from_labels_to_policies(facts: Facts) -> NextAction:
    if not facts.sft_policy:
        return _towards_sft(facts)
    if not facts.compare_tasks:
        return _towards_outputs(facts, in_next_round=False)
    return _towards_ppo(facts)


def _towards_sft(facts: Facts) -> NextAction:
    why: Text
    if not facts.write_tasks and not facts.demonstrations:
        why = _("SFT learns from answers that people write; nobody was asked for one yet.")
        return NextAction(Verb.ASK_TO_WRITE, _("Ask for demonstrations"), why)
    if facts.write_open and facts.demonstrations < ENOUGH_DEMONSTRATIONS and not facts.sft_dataset:
        why = _("%(open)s answers are still to be written; SFT begins to pay from about %(enough)s.") % {
            "open": facts.write_open, "enough": ENOUGH_DEMONSTRATIONS,
        }  # fmt: skip
        return NextAction(Verb.WRITE, _("Write answers"), why)
    if not facts.demonstrations:
        return NextAction(Verb.ASK_TO_WRITE, _("Ask for demonstrations"), _("There is no demonstration yet."))
    if not facts.sft_dataset:
        why = _("%(count)s demonstrations are ready to learn from.") % {"count": facts.demonstrations}
        return NextAction(Verb.FREEZE, _("Freeze the demonstrations"), why, "sft")
    if not facts.bases:
        return NextAction(Verb.ADD_BASE, _("Add a base model"), _("SFT needs a base model to start from."))
    return NextAction(Verb.START_RUN, _("Start SFT"), _("The demonstrations are frozen; no policy knows them."), "sft")


def _towards_outputs(facts: Facts, *, in_next_round: bool) -> NextAction:
    """From a policy to published outputs."""
    if facts.outputs_waiting is not None:
        why: Text = (
            _("The new policy answered; its outputs open the next round.")
            if in_next_round
            else _("The policy answered; labelers can compare its outputs.")
        )
        return NextAction(Verb.PUBLISH, _("Publish the outputs"), why, str(facts.outputs_waiting), in_next_round)
    if not facts.prompt_dataset:
        return NextAction(Verb.FREEZE, _("Freeze the prompts"), _("The policy answers frozen prompts."), "ppo")
    return NextAction(Verb.START_RUN, _("Generate outputs"), _("Labelers need outputs to compare."), "generate")


def _towards_ppo(facts: Facts) -> NextAction:
    why: Text
    if facts.ppo_policy:
        return _towards_outputs(facts, in_next_round=True)
    if not facts.rm_dataset:
        if facts.compare_open and facts.comparisons < ENOUGH_COMPARISONS:
            why = _("%(open)s rankings are still to be made; the reward model learns from about %(enough)s on.") % {
                "open": facts.compare_open, "enough": ENOUGH_COMPARISONS,
            }  # fmt: skip
            return NextAction(Verb.COMPARE, _("Rank outputs"), why)
        if not facts.comparisons:
            why = _("All outputs of this round were skipped; generate new ones.")
            return NextAction(Verb.START_RUN, _("Generate outputs"), why, "generate")
        why = _("%(count)s comparisons of this round are ready to learn from.") % {"count": facts.comparisons}
        return NextAction(Verb.FREEZE, _("Freeze the comparisons"), why, "rm")
    if not facts.reward_model:
        why = _("The comparisons are frozen; no reward model of this round knows them.")
        return NextAction(Verb.START_RUN, _("Train the reward model"), why, "reward")
    if not facts.prompt_dataset:
        return NextAction(Verb.FREEZE, _("Freeze the prompts"), _("PPO practises on frozen prompts."), "ppo")
    why = _("The reward model is ready; PPO practises against it.")
    return NextAction(Verb.START_RUN, _("Start PPO"), why, "ppo")
