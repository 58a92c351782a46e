"""PPO: its invariants before the first step, its gradients, its exact resume, and that the reward goes up."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from training.rlhf import functional as fn
from training.rlhf.batching import Cursor, encode_completion, encode_prompt
from training.rlhf.config import PPOConfig
from training.rlhf.lifecycle import run_stage
from training.rlhf.modeling import (
    fingerprint,
    load_policy,
    load_scorer,
    load_tokenizer,
    make_scorer_from_policy,
    save_checkpoint,
)
from training.rlhf.ppo import accumulate_gradients, learn, make_adam, next_prompts, read_prompts, train, warmup_share
from training.rlhf.records import Prompt, read_records, write_records
from training.rlhf.rollout import Models, Rollout, collect, describe, value_estimates
from training.rlhf.rundir import RunDir, read_jsonl
from training.rlhf.sampling import completion_logprobs
from training.rlhf.scoring import RewardNorm, load_reward_model, pad_id, score_ids

SETTINGS = {
    "updates": 4, "episodes_per_update": 12, "minibatches": 2, "inner_epochs": 2, "micro_batch_size": 4,
    "max_new_tokens": 10, "learning_rate": 1e-3, "value_learning_rate": 1e-3, "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def reward(random_tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("reward")
    model = make_scorer_from_policy(random_tiny, seed=3)
    save_checkpoint(directory, model, load_tokenizer(random_tiny))
    RewardNorm(0.5, 1, "demonstrations", fingerprint(directory)).write(directory)
    return directory


@pytest.fixture(scope="module")
def stray(random_tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy that stands a little away from its reference."""
    directory = tmp_path_factory.mktemp("stray")
    model, generator = load_policy(random_tiny), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    save_checkpoint(directory, model, load_tokenizer(random_tiny))
    return directory


def load(policy: Path, reference: Path, reward: Path) -> Models:
    scorer = load_reward_model(reward)
    return Models(
        policy=load_policy(policy),
        reference=load_policy(reference),
        value=load_scorer(reward),
        reward=scorer,
        eos=int(scorer.tokenizer.eos_token_id),
        pad=pad_id(scorer.tokenizer),
    )


def config_of(**settings: Any) -> PPOConfig:
    return PPOConfig(model="m", reward_model="r", reference="f", **{**SETTINGS, **settings})


def some_prompts(models: Models, count: int = 12) -> list[list[int]]:
    rng = random.Random(0)
    texts = [" ".join(rng.sample(["fox", "owl", "key", "lantern"], k=rng.randint(1, 4))) for _ in range(count)]
    return [encode_prompt(models.reward.tokenizer, [{"role": "user", "content": text}]) for text in texts]


@pytest.fixture(scope="module")
def models(random_tiny: Path, stray: Path, reward: Path) -> Models:
    return load(stray, random_tiny, reward)


@pytest.fixture(scope="module")
def rollout(models: Models) -> Rollout:
    # So long and so sharp that some answers end by themselves and some are cut (asserted below).
    found, _ = collect(models, some_prompts(models), config_of(max_new_tokens=25, temperature=0.7), seed=5)
    return found


def test_answers_are_ragged_and_end_as_they_should(models: Models, rollout: Rollout) -> None:
    assert 0 < rollout.finished.sum() < len(rollout.finished)  # otherwise the tests below see one case only
    for completion, finished, mask in zip(rollout.completions, rollout.finished, rollout.mask, strict=True):
        assert (completion[-1] == models.eos) == bool(finished)
        assert models.eos not in completion[:-1]
        assert int(mask.sum()) == len(completion)


def test_before_the_first_step_nothing_has_moved(models: Models, rollout: Rollout) -> None:
    config = config_of(max_new_tokens=25, temperature=0.7)
    metrics = accumulate_gradients(models, rollout, range(12), config)
    assert metrics["ratio"] == pytest.approx(1, abs=1e-5)
    assert metrics["approx_kl"] == pytest.approx(0, abs=1e-9)
    assert metrics["clip_fraction"] == 0
    for model in (models.policy, models.value):
        model.zero_grad()


