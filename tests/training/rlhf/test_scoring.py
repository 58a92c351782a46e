"""Scores by mask length, values before tokens, and the offset that travels with the weights."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest
import torch

from training.rlhf import scoring
from training.rlhf.batching import encode_completion, encode_prompt, pad_right
from training.rlhf.modeling import ModelError, fingerprint, load_tokenizer, make_scorer_from_policy, save_checkpoint

PROMPT = [{"role": "user", "content": "Tell a story about a shy fox."}]


@pytest.fixture(scope="module", params=["random_tiny", "random_gpt2"])
def base(request: pytest.FixtureRequest) -> Path:
    """Rotary and absolute positions: only the second notices wrong position ids."""
    path: Path = request.getfixturevalue(request.param)
    return path


@pytest.fixture(scope="module")
def reward(random_tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("reward")
    save_checkpoint(directory, make_scorer_from_policy(random_tiny, seed=3), load_tokenizer(random_tiny))
    return directory


def ragged(tokenizer_size: int, seed: int = 0) -> tuple[list[list[int]], list[list[int]]]:
    draw = random.Random(seed)
    prompts = [[draw.randrange(3, tokenizer_size) for _ in range(n)] for n in (4, 9, 1, 6)]
    completions = [[draw.randrange(3, tokenizer_size) for _ in range(n)] for n in (7, 2, 5, 1)]
    return prompts, completions


def test_padded_scores_equal_unpadded(base: Path) -> None:
    tokenizer, model = load_tokenizer(base), make_scorer_from_policy(base, seed=1)
    pad = scoring.pad_id(tokenizer)
    prompts, completions = ragged(len(tokenizer))
    rows = [p + c for p, c in zip(prompts, completions, strict=True)]
    alone = torch.cat([scoring.score_ids(model, [row], pad=pad) for row in rows])
    together = scoring.score_ids(model, rows, pad=pad, micro_batch=0)
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(scoring.score_ids(model, rows, pad=pad, micro_batch=3), alone, rtol=1e-5, atol=1e-5)
    assert alone.std() > 0.01  # a constant would pass everything above


def test_padded_values_equal_unpadded(base: Path) -> None:
    tokenizer, model = load_tokenizer(base), make_scorer_from_policy(base, seed=1)
    pad = scoring.pad_id(tokenizer)
    prompts, completions = ragged(len(tokenizer))
    together = scoring.completion_values(model, prompts, completions, pad=pad)
    for i, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        alone = scoring.completion_values(model, [prompt], [completion], pad=pad)[0]
        torch.testing.assert_close(together[i, : len(completion)], alone, rtol=1e-5, atol=1e-5)


def test_a_value_is_of_the_state_before_its_token(base: Path) -> None:
    tokenizer, model = load_tokenizer(base), make_scorer_from_policy(base, seed=1)
    pad = scoring.pad_id(tokenizer)
    first = scoring.completion_values(model, [[5, 6]], [[7, 8]], pad=pad)[0]
    changed = scoring.completion_values(model, [[5, 6]], [[7, 9]], pad=pad)[0]
    torch.testing.assert_close(first, changed, rtol=0, atol=0)  # the last token is chosen after both values
    torch.testing.assert_close(first[0], scoring.score_ids(model, [[5, 6]], pad=pad)[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(first[1], scoring.score_ids(model, [[5, 6, 7]], pad=pad)[0], rtol=1e-5, atol=1e-5)


def test_the_scorer_sees_eos(base: Path) -> None:
    tokenizer, model = load_tokenizer(base), make_scorer_from_policy(base, seed=1)
    pad = scoring.pad_id(tokenizer)
    assert pad != tokenizer.eos_token_id
    prompt = encode_prompt(tokenizer, PROMPT)
    finished = prompt + encode_completion(tokenizer, "A fox.", finished=True)
    cut = prompt + encode_completion(tokenizer, "A fox.", finished=False)
    longer = finished + [5] * 4  # so that both rows above are padded
    scores = scoring.score_ids(model, [finished, cut, longer], pad=pad, micro_batch=0)
    assert abs(scores[0] - scores[1]) > 1e-3


def test_a_row_that_ends_in_the_padding_id_is_read_to_its_end(base: Path) -> None:
    tokenizer, model = load_tokenizer(base), make_scorer_from_policy(base, seed=1)
    pad = scoring.pad_id(tokenizer)
    scores = scoring.score_ids(model, [[5, 6, 7, pad], [5, 6, 7], [8] * 6], pad=pad, micro_batch=0)
    assert abs(scores[0] - scores[1]) > 1e-4


def test_scores_agree_with_transformers_own_classifier(random_tiny: Path) -> None:
    tokenizer, model = load_tokenizer(random_tiny), make_scorer_from_policy(random_tiny, seed=1)
    pad = scoring.pad_id(tokenizer)
    rows = pad_right([[5, 6, 7, 2], [9, 4]], pad)
    with torch.no_grad():
        theirs = model(**rows.inputs()).logits[:, 0]
        ours = scoring.score_padded(model, rows)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_offset_is_subtracted_and_belongs_to_its_weights(reward: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(reward, tmp_path / "reward")
    plain = scoring.load_reward_model(directory).score([[5, 6, 7]])
    norm = scoring.RewardNorm(0.75, 3, "demonstrations", fingerprint(directory), "t")
    norm.write(directory)
    loaded = scoring.load_reward_model(directory)
    assert loaded.norm == norm
    torch.testing.assert_close(loaded.score([[5, 6, 7]]), plain - 0.75)

    scoring.RewardNorm(0.75, 3, "demonstrations", "of other weights", "t").write(directory)
    with pytest.raises(ModelError, match="made for other weights"):
        scoring.load_reward_model(directory)
    (directory / scoring.NORM_FILE).write_text(json.dumps({"shift": 1}))
    with pytest.raises(ModelError, match="cannot be read"):
        scoring.load_reward_model(directory)


def test_a_language_model_is_not_a_reward_model(random_tiny: Path) -> None:
    with pytest.raises(ModelError, match="not a reward model"):
        scoring.load_reward_model(random_tiny)


def test_another_tokenizer_is_refused(random_tiny: Path) -> None:
    one, two = load_tokenizer(random_tiny), load_tokenizer(random_tiny)
    scoring.require_same_tokenizer(one, two, "reward model")
    two.add_tokens(["<|new|>"])
    with pytest.raises(ModelError, match="reward model has another tokenizer"):
        scoring.require_same_tokenizer(one, two, "reward model")
