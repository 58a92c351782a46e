"""Samples side by side: what each policy answered to the same prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labeling.models import Prompt
from training.models import Checkpoint, Run, Sample

PROMPTS_SHOWN = 10


@dataclass(frozen=True)
class SampleGroup:
    """A prompt and its samples, policy by policy."""

    prompt: Prompt
    samples: list[Sample]


def sample_groups(run: Run, *, limit: int = PROMPTS_SHOWN) -> list[SampleGroup]:
    """Return the first `limit` prompts that a generate run answered, each with all its samples."""
    prompts = list(Prompt.objects.filter(samples__run=run).order_by("pk").distinct()[:limit])
    rows = run.samples.filter(prompt__in=prompts).select_related("checkpoint")
    by_prompt: dict[int, list[Sample]] = {prompt.pk: [] for prompt in prompts}
    for sample in rows.order_by("checkpoint_id", "number"):
        by_prompt[sample.prompt_id].append(sample)
    return [SampleGroup(prompt, by_prompt[prompt.pk]) for prompt in prompts]


@dataclass(frozen=True)
class Pairing:
    """A prompt with the newest answer of each of the policies that are compared, None where one gave none."""

    prompt: Prompt
    answers: list[Sample | None]


def side_by_side(policies: Sequence[Checkpoint], *, limit: int = PROMPTS_SHOWN) -> list[Pairing]:
    """Return prompts that every one of `policies` answered, in any run, newest answers first."""
    prompts = Prompt.objects.all()
    for policy in policies:
        prompts = prompts.filter(pk__in=Sample.objects.filter(checkpoint=policy).values("prompt"))
    chosen = list(prompts.order_by("pk")[:limit])
    rows = Sample.objects.filter(prompt__in=chosen, checkpoint__in=policies, number=0).order_by("pk")
    newest = {(row.prompt_id, row.checkpoint_id): row for row in rows}
    return [Pairing(prompt, [newest.get((prompt.pk, policy.pk)) for policy in policies]) for prompt in chosen]
