"""Loading, saving and the errors that say what to do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from training.rlhf.modeling import (
    ModelError,
    check_checkpoint,
    fingerprint,
    is_scorer,
    load_policy,
    load_scorer,
    load_tokenizer,
    make_scorer_from_policy,
    pick_device,
    save_checkpoint,
    versions,
)
from training.rlhf.rundir import COMPLETE_MARK


def edit_json(path: Path, **changes: object) -> None:
    values = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in (values | changes).items() if v is not None}))


@pytest.fixture
def copy(random_tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(random_tiny, tmp_path / "model"))


def test_a_policy_is_float32_and_has_no_dropout(random_gpt2: Path):
    model = load_policy(random_gpt2).train()
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    ids = torch.tensor([[1, 50, 60, 70]])
    assert torch.equal(model(input_ids=ids).logits, model(input_ids=ids).logits)
    with_dropout = AutoModelForCausalLM.from_pretrained(random_gpt2).train()
    assert not torch.equal(with_dropout(input_ids=ids).logits, with_dropout(input_ids=ids).logits)


def test_a_saved_checkpoint_is_a_plain_hugging_face_directory(random_tiny: Path, tmp_path: Path):
    model, tokenizer = load_policy(random_tiny), load_tokenizer(random_tiny)
    save_checkpoint(tmp_path / "saved", model, tokenizer)
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, again.get_parameter(name))
    plain = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert plain.chat_template == tokenizer.chat_template
    assert (plain.pad_token_id, plain.eos_token_id) == (0, 2)
    assert fingerprint(tmp_path / "saved") == fingerprint(random_tiny)


def test_pad_becomes_a_token_of_its_own(copy: Path):
    edit_json(copy / "tokenizer_config.json", pad_token="<|im_end|>")
    tokenizer = load_tokenizer(copy)
    assert tokenizer.pad_token == "<|endoftext|>"
    assert load_policy(copy).config.pad_token_id == tokenizer.pad_token_id != tokenizer.eos_token_id


def test_a_tokenizer_without_a_spare_token_gets_one_and_the_model_a_row(copy: Path):
    """As GPT-2's: its only special token is EOS, BOS and unknown at once."""
    text = (copy / "tokenizer.json").read_text().replace("<|endoftext|>", "<|spare|>")
    (copy / "tokenizer.json").write_text(text)
    edit_json(copy / "tokenizer_config.json", pad_token=None, bos_token="<|im_end|>", unk_token=None)
    tokenizer, model = load_tokenizer(copy), load_policy(copy)
    assert tokenizer.pad_token == "<|pad|>"
    assert tokenizer.pad_token_id == model.get_input_embeddings().num_embeddings - 1
    assert model(input_ids=torch.tensor([[tokenizer.pad_token_id]])).logits.isfinite().all()
    assert torch.equal(model.get_input_embeddings().weight, load_policy(copy).get_input_embeddings().weight)


def test_a_missing_chat_template_is_given(copy: Path):
    (copy / "chat_template.jinja").unlink()
    text = load_tokenizer(copy).apply_chat_template(
        [{"role": "user", "content": "Hi"}], add_generation_prompt=True, tokenize=False
    )
    assert text == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


def test_a_tokenizer_without_an_end_is_refused(copy: Path):
    edit_json(copy / "tokenizer_config.json", eos_token=None)
    with pytest.raises(ModelError, match="set eos_token"):
        load_tokenizer(copy)


def test_a_new_scorer_has_the_policys_body_and_a_small_seeded_head(random_tiny: Path):
    before = torch.get_rng_state()
    first, again, other = (make_scorer_from_policy(random_tiny, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first.score.weight, again.score.weight)
    assert not torch.equal(first.score.weight, other.score.weight)
    assert first.score.weight.shape == (1, 32)
    assert 0.6 < first.score.weight.std() * 33**0.5 < 1.4
    assert first.config.pad_token_id == 0
    body = load_policy(random_tiny).model
    assert all(torch.equal(p, body.get_parameter(name)) for name, p in first.model.named_parameters())


def test_scorers_are_told_from_policies(random_tiny: Path, tmp_path: Path):
    scorer = make_scorer_from_policy(random_tiny)
    save_checkpoint(tmp_path / "rm", scorer, load_tokenizer(random_tiny))
    assert is_scorer(tmp_path / "rm")
    assert not is_scorer(random_tiny)
    assert torch.equal(load_scorer(tmp_path / "rm").score.weight, scorer.score.weight)
    with pytest.raises(ModelError, match="choose the checkpoint of a reward run"):
        load_scorer(random_tiny)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: (p / "config.json").unlink(), "no config.json"),
        (lambda p: (p / "model.safetensors").unlink(), "no weights"),
        (lambda p: shutil.rmtree(p), "there is no checkpoint at"),
        (lambda p: (p / "model.safetensors").write_bytes(b"cut"), "cannot load the model"),
        (lambda p: (p / "config.json").write_text("{"), "cannot load"),
    ],
)
def test_a_broken_checkpoint_is_named(copy: Path, damage, message: str):
    damage(copy)
    with pytest.raises(ModelError, match=message):
        load_policy(copy)


def test_a_half_written_checkpoint_is_refused(random_tiny: Path, tmp_path: Path):
    half = Path(shutil.copytree(random_tiny, tmp_path / "step-000010"))
    with pytest.raises(ModelError, match="not written to its end"):
        check_checkpoint(half)
    (half / COMPLETE_MARK).touch()
    assert check_checkpoint(half) == str(half)


def test_a_hub_id_is_left_to_the_hub():
    assert check_checkpoint("someone/model") == "someone/model"


def test_asking_for_a_gpu_that_is_not_there():
    assert pick_device("cpu") == torch.device("cpu")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert pick_device("auto") == torch.device("cpu")
    with pytest.raises(ModelError, match="set device to auto or cpu"):
        pick_device("cuda")


def test_versions_name_torch():
    assert versions()["torch"] == torch.__version__