def test_kl_is_zero_against_oneself_and_positive_against_another(
    random_tiny: Path, reward: Path, rollout: Rollout
) -> None:
    same = load(random_tiny, random_tiny, reward)
    found, _ = collect(same, some_prompts(same), config_of(kl_coefficient=0.5), seed=5)
    assert found.kl.abs().max() == 0
    assert describe(found)["kl_k3"] == 0
    # With gamma 1 the whole reward is then the score, less the penalty for answers that were cut.
    torch.testing.assert_close(found.rewards.sum(1), found.scores - (~found.finished).float())
    assert describe(rollout)["kl"] > 0
    assert describe(rollout)["kl_k3"] > 0


def test_scores_are_of_the_sampled_ids_with_the_offset(models: Models, rollout: Rollout) -> None:
    for i in (0, 5):
        alone = models.reward.score([[*rollout.prompts[i], *rollout.completions[i]]])
        torch.testing.assert_close(rollout.scores[i : i + 1], alone, rtol=1e-5, atol=1e-5)
    raw = load_scorer(str(models.reward.model.name_or_path))
    unshifted = score_ids(raw, [[*rollout.prompts[0], *rollout.completions[0]]], pad=models.pad)
    torch.testing.assert_close(rollout.scores[:1], unshifted - 0.5, rtol=1e-5, atol=1e-5)


def test_rewards_hold_the_penalty_the_kl_and_the_score(rollout: Rollout) -> None:
    penalty = (~rollout.finished).float()
    kl = (rollout.kl * rollout.mask).sum(1)
    torch.testing.assert_close(rollout.rewards.sum(1), rollout.scores - penalty - 0.02 * kl)
    last = fn.last_real(rollout.mask)
    others = rollout.rewards.scatter(1, last[:, None], 0.0)
    torch.testing.assert_close(others, (-0.02 * rollout.kl * rollout.mask).scatter(1, last[:, None], 0.0))


def test_values_start_as_the_reward_models_own(models: Models, rollout: Rollout) -> None:
    """The value before the last token is what the reward model says of the answer so far."""
    rows = [[*p, *c[:-1]] for p, c in zip(rollout.prompts, rollout.completions, strict=True)]
    last = fn.last_real(rollout.mask)
    values = rollout.values.gather(1, last[:, None]).squeeze(1)
    torch.testing.assert_close(values, models.reward.score(rows), rtol=1e-5, atol=1e-5)


def test_values_do_not_depend_on_padding(models: Models, rollout: Rollout) -> None:
    with torch.no_grad():
        for i, completion in enumerate(rollout.completions):
            alone = value_estimates(models, [rollout.prompts[i]], [completion])[0]
            torch.testing.assert_close(rollout.values[i, : len(completion)], alone, rtol=1e-5, atol=1e-5)


def test_advantages_are_whitened_over_the_whole_batch(rollout: Rollout) -> None:
    real = rollout.advantages[rollout.mask]
    assert real.mean().item() == pytest.approx(0, abs=1e-5)
    assert real.std(unbiased=False).item() == pytest.approx(1, abs=1e-4)


def gradients(models: Models, rollout: Rollout, rows: list[int], micro: int) -> dict[str, torch.Tensor]:
    config = config_of(micro_batch_size=micro, max_new_tokens=25, temperature=0.7)
    accumulate_gradients(models, rollout, rows, config)
    found = {}
    for name, model in (("policy", models.policy), ("value", models.value)):
        for key, parameter in model.named_parameters():
            if parameter.grad is not None:
                found[f"{name}.{key}"] = parameter.grad.clone()
        model.zero_grad()
    return found


def test_micro_batches_add_up_to_the_whole_gradient(models: Models, rollout: Rollout) -> None:
    rows = [0, 3, 4, 6, 7, 9, 11]
    whole = gradients(models, rollout, rows, 0)
    assert any(name.startswith("policy.") for name in whole)
    assert any(name.startswith("value.") for name in whole)
    for micro in (1, 3):
        pieces = gradients(models, rollout, rows, micro)
        assert pieces.keys() == whole.keys()
        for name, expected in whole.items():
            assert (pieces[name] - expected).norm() <= 1e-5 * expected.norm() + 1e-9, name


