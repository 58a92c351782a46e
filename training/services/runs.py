"""Runs: request one, cancel one. What happens on a worker is in `training.execution`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import OperationalError

from accounts.models import User
from labeling.models import Project, Round
from training.exceptions import ConfigRefused, RunEnded, require_researcher
from training.models import Checkpoint, Dataset, Run, RunInput, RunState, Stage
from training.rlhf.config import STAGES, ConfigError, parse_config
from training.services.run_inputs import (
    Inputs,
    Problems,
    check_dataset,
    check_inputs,
    check_room,
    default_inputs,
    placeholder_config,
)
from training.storage import run_path
from training.tasks import execute_run

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunPlan:
    """A run that can start: its checked settings without inputs, its dataset, its inputs by config field."""

    stage: str
    config: dict[str, Any]
    dataset: Dataset | None
    inputs: dict[str, list[Checkpoint]]


def check_run(
    *,
    project: Project,
    stage: str,
    config: Mapping[str, Any],
    dataset: Dataset | None = None,
    inputs: Inputs | None = None,
) -> RunPlan:
    """Return the plan of a run, inputs and dataset that nobody chose filled with sensible ones.

    Raises ConfigRefused with a sentence for every field that cannot work.
    """
    if stage not in STAGES:
        raise ConfigRefused({"stage": _("Choose one of %(stages)s.") % {"stages": ", ".join(STAGES)}})
    kind = STAGES[stage]
    problems: Problems = {
        name: _("This is a checkpoint; choose it as an input.") for name in config if name in kind.inputs
    }
    chosen = default_inputs(project, stage) | {name: list(items) for name, items in (inputs or {}).items() if items}
    if dataset is None and kind.data is not None:
        dataset = Dataset.objects.newest(project, kind.data)
    problems |= check_inputs(project, stage, chosen)
    problems |= check_dataset(project, stage, dataset, config)
    values = {name: value for name, value in config.items() if name not in kind.inputs}
    try:
        parsed = parse_config(kind, {**values, **placeholder_config(stage, chosen)})
    except ConfigError as error:
        problems = {**error.problems, **problems}
        raise ConfigRefused(problems) from error
    problems |= check_room(chosen, asdict(parsed))
    if problems:
        raise ConfigRefused(problems)
    kept = {name: value for name, value in asdict(parsed).items() if name not in kind.inputs}
    return RunPlan(stage, kept, dataset, chosen)


def request_run(
    *,
    actor: User,
    project: Project,
    stage: str,
    config: Mapping[str, Any],
    dataset: Dataset | None = None,
    inputs: Inputs | None = None,
    round: Round | None = None,
    note: str = "",
) -> Run:
    """Queue a run and, once it is committed, put its message on the ``gpu`` queue. Raises ConfigRefused.

    When the broker is away the row stays queued and `reap_silent_runs` sends the message later.
    """
    require_researcher(actor)
    plan = check_run(project=project, stage=stage, config=config, dataset=dataset, inputs=inputs)
    if round is not None and round.project_id != project.pk:
        raise ConfigRefused({"round": _("This round belongs to another project.")})
    now = timezone.now()
    with transaction.atomic():
        run = Run.objects.create(
            project=project,
            round=round or Round.objects.current(project),
            stage=Stage(stage),
            config=plan.config,
            dataset=plan.dataset,
            created_by=actor,
            queued_at=now,
            sent_at=now,
            note=note,
        )
        run.path = run_path(run.pk)
        run.save(update_fields=["path"])
        RunInput.objects.bulk_create(_inputs_of(run, plan.inputs))
        transaction.on_commit(partial(_send, run.pk))
    return run


def _send(run_id: int) -> None:
    """Put a run's message on the queue. Without a broker the run stays queued and the reaper sends it later."""
    try:
        execute_run.delay(run_id)
    except OperationalError:
        logger.exception("run %s: no broker, its message is sent later", run_id)
        Run.objects.filter(pk=run_id).update(sent_at=None)


def _inputs_of(run: Run, inputs: Mapping[str, Sequence[Checkpoint]]) -> list[RunInput]:
    return [
        RunInput(run=run, field=field, checkpoint=checkpoint)
        for field, checkpoints in inputs.items()
        for checkpoint in dict.fromkeys(checkpoints)
    ]


def cancel_run(*, actor: User, run: Run) -> Run:
    """Cancel a run: a queued one at once; one on a worker is told to stop and keeps its last checkpoint.

    Cancelling twice changes nothing. Raises RunEnded when it is over.
    """
    require_researcher(actor)
    now = timezone.now()
    same = Run.objects.filter(pk=run.pk)
    cancelled = same.filter(state=RunState.QUEUED).update(state=RunState.CANCELLED, cancelling_at=now, ended_at=now)
    if not cancelled:
        same.filter(state=RunState.RUNNING).update(state=RunState.CANCELLING, cancelling_at=now)
    run.refresh_from_db()
    if run.state not in (RunState.CANCELLED, RunState.CANCELLING):
        raise RunEnded(
            _("This run is over (%(state)s); there is nothing to cancel.") % {"state": run.get_state_display()}
        )
    return run
