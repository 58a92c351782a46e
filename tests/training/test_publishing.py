"""From samples to comparison tasks: mixed fairly, identical texts once, published once."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.exceptions import NotAllowed
from accounts.models import User
from labeling.exceptions import InvalidInput
from labeling.judgements import ComparisonJudgement
from labeling.models import Completion, Membership, Project, Prompt, Round, RoundState, Task
from labeling.services.answers import submit_comparison
from labeling.services.queue import claim_next
from labeling.services.rounds import NewOutput, request_comparisons
from tests.factories import CheckpointFactory, PromptFactory, RunFactory, SampleFactory, TaskFactory
from tests.training.conftest import make_prompts
from training.exceptions import NothingToPublish, Refused
from training.forms import PublishForm
from training.models import Checkpoint, Run, RunState, Sample
from training.services.datasets import freeze_dataset
from training.services.samples import mix, publish_samples
from training.storage import artifact

pytestmark = pytest.mark.django_db


@pytest.fixture
def policies(project: Project) -> list[Checkpoint]:
    return [CheckpointFactory(project=project, kind=kind) for kind in ("sft", "ppo")]


@pytest.fixture
def run(project: Project, policies: list[Checkpoint]) -> Run:
    return RunFactory(
        project=project, stage="generate", state=RunState.SUCCEEDED, result={}, ended_at=timezone.now(),
        config={"split": "train"},
    )  # fmt: skip


def say(run: Run, prompt: Prompt, policy: Checkpoint, *texts: str, reason: str = "stop") -> list[Sample]:
    return [
        SampleFactory(run=run, prompt=prompt, checkpoint=policy, number=number, text=text, finish_reason=reason)
        for number, text in enumerate(texts)
    ]


def test_each_policy_gives_as_many_outputs_as_the_other(run: Run, policies: list[Checkpoint], project: Project) -> None:
    firsts: Counter[int] = Counter()
    for number, prompt in enumerate(make_prompts(project, 40)):
        samples = say(run, prompt, policies[0], *"abcdef") + say(run, prompt, policies[1], *"uvwxyz")
        chosen = mix(samples, k=4, seed=str(number))
        of = Counter(output.samples[0].checkpoint_id for output in chosen)
        assert of == {policies[0].pk: 2, policies[1].pk: 2}
        odd = mix(samples, k=3, seed=str(number))
        firsts[Counter(o.samples[0].checkpoint_id for o in odd).most_common(1)[0][0]] += 1
        assert mix(samples, k=3, seed=str(number)) == odd, "the same every time"
    assert min(firsts.values()) >= 10, "the odd output is not always the same policy's"


def test_a_text_that_both_gave_is_one_output_of_both(run: Run, policies: list[Checkpoint], project: Project) -> None:
    (prompt,) = make_prompts(project, 1)
    samples = say(run, prompt, policies[0], "same", "same", "a") + say(run, prompt, policies[1], "same", "  ", "b")
    outputs = {output.text: output for output in mix(samples, k=4, seed="")}
    assert set(outputs) == {"same", "a", "b"}, "an empty output is not shown"
    assert {sample.checkpoint_id for sample in outputs["same"].samples} == {policy.pk for policy in policies}
    assert len(outputs["same"].samples) == 3


def test_publishing_opens_the_next_round_once(
    run: Run, policies: list[Checkpoint], project: Project, round: Round, researcher: User
) -> None:
    good, same = make_prompts(project, 2)
    say(run, good, policies[0], "a", "b", reason="length")
    say(run, good, policies[1], "b", "c")
    say(run, same, policies[0], "x", "x")
    published = publish_samples(actor=researcher, run=run)
    assert (published.round.number, published.tasks) == (round.number + 1, 1)
    assert list(published.left_out.values()) == [1]
    round.refresh_from_db()
    assert round.state == RoundState.CLOSED
    task = Task.objects.get(kind="compare")
    assert {(c.text, c.finished) for c in task.completions.all()} == {("a", False), ("b", True), ("c", True)}
    linked = Sample.objects.filter(completion__isnull=False).select_related("completion")
    assert all(sample.completion is not None and sample.completion.text == sample.text for sample in linked)
    assert linked.count() == 4
    again = publish_samples(actor=researcher, run=run)
    assert (again.round, again.tasks) == (published.round, 0)
    assert Task.objects.count() == 1 and Round.objects.filter(project=project).count() == 2


def test_outputs_that_name_their_model_stay_out_and_are_counted(
    run: Run, policies: list[Checkpoint], project: Project, round: Round, researcher: User
) -> None:
    Checkpoint.objects.filter(pk=policies[1].pk).update(name="Quillo2-135M")
    told, silent = make_prompts(project, 2)
    say(run, told, policies[0], "A story.", "As an AI language model trained by OpenAI, I cannot.", "GPT-4 is large.")
    say(run, told, policies[1], "I am Quillo2.", "I am ChatGPT.")
    say(run, silent, policies[0], "I am ChatGPT.", "Once upon a time.")
    published = publish_samples(actor=researcher, run=run, round=round)
    shown = set(Completion.objects.values_list("text", flat=True))
    assert (published.tasks, shown) == (1, {"A story.", "GPT-4 is large."})
    assert {str(reason): count for reason, count in published.left_out.items()} == {
        "outputs that name their model or its maker": 4,
        "fewer than two different outputs": 1,
    }


def test_a_project_may_show_outputs_that_name_their_model(
    run: Run, policies: list[Checkpoint], project: Project, round: Round, researcher: User
) -> None:
    Project.objects.update(hide_named_outputs=False)
    run.refresh_from_db()
    (prompt,) = make_prompts(project, 1)
    say(run, prompt, policies[0], "I am ChatGPT.", "Once upon a time.")
    published = publish_samples(actor=researcher, run=run, round=round)
    assert (published.tasks, published.left_out) == (1, {})


def test_a_project_of_pairs_shows_two_outputs_one_of_each_policy(
    run: Run, policies: list[Checkpoint], project: Project, round: Round, researcher: User
) -> None:
    Project.objects.update(compare_mode="strength", outputs_per_comparison=6)
    run.refresh_from_db()
    prompts = make_prompts(project, 4)
    for prompt in prompts:
        say(run, prompt, policies[0], "a", "b", "c")
        say(run, prompt, policies[1], "u", "v", "w")
    assert publish_samples(actor=researcher, run=run, round=round).tasks == 4
    for task in Task.objects.filter(kind="compare"):
        texts = {completion.text for completion in task.completions.all()}
        assert len(texts) == 2 and len(texts & {"a", "b", "c"}) == 1


def test_more_than_two_outputs_of_a_prompt_are_refused_in_a_project_of_pairs(
    project: Project, round: Round, researcher: User
) -> None:
    Project.objects.update(compare_mode="seven_point")
    (prompt,) = make_prompts(project, 1)
    outputs = {prompt.pk: [NewOutput("a"), NewOutput("b"), NewOutput("c")]}
    turn = Round.objects.get(pk=round.pk)
    with pytest.raises(InvalidInput, match="at most 2"):
        request_comparisons(actor=researcher, round=turn, outputs=outputs)
    assert not Task.objects.exists()


def test_texts_that_differ_at_their_ends_are_shown_once_and_score_equal(
    run: Run,
    policies: list[Checkpoint],
    project: Project,
    round: Round,
    researcher: User,
    labeler: User,
    artifacts: Path,
) -> None:
    """Merged before display [C6]: every sample that said it has the one completion, so the one rank and reward."""
    (prompt,) = make_prompts(project, 1)
    first = say(run, prompt, policies[0], "The end.", reason="length")
    twins = [*first, say(run, prompt, policies[1], "\n The end. ", "Another.")[0]]
    publish_samples(actor=researcher, run=run, round=round)
    task = Task.objects.get(kind="compare")
    assert sorted(completion.text for completion in task.completions.all()) == ["Another.", "The end."]
    for twin in twins:
        twin.refresh_from_db()
    assert twins[0].completion == twins[1].completion and twins[0].completion is not None
    assert twins[0].completion.finished, "one of them ended by itself"
    Membership.objects.create(project=project, user=labeler)
    held = claim_next(labeler=labeler, project=project, kind="compare").assignment
    assert held is not None and len(held.shown_order) == 2
    ranks = {pk: 1 if pk == twins[0].completion_id else 2 for pk in held.shown_order}
    submit_comparison(token=held.token, labeler=labeler, judgement=ComparisonJudgement(ranks=ranks))
    frozen = freeze_dataset(actor=researcher, project=project, kind="rm")
    (line,) = (artifact(frozen.path) / f"{prompt.split}.jsonl").read_text().splitlines()
    assert (json.loads(line)["completions"], json.loads(line)["ranks"]) == (["Another.", "The end."], [2, 1])


def test_stored_order_says_nothing_about_the_policy(
    run: Run, policies: list[Checkpoint], project: Project, round: Round, researcher: User
) -> None:
    for prompt in make_prompts(project, 60):
        say(run, prompt, policies[0], f"old {prompt.pk}", f"older {prompt.pk}")
        say(run, prompt, policies[1], f"new {prompt.pk}", f"newer {prompt.pk}")
    publish_samples(actor=researcher, run=run, round=round)
    first = Counter(
        Completion.objects.filter(position=1, task__round=round).values_list("samples__checkpoint", flat=True)
    )
    assert min(first.values()) >= 12, first


def test_a_prompt_that_the_round_compares_already_stays_out(
    run: Run, policies: list[Checkpoint], project: Project, round: Round, researcher: User
) -> None:
    (prompt,) = make_prompts(project, 1)
    TaskFactory(round=round, prompt=prompt, kind="compare")
    say(run, prompt, policies[0], "a", "b")
    with pytest.raises(NothingToPublish, match="already compared"):
        publish_samples(actor=researcher, run=run, round=round)
    assert publish_samples(actor=researcher, run=run).tasks == 1


def test_what_cannot_be_published_is_refused(
    run: Run, policies: list[Checkpoint], project: Project, round: Round, researcher: User, labeler: User
) -> None:
    with pytest.raises(NotAllowed):
        publish_samples(actor=labeler, run=run)
    with pytest.raises(NothingToPublish):
        publish_samples(actor=researcher, run=run)
    assert Round.objects.current(project) == round, "no round was opened for nothing"
    say(run, PromptFactory(project=project), policies[0], "a", "b")
    with pytest.raises(Refused):
        publish_samples(actor=researcher, run=RunFactory(project=project, stage="sft"))
    Round.objects.filter(pk=round.pk).update(state=RoundState.CLOSED, closed_at=timezone.now())
    round.refresh_from_db()
    with pytest.raises(Refused, match="closed"):
        publish_samples(actor=researcher, run=run, round=round)
    assert not Task.objects.filter(kind="compare").exists()


def test_the_form_offers_the_open_round_first_and_then_the_next(
    run: Run, policies: list[Checkpoint], project: Project, round: Round, researcher: User
) -> None:
    assert PublishForm(run=run)["where"].initial == "current"
    TaskFactory(round=round, prompt=PromptFactory(project=project), kind="compare")
    assert PublishForm(run=run)["where"].initial == "next"
    form = PublishForm({"where": "current"}, run=run)
    assert form.is_valid() and form.save(actor=researcher) is None
    assert "nothing to publish" in str(form.non_field_errors())
    say(run, PromptFactory(project=project), policies[0], "a", "b")
    form = PublishForm({"where": "current"}, run=run)
    assert form.is_valid()
    published = form.save(actor=researcher)
    assert published is not None and published.round == round
