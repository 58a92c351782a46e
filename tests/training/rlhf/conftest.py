"""Real, very small models that the tests of the training library share."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # two test processes on two cores must not spin

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the training library needs the train extra")

TEXTS = [
    "Tell a story about a shy fox named Mia who finds a lantern.",
    "Once there was a brave owl named Leo. One morning he found a key by the river and shared it with his friends.",
    "<|im_start|>user\nassistant system What is two and three? Five, of course! 0123456789",
]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_base() -> Path:
    """The shipped 2 M-parameter base model."""
    import training

    return Path(training.__file__).parent / "bases" / "tiny"


def make_tokenizer() -> Any:
    """A byte-level BPE tokenizer with pad, bos, eos and a chat template, trained on a few sentences."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    from training.rlhf.modeling import CHAT_TEMPLATE

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=alphabet)
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<|endoftext|>", bos_token="<|im_start|>", eos_token="<|im_end|>"
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def save_random(directory: Path, config: Any, seed: int = 0) -> Path:
    """Save a causal language model with seeded weights, large enough that its distributions are not flat."""
    from transformers import AutoModelForCausalLM

    from training.rlhf.modeling import save_checkpoint

    tokenizer = make_tokenizer()
    config.vocab_size = len(tokenizer)
    config.pad_token_id, config.eos_token_id, config.bos_token_id = 0, 2, 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() > 1:
                    parameter.normal_(0, 0.15)
    save_checkpoint(directory, model, tokenizer)
    return directory


@pytest.fixture(scope="session")
def random_tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random 2-layer Llama (rotary positions) with its tokenizer."""
    from transformers import LlamaConfig

    config = LlamaConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=512,
        tie_word_embeddings=True,
    )  # fmt: skip
    return save_random(tmp_path_factory.mktemp("random-tiny"), config)


@pytest.fixture(scope="session")
def random_gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random 2-layer GPT-2 (absolute positions, dropout in its config) with its tokenizer."""
    from transformers import GPT2Config

    return save_random(
        tmp_path_factory.mktemp("random-gpt2"), GPT2Config(n_embd=32, n_layer=2, n_head=2, n_positions=256)
    )
