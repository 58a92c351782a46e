"""Publishes a generate run's samples as comparison tasks: the way back from training to labeling."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from labeling.identity import says_who_it_is
from labeling.models import Completion, Round, RoundState, Task
from labeling.services.rounds import NewOutput, close_round, open_round, request_comparisons
from training.exceptions import NothingToPublish, Refused, require_researcher
from training.models import Checkpoint, Run, RunState, Sample, Stage


@dataclass(frozen=True)
class Output:
    """A text that labelers will rank, and every sample that said it."""

    text: str
    finished: bool
    samples: tuple[Sample, ...]


@dataclass
class Published:
    """What became of a run's samples."""

    round: Round
    tasks: int = 0
    left_out: dict[str, int] = field(default_factory=dict)


def publish_samples(*, actor: User, run: Run, round: Round | None = None) -> Published:
    """Make comparison tasks of the samples that no task shows yet, in `round` or (None) in a next one that it opens.

    A prompt's K outputs (two in a project of pairs) are drawn from its policies in turn, so that each gives as many as
    the others; texts that differ at most in white space at their ends are one output. Left out and counted: prompts
    with fewer than two different outputs, prompts that already have a comparison task in the round, and outputs that
    say which model they are of, when the project hides those. Publishing the same run into the same round again adds
    nothing.

    Raises Refused for a run that is not a finished generate run or a round that is closed, NothingToPublish when no
    prompt is left.
    """
    require_researcher(actor)
    if run.stage != Stage.GENERATE or run.state != RunState.SUCCEEDED or run.project is None:
        raise Refused(_("Only the outputs of a generate run that succeeded can be published."))
    with transaction.atomic():
        Run.objects.select_for_update().get(pk=run.pk)
        if already := _published_round(run, round):
            return Published(already, tasks=0)
        current = Round.objects.current(run.project)
        target = round or current
        outputs, left_out = choose_outputs(run, k=run.project.outputs_shown, round=round)
        if not outputs:
            raise NothingToPublish(_nothing(left_out))
        if round is None:
            if current is not None:
                close_round(actor=actor, round=current)
            target = open_round(actor=actor, project=run.project)
        if target is None or target.state != RoundState.OPEN:
            raise Refused(_("The round is closed; open the next one."))
        tasks = request_comparisons(
            actor=actor,
            round=target,
            outputs={prompt: [NewOutput(o.text, o.finished) for o in chosen] for prompt, chosen in outputs.items()},
        )
        _link(tasks, outputs)
    return Published(target, tasks=len(tasks), left_out=left_out)


def _nothing(left_out: dict[str, int]) -> str:
    told = ", ".join(f"{reason}: {count}" for reason, count in left_out.items()) or _("the run has no samples")
    return _("There is nothing to publish (%(why)s). Generate with more samples or a higher temperature.") % {
        "why": told
    }


def _published_round(run: Run, round: Round | None) -> Round | None:
    """Return the round in which the run's outputs stand already, when nothing is asked beyond it."""
    shown = run.samples.filter(completion__isnull=False).select_related("completion__task__round").first()
    if shown is None or shown.completion is None:
        return None
    there = shown.completion.task.round
    if round is not None and round != there:
        raise Refused(_("These outputs were published in round %(number)s already.") % {"number": there.number})
    return there


def choose_outputs(run: Run, *, k: int, round: Round | None) -> tuple[dict[int, list[Output]], dict[str, int]]:
    """Return up to `k` outputs for each prompt pk, and counts of what stays out, by reason.

    Which of a policy's samples are taken is random but the same every time: seeded by run and prompt.
    """
    asked = set()
    if round is not None:
        asked = set(Task.objects.filter(round=round, kind="compare").values_list("prompt_id", flat=True))
    left_out: dict[str, int] = defaultdict(int)
    chosen: dict[int, list[Output]] = {}
    samples: dict[int, list[Sample]] = defaultdict(list)
    names = _names(run)
    for sample in run.samples.unpublished().order_by("prompt_id", "checkpoint_id", "number"):
        if names is not None and says_who_it_is(sample.text, names):
            left_out[_("outputs that name their model or its maker")] += 1
            # The prompt is counted as well when nothing comparable is left of it.
            samples.setdefault(sample.prompt_id, [])
        else:
            samples[sample.prompt_id].append(sample)
    for prompt, group in samples.items():
        if prompt in asked:
            left_out[_("already compared in this round")] += 1
            continue
        outputs = mix(group, k=k, seed=f"{run.pk}/{prompt}")
        if len(outputs) < 2:
            left_out[_("fewer than two different outputs")] += 1
        else:
            chosen[prompt] = outputs
    return chosen, dict(left_out)


def _names(run: Run) -> list[str] | None:
    """Return what would tell labelers which model wrote an output; None when the project does not mind."""
    assert run.project is not None
    if not run.project.hide_named_outputs:
        return None
    known = Checkpoint.objects.usable_in(run.project).values_list("name", "location")
    return [text for pair in known for text in pair]


def mix(samples: Sequence[Sample], *, k: int, seed: str) -> list[Output]:
    """Return up to `k` different outputs, taken from the policies in turn.

    A text that two policies gave counts for both: neither is asked for another in its place. White space at the ends
    makes no other text: nobody could see the difference.
    """
    by_text: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if text := sample.text.strip():
            by_text[text].append(sample)
    chance = random.Random(seed)
    queues: dict[int, list[str]] = {}
    for policy in sorted({sample.checkpoint_id for sample in samples}):
        texts = sorted({s.text.strip() for s in samples if s.checkpoint_id == policy} & set(by_text))
        chance.shuffle(texts)
        queues[policy] = texts
    order = list(queues)
    chance.shuffle(order)
    chosen: list[str] = []
    while len(chosen) < k and any(queues.values()):
        for policy in order:
            fresh = next((text for text in queues[policy] if text not in chosen), None)
            queues[policy] = queues[policy][queues[policy].index(fresh) + 1 :] if fresh is not None else []
            if fresh is not None and len(chosen) < k:
                chosen.append(fresh)
    return [_output(by_text[text]) for text in chosen]


def _output(samples: Iterable[Sample]) -> Output:
    kept = tuple(samples)
    return Output(kept[0].text, any(sample.finish_reason == "stop" for sample in kept), kept)


def _link(tasks: Iterable[Task], outputs: dict[int, list[Output]]) -> None:
    """Note on every sample which completion it became. The task's texts are in random order, and all different."""
    changed: list[Sample] = []
    for task in tasks:
        by_text: dict[str, Completion] = {one.text.strip(): one for one in task.completions.all()}
        assert task.prompt_id is not None
        for output in outputs[task.prompt_id]:
            for sample in output.samples:
                sample.completion = by_text[output.text.strip()]
                changed.append(sample)
    Sample.objects.bulk_update(changed, ["completion"], batch_size=500)


NOTHING_YET = gettext_lazy("This run's outputs are not published yet.")
