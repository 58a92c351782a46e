"""The next action: every situation of the loop, in order; and the page's state from real rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from labeling.models import Project, Round
from tests.factories import CheckpointFactory, RunFactory, SampleFactory, TaskFactory
from tests.training.conftest import make_comparison, make_demonstrations, make_prompts
from training.loop import Facts, Verb, decide, loop_state
from training.models import Run, RunState

EMPTY = Facts()
PROMPTS = replace(EMPTY, prompts=50)
ROUND = replace(PROMPTS, round=1, bases=1)
ASKED = replace(ROUND, write_tasks=24, write_open=24)
HALF = replace(ASKED, write_open=14, demonstrations=10)
ENOUGH = replace(ASKED, write_open=4, demonstrations=20)
FROZEN = replace(ENOUGH, sft_dataset=True)
SFT = replace(FROZEN, sft_policy=True)
FROZEN_PROMPTS = replace(SFT, prompt_dataset=True)
ANSWERED = replace(FROZEN_PROMPTS, outputs_waiting=7)
COMPARE = replace(FROZEN_PROMPTS, compare_tasks=30, compare_open=30)
COMPARED = replace(COMPARE, compare_open=0, comparisons=30)
RANKED = replace(COMPARED, rm_dataset=True)
REWARD = replace(RANKED, reward_model=True)
PPO = replace(REWARD, ppo_policy=True)
ANSWERED_AGAIN = replace(PPO, outputs_waiting=12)
ROUND_2 = replace(FROZEN_PROMPTS, round=2, compare_tasks=30, compare_open=12, comparisons=18)

SITUATIONS = [
    (EMPTY, Verb.IMPORT_PROMPTS, ""),
    (replace(EMPTY, round=1), Verb.IMPORT_PROMPTS, ""),
    (PROMPTS, Verb.OPEN_ROUND, ""),
    (ROUND, Verb.ASK_TO_WRITE, ""),
    (ASKED, Verb.WRITE, ""),
    (HALF, Verb.WRITE, ""),
    (replace(ASKED, write_open=0), Verb.ASK_TO_WRITE, ""),
    (ENOUGH, Verb.FREEZE, "sft"),
    (replace(HALF, write_open=0), Verb.FREEZE, "sft"),
    (replace(ROUND, demonstrations=3), Verb.FREEZE, "sft"),
    (FROZEN, Verb.START_RUN, "sft"),
    (replace(FROZEN, bases=0), Verb.ADD_BASE, ""),
    (replace(FROZEN, in_flight=(3, "sft")), Verb.WATCH_RUN, "3"),
    (replace(FROZEN, failed=(3, "sft")), Verb.MEND_RUN, "3"),
    # Frozen before there were enough, by hand: that was a decision, and the loop goes on with it.
    (replace(HALF, sft_dataset=True), Verb.START_RUN, "sft"),
    # A base model on its way keeps nobody from writing, and one that did not come leaves the base from before.
    (replace(HALF, in_flight=(3, "convert")), Verb.WRITE, ""),
    (replace(FROZEN, in_flight=(3, "convert")), Verb.WATCH_RUN, "3"),
    (replace(FROZEN, failed=(3, "convert")), Verb.START_RUN, "sft"),
    (replace(FROZEN, bases=0, failed=(3, "convert")), Verb.MEND_RUN, "3"),
    (SFT, Verb.FREEZE, "ppo"),
    (FROZEN_PROMPTS, Verb.START_RUN, "generate"),
    (ANSWERED, Verb.PUBLISH, "7"),
    (COMPARE, Verb.COMPARE, ""),
    (replace(COMPARE, compare_open=0), Verb.START_RUN, "generate"),
    (COMPARED, Verb.FREEZE, "rm"),
    (replace(COMPARE, compare_open=5, comparisons=25), Verb.FREEZE, "rm"),
    (RANKED, Verb.START_RUN, "reward"),
    (REWARD, Verb.START_RUN, "ppo"),
    (replace(REWARD, prompt_dataset=False), Verb.FREEZE, "ppo"),
    (PPO, Verb.START_RUN, "generate"),
    (ANSWERED_AGAIN, Verb.PUBLISH, "12"),
    (ROUND_2, Verb.COMPARE, ""),
    (replace(ROUND_2, compare_open=0, comparisons=30), Verb.FREEZE, "rm"),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "verb", "target"), SITUATIONS)
def test_each_situation_has_its_step(facts: Facts, verb: Verb, target: str) -> None:
    action = decide(facts)
    assert (action.verb, action.target) == (verb, target)
    assert str(action.label) and str(action.why).endswith(".")


def test_first_outputs_join_the_round_and_later_ones_open_the_next() -> None:
    assert not decide(ANSWERED).in_next_round
    assert decide(ANSWERED_AGAIN).in_next_round


@pytest.mark.django_db
@pytest.mark.usefixtures("artifacts")
def test_the_state_counts_by_split_and_source(
    researcher: User,
    labeler: User,
    project: Project,
    round: Round,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    demonstrations = make_demonstrations(project, labeler, round)
    make_comparison(round, demonstrations[0].prompt, labeler, ["a", "b"], [1, 2])
    TaskFactory(round=round, prompt=demonstrations[1].prompt)
    with django_assert_max_num_queries(26):
        state = loop_state(project)
    steps = {step.key: step for step in state.steps}
    assert list(steps) == ["prompts", "demonstrations", "comparisons", "training", "outputs"]
    assert steps["demonstrations"].table == {
        "train": {"labeler": 8, "customer": 0}, "valid": {"labeler": 2, "customer": 0},
    }  # fmt: skip
    assert (steps["demonstrations"].done, steps["demonstrations"].wanted) == (0, 1)
    assert (steps["comparisons"].total, steps["comparisons"].wanted) == (1, 1)
    assert steps["outputs"].blocked and not steps["prompts"].blocked
    assert state.next_action.verb == Verb.WRITE
    assert state.facts.round == round.number


@pytest.mark.django_db
def test_waiting_outputs_are_those_of_the_newest_policy(project: Project, round: Round) -> None:
    make_prompts(project, 1)
    policy = CheckpointFactory(project=project, kind="sft")
    done = {"project": project, "stage": "generate", "state": RunState.SUCCEEDED, "result": {}}
    run: Run = RunFactory(**done, config={"split": "train"}, ended_at=timezone.now())
    RunFactory(**done, config={"split": "valid"}, ended_at=timezone.now())
    SampleFactory(run=run, checkpoint=policy)
    assert loop_state(project).facts.outputs_waiting == run.pk
    CheckpointFactory(project=project, kind="ppo")
    assert loop_state(project).facts.outputs_waiting is None, "a newer policy has not answered yet"


@pytest.mark.django_db
def test_a_failed_run_stands_in_the_way_until_another_is_started(project: Project, round: Round) -> None:
    make_prompts(project, 1)
    failed = RunFactory(project=project, state=RunState.FAILED, ended_at=timezone.now())
    assert loop_state(project).next_action.target == str(failed.pk)
    newer = RunFactory(project=project)
    state = loop_state(project)
    assert (state.next_action.verb, state.next_action.target) == (Verb.WATCH_RUN, str(newer.pk))
    assert state.runs_in_flight == [newer]