def test_the_first_gradient_is_the_policy_gradient(models: Models, rollout: Rollout) -> None:
    """At ratio 1 PPO's gradient is -E[A * grad log pi]: worked out here without its loss."""
    ours = gradients(models, rollout, list(range(12)), 0)
    logprobs, _ = completion_logprobs(
        models.policy, rollout.prompts, rollout.completions, pad=models.pad, temperature=0.7
    )
    loss = -(rollout.advantages * logprobs)[rollout.mask].sum() / rollout.mask.sum()
    names = [name for name, _ in models.policy.named_parameters()]
    expected = torch.autograd.grad(loss, list(models.policy.parameters()))
    for name, gradient in zip(names, expected, strict=True):
        assert (ours[f"policy.{name}"] - gradient).norm() <= 1e-4 * gradient.norm() + 1e-9, name


def test_prompts_follow_without_a_gap_or_a_repeat() -> None:
    cursor = Cursor()
    taken = [i for _ in range(5) for i in next_prompts(10, 4, seed=0, cursor=cursor)]
    assert sorted(taken[:10]) == sorted(taken[10:]) == list(range(10))
    assert taken[:10] != taken[10:]
    few = next_prompts(3, 8, seed=0, cursor=Cursor())
    assert sorted(few[:3]) == sorted(few[3:6]) == [0, 1, 2]


def test_warmup_begins_at_a_tenth() -> None:
    assert [warmup_share(n, 2) for n in range(4)] == pytest.approx([0.1, 0.55, 1.0, 1.0])
    assert warmup_share(0, 0) == 1


# --- the stage ------------------------------------------------------------------------------------------------------


def write_run(path: Path, policy: Path, reward: Path, reference: Path, **settings: Any) -> RunDir:
    (path / "data").mkdir(parents=True)
    prompts = [Prompt([{"role": "user", "content": f"Story {n}"}], id=f"p{n}") for n in range(20)]
    write_records(path / "data" / "train.jsonl", prompts)
    inputs = {"model": str(policy), "reward_model": str(reward), "reference": str(reference)}
    (path / "config.json").write_text(json.dumps({**inputs, **SETTINGS, **settings}))
    return RunDir(path)


def run_to_end(run: RunDir) -> dict[str, Any]:
    assert run_stage(PPOConfig, train, run.path) == 0
    result = run.read_result()
    assert result is not None
    return result


def stop_after(count: int) -> Iterator[bool]:
    yield from [False] * count
    while True:
        yield True


