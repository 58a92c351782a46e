"""Turns a finished run's result into rows, in one transaction: the run's end, its checkpoint, its samples."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from labeling.conversations import storable
from labeling.models import Prompt
from training.exceptions import BadResult
from training.execution.directory import POLICY_NAME
from training.execution.metrics import result_metrics
from training.execution.transitions import Claim, end
from training.models import Checkpoint, CheckpointKind, Run, RunState, Sample, Stage
from training.rlhf import records
from training.rlhf.config import PRESETS
from training.rlhf.rundir import RunDir
from training.storage import artifact_root

CHECKPOINT_KINDS: dict[str, CheckpointKind] = {
    Stage.PRETRAIN: CheckpointKind.BASE,
    Stage.CONVERT: CheckpointKind.BASE,
    Stage.SFT: CheckpointKind.SFT,
    Stage.REWARD: CheckpointKind.REWARD,
    Stage.PPO: CheckpointKind.PPO,
}
PROMPT_ID = re.compile(r"^prompt-(\d+)$")
_POLICY = re.compile("^" + POLICY_NAME.format(r"(\d+)") + "$")
_BATCH = 1000


def take_in_result(claim: Claim, directory: RunDir, result: dict[str, Any], *, log_tail: str) -> None:
    """End a run as succeeded with everything it made, or nothing of it. Raises ClaimLost or BadResult."""
    with transaction.atomic():
        end(claim, RunState.SUCCEEDED, result=result, log_tail=log_tail)
        run = Run.objects.select_related("project").get(pk=claim.run_id)
        if run.stage in CHECKPOINT_KINDS:
            take_in_checkpoint(run, directory, result)
        if run.stage == Stage.GENERATE:
            take_in_samples(run, directory)


def take_in_checkpoint(run: Run, directory: RunDir, result: dict[str, Any]) -> Checkpoint:
    """Make the row of the checkpoint that the result names. Its lineage is the run's inputs."""
    named = result.get("checkpoint")
    if not isinstance(named, str):
        raise BadResult(_("The stage ended well but kept no checkpoint; see its log."))
    path = (directory.path / named).resolve()
    if not path.is_relative_to(directory.path.resolve()) or not path.is_dir():
        raise BadResult(_("result.json names the checkpoint “%(path)s”, which is not there.") % {"path": named})
    return Checkpoint.objects.create(
        project=run.project,
        kind=CHECKPOINT_KINDS[run.stage],
        name=_checkpoint_name(run),
        location=path.relative_to(artifact_root().resolve()).as_posix(),
        run=run,
        step=result.get("steps") or 0,
        metrics=result_metrics(result),
        preset=_preset(run),
    )


def _preset(run: Run) -> str:
    """Return what the run's model has; a converted model's is named like its source when there is one."""
    if run.stage == Stage.CONVERT:
        source = str(run.config.get("source", ""))
        return source if source in PRESETS else ""
    model = run.inputs.filter(field="model").select_related("checkpoint").first()
    return model.checkpoint.preset if model else ""


def _checkpoint_name(run: Run) -> str:
    """Return ``sft-12``; a converted model takes its source's name when that is free."""
    if run.stage == Stage.CONVERT:
        name = slugify(str(run.config.get("source", "")).rstrip("/").rsplit("/", 1)[-1])[:100]
        if name and not Checkpoint.objects.filter(project=run.project, name=name).exists():
            return name
        return f"{name or run.stage}-{run.pk}"
    return f"{run.stage}-{run.pk}"


def take_in_samples(run: Run, directory: RunDir) -> int:
    """Store ``samples.jsonl`` as rows, numbered within prompt and policy; return how many."""
    policies = set(run.inputs.filter(field="policies").values_list("checkpoint_id", flat=True))
    prompts = set(Prompt.objects.filter(project=run.project).values_list("pk", flat=True))
    count = 0
    rows = _sample_rows(run, directory, policies, prompts)
    while batch := list(islice(rows, _BATCH)):
        Sample.objects.bulk_create(batch)
        count += len(batch)
    if not count:
        raise BadResult(_("The stage ended well but wrote no sample; are all prompts longer than max_prompt_length?"))
    return count


def _sample_rows(run: Run, directory: RunDir, policies: set[int], prompts: set[int]) -> Iterator[Sample]:
    numbers: Counter[tuple[int, int]] = Counter()
    try:
        for record in records.read_records(records.Sample, directory.samples):
            policy, prompt = _POLICY.match(record.checkpoint), PROMPT_ID.match(record.prompt_id)
            if policy is None or int(policy[1]) not in policies or prompt is None or int(prompt[1]) not in prompts:
                raise BadResult(
                    _("samples.jsonl names the policy “%(policy)s” and the prompt “%(prompt)s”, unknown to this run.")
                    % {"policy": record.checkpoint, "prompt": record.prompt_id}
                )
            key = (int(prompt[1]), int(policy[1]))
            yield Sample(
                run=run, prompt_id=key[0], checkpoint_id=key[1], number=numbers[key],
                text=storable(record.completion), tokens=record.tokens, finish_reason=record.finish_reason,
                seed=record.seed, temperature=record.temperature, top_p=record.top_p,
            )  # fmt: skip
            numbers[key] += 1
    except (OSError, records.RecordError) as error:
        raise BadResult(_("samples.jsonl cannot be read: %(why)s") % {"why": str(error)}) from error