def test_stopped_and_resumed_is_bit_equal(
    random_tiny: Path, reward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, halted = (write_run(tmp_path / name, random_tiny, reward, random_tiny) for name in ("straight", "halted"))
    whole = run_to_end(straight)
    answers = stop_after(2)
    monkeypatch.setattr("training.rlhf.ppo.stopping", lambda: next(answers))
    partial = run_to_end(halted)
    assert (partial["state"], partial["steps"]) == ("stopped", 2)
    monkeypatch.undo()
    resumed = run_to_end(halted)
    assert (resumed["state"], resumed["steps"]) == ("succeeded", 4)
    assert resumed["metrics"] == whole["metrics"]
    for part, loader in ((".", load_policy), ("state/value", load_scorer)):
        mine = loader(halted.checkpoint(4) / part).state_dict()
        theirs = loader(straight.checkpoint(4) / part).state_dict()
        assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    start = load_policy(random_tiny).state_dict()
    assert any(
        not torch.equal(start[name], value) for name, value in load_policy(straight.checkpoint(4)).state_dict().items()
    )
    lines = list(read_jsonl(halted.metrics))
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    for line in lines:
        assert line["ratio_first"] == pytest.approx(1, abs=1e-5)
        assert line["approx_kl_first"] == pytest.approx(0, abs=1e-8)
    assert lines[0]["kl"] == pytest.approx(0, abs=1e-5)
    assert lines[0]["learning_rate"] == pytest.approx(1e-4)


def test_a_changed_reference_is_refused_at_resume(
    random_tiny: Path, stray: Path, reward: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    reference = shutil.copytree(random_tiny, tmp_path / "reference")
    run = write_run(tmp_path / "run", random_tiny, reward, reference, updates=1)
    run_to_end(run)
    shutil.copytree(stray, reference, dirs_exist_ok=True)
    run.config.write_text(json.dumps({**json.loads(run.config.read_text()), "updates": 2}))
    assert run_stage(PPOConfig, train, run.path) == 2
    assert "the reference is not the one this run began with" in capfd.readouterr().err


def test_another_tokenizer_is_refused(
    random_tiny: Path, reward: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    tokenizer, model = load_tokenizer(random_tiny), load_policy(random_tiny)
    tokenizer.add_tokens(["<|new|>"])
    model.resize_token_embeddings(len(tokenizer))
    save_checkpoint(other, model, tokenizer)
    run = write_run(tmp_path / "run", other, reward, other)
    assert run_stage(PPOConfig, train, run.path) == 2
    assert "the reward model has another tokenizer than the policy" in capfd.readouterr().err


def test_a_language_model_cannot_reward(random_tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "run", random_tiny, random_tiny, random_tiny)
    assert run_stage(PPOConfig, train, run.path) == 2
    assert "not a reward model" in capfd.readouterr().err


def test_prompts_that_are_too_long_are_left_out(
    random_tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.jsonl"
    records = [Prompt([{"role": "user", "content": text}]) for text in ("short", "long " * 200)]
    write_records(path, records)
    names, prompts = read_prompts(path, load_tokenizer(random_tiny), 64)
    assert (names, len(prompts)) == (["train.jsonl line 1"], 1)
    assert "1 longer than 64 tokens left out" in capfd.readouterr().out


def test_a_loss_that_is_not_finite_stops(
    random_tiny: Path, reward: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run", random_tiny, reward, random_tiny, learning_rate=1e30)
    assert run_stage(PPOConfig, train, run.path) == 2
    assert "lower learning_rate" in capfd.readouterr().err
    assert run.read_result() is None


TOY = {
    "updates": 16, "episodes_per_update": 64, "micro_batch_size": 0, "max_new_tokens": 5, "learning_rate": 1e-2,
    "value_learning_rate": 3e-3, "missing_eos_penalty": 0.0, "kl_coefficient": 0.05,
}  # fmt: skip


def test_reward_rises_and_beta_holds_the_kl(random_tiny: Path, reward: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", random_tiny, reward, random_tiny, **TOY)
    free = run_to_end(run)["metrics"]
    spread = next(read_jsonl(run.metrics))["score_std"]
    assert free["score_last"] > free["score_first"] + spread
    assert 0 < free["kl"] < 20
    held = run_to_end(
        write_run(tmp_path / "held", random_tiny, reward, random_tiny, **{**TOY, "kl_coefficient": 2.0, "updates": 8})
    )["metrics"]
    assert held["kl"] < free["kl"] / 3


def test_the_value_model_learns_the_returns(random_tiny: Path, reward: Path) -> None:
    models = load(random_tiny, random_tiny, reward)
    config = config_of(inner_epochs=1, minibatches=1, value_clip=10.0)
    found, _ = collect(models, some_prompts(models), config, seed=5)
    optimizers = {"value": make_adam(models.value, 1e-3)}
    ids = [str(n) for n in range(12)]
    losses = [learn(models, optimizers, found, config, random.Random(0), 1, ids)["value_loss"] for _ in range(25)]
    assert losses[-1] < losses[0] / 2


def test_eos_is_part_of_what_is_scored(models: Models) -> None:
    prompt = some_prompts(models, 1)[0]
    finished = encode_completion(models.reward.tokenizer, "owl", finished=True)
    scores = models.reward.score([[*prompt, *finished], [*prompt, *finished[:-1]]])
    assert abs(scores[0] - scores[1]) > 1e-3


def test_a_prompt_leaves_room_for_the_answer_in_every_models_context(
    random_gpt2: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """GPT-2's positions end at 256: beyond them it cannot be asked at all."""
    scorer = tmp_path / "reward"
    save_checkpoint(scorer, make_scorer_from_policy(random_gpt2), load_tokenizer(random_gpt2))
    run = write_run(
        tmp_path / "run", random_gpt2, scorer, random_gpt2, max_prompt_length=1000, max_new_tokens=100, updates=1
    )
    long = Prompt([{"role": "user", "content": "fox " * 100}])
    write_records(run.train, [*read_records(Prompt, run.train), long])
    assert run_stage(PPOConfig, train, run.path) == 0
    assert "1 longer than 156 tokens left out" in capfd.readouterr().out
    settings = json.loads(run.config.read_text()) | {"max_new_tokens": 256}
    run.config.write_text(json.dumps(settings))
    assert run_stage(PPOConfig, train, run.path) == 2
    assert "max_new_tokens is 256" in capfd.readouterr().err
