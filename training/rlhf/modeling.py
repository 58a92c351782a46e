"""Loading and saving models and tokenizers: the only place that knows what a usable checkpoint is.

A checkpoint is a plain Hugging Face directory. Weights are held in float32 while they are trained, dropout is off
everywhere (rewards, ratios and KL need the same network twice), and the padding token is never the end token.
"""

from __future__ import annotations

import hashlib
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from training.rlhf.rundir import COMPLETE_MARK

transformers.logging.disable_progress_bar()  # a log file has no use for bars

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""ChatML, for tokenizers that have <|im_start|> and <|im_end|> (and our own base models)."""

PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ message['role'].capitalize() + ': ' + message['content'] + '\n\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
"""For base models whose tokenizer has neither a chat template nor ChatML's tokens, such as GPT-2."""

_PAD_CANDIDATES = ("<|pad|>", "<pad>", "[PAD]", "<|endoftext|>", "<|finetune_right_pad_id|>")
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_STEP_DIRECTORY = re.compile(r"^\.?step-\d+(\.partial)?$")


class ModelError(ValueError):
    """A checkpoint that cannot be used; the message says what to do."""


def check_checkpoint(path: str | Path) -> str:
    """Return `path` as text if it can be loaded: a whole local checkpoint, or what looks like a hub id.

    Raises ModelError for a directory that is missing, half written or without weights.
    """
    directory = Path(path)
    if not directory.is_dir():
        if directory.exists():
            raise ModelError(f"{path} is a file; give a Hugging Face directory (a .gguf file: run `convert` first)")
        if str(path).startswith((".", "/", "~")) or str(path).count("/") > 1 or not str(path):
            raise ModelError(f"there is no checkpoint at {path!s}: check the path, or choose another checkpoint")
        return str(path)
    if _STEP_DIRECTORY.match(directory.name) and not (directory / COMPLETE_MARK).exists():
        raise ModelError(f"{path} was not written to its end (no {COMPLETE_MARK}): resume its run, or choose another")
    if not (directory / "config.json").is_file():
        raise ModelError(f"{path} has no config.json: it is not a Hugging Face model directory")
    if not any(found for pattern in _WEIGHTS for found in directory.glob(pattern)):
        raise ModelError(f"{path} has no weights (model.safetensors): copy the checkpoint again, or choose another")
    return str(path)


def load_tokenizer(path: str | Path) -> PreTrainedTokenizerBase:
    """Return the checkpoint's tokenizer with EOS, a padding token that is not EOS, and a chat template.

    Classification heads and many losses tell padding by its id; were it EOS, no model could see an answer's end.
    """
    name = check_checkpoint(path)
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(_cannot_load("tokenizer", name, error)) from error
    if tokenizer.eos_token_id is None:
        raise ModelError(f"the tokenizer of {path} has no end token: set eos_token in its tokenizer_config.json")
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        _choose_pad(tokenizer)
    if not tokenizer.chat_template:
        known = tokenizer.get_vocab()
        tokenizer.chat_template = CHAT_TEMPLATE if "<|im_start|>" in known and "<|im_end|>" in known else PLAIN_TEMPLATE
    return tokenizer


def _choose_pad(tokenizer: Any) -> None:
    known = tokenizer.get_vocab()
    candidates = (*_PAD_CANDIDATES, tokenizer.unk_token, tokenizer.bos_token)
    pad = next((t for t in candidates if t in known and known[t] != tokenizer.eos_token_id), None)
    # A new token grows the embedding by a row; load_policy and load_scorer take care of it.
    tokenizer.add_special_tokens({"pad_token": pad or "<|pad|>"})


def load_policy(path: str | Path, device: torch.device | str = "cpu") -> PreTrainedModel:
    """Return the checkpoint as a causal language model: float32, dropout off, in eval mode."""
    return _load(AutoModelForCausalLM, path, device)


def load_scorer(path: str | Path, device: torch.device | str = "cpu") -> PreTrainedModel:
    """Return a reward or value checkpoint: a sequence classifier with one label, whose head is ``.score``.

    Raises ModelError when the checkpoint is a language model: its head would be random.
    """
    name = check_checkpoint(path)
    if not is_scorer(name):
        raise ModelError(f"{path} is a language model, not a reward model: choose the checkpoint of a reward run")
    return _load(AutoModelForSequenceClassification, name, device, num_labels=1)


def is_scorer(path: str | Path) -> bool:
    """Whether a checkpoint has a trained scalar head (a reward or value model), not a language model's."""
    architectures = _config(check_checkpoint(path)).architectures or []
    return any(a.endswith("ForSequenceClassification") for a in architectures)


def context_length(path: str | Path) -> int:
    """Return how many tokens a checkpoint can read at once, or a very large number when it does not say."""
    return int(getattr(_config(check_checkpoint(path)), "max_position_embeddings", None) or 1 << 30)


def prompt_room(path: str | Path, longest: int, new_tokens: int) -> int:
    """Return the tokens of the longest prompt that leaves room for an answer, at most `longest`.

    Raises ModelError when the answer alone fills the checkpoint's context.
    """
    context = context_length(path)
    if new_tokens >= context:
        raise ModelError(f"max_new_tokens is {new_tokens}, but {path} reads {context} tokens in all: lower it")
    return min(longest, context - new_tokens)


def make_scorer_from_policy(path: str | Path, device: torch.device | str = "cpu", *, seed: int = 0) -> PreTrainedModel:
    """Return a scorer whose body is the policy's and whose head is new: normal with deviation 1/sqrt(d+1).

    That initialisation is Stiennon et al. 2020's; `seed` fixes it.
    """
    with torch.random.fork_rng(devices=[]):  # transformers fills the missing head from the global generator
        model = _load(AutoModelForSequenceClassification, path, device, num_labels=1)
    head: Any = model.score
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        deviation = (head.in_features + 1) ** -0.5
        head.weight.copy_(torch.randn(head.weight.shape, generator=generator) * deviation)
        if head.bias is not None:
            head.bias.zero_()
    return model


def _load(kind: Any, path: str | Path, device: torch.device | str, **options: Any) -> PreTrainedModel:
    name = check_checkpoint(path)
    tokenizer = load_tokenizer(name)
    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()  # the report of a head that is new by intent
    try:
        model = kind.from_pretrained(name, dtype=torch.float32, **options)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(_cannot_load("model", name, error)) from error
    finally:
        transformers.logging.set_verbosity(verbosity)
    _fit_vocabulary(model, tokenizer)
    switch_dropout_off(model)
    result: PreTrainedModel = model.to(device).eval()
    return result


def _config(name: str) -> Any:
    try:
        return AutoConfig.from_pretrained(name)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(_cannot_load("configuration", name, error)) from error


def _cannot_load(what: str, name: str, error: Exception) -> str:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"cannot load the {what} of {name}: {reason} (a hub id needs the network; a directory must be whole)"


def _fit_vocabulary(model: Any, tokenizer: Any) -> None:
    """Give every token a row (a padding token may be new) and tell the model which ids are special."""
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        before = model.get_input_embeddings().num_embeddings
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        with torch.no_grad():  # deterministic, and no likelier than the average token
            for embeddings in {model.get_input_embeddings(), model.get_output_embeddings()} - {None}:
                embeddings.weight[before:] = embeddings.weight[:before].mean(0)
    model.config.pad_token_id = tokenizer.pad_token_id
    model.config.eos_token_id = tokenizer.eos_token_id
    if getattr(model, "generation_config", None) is not None:
        model.generation_config.pad_token_id = tokenizer.pad_token_id
        model.generation_config.eos_token_id = tokenizer.eos_token_id


def switch_dropout_off(model: nn.Module) -> None:
    """Make train() and eval() compute the same: every dropout probability becomes 0."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = 0.0  # type: ignore[assignment]


def save_checkpoint(directory: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Write a plain Hugging Face directory: config, safetensors, tokenizer with its chat template."""
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def pick_device(name: str) -> torch.device:
    """Return the device that `StageConfig.device` names. Raises ModelError when cuda is asked for and missing."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ModelError("device is cuda but torch finds no GPU: set device to auto or cpu")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def set_threads_and_precision(threads: int, device: torch.device) -> None:
    """Set torch's CPU threads (0 leaves its choice) and its fastest float32 matrix products.

    On CPUs "medium" picks oneDNN's float32 kernels, about twice as fast as MKL's on AMD, with the same error to
    a few 1e-7. On chips with AMX it would mean real bfloat16 arithmetic, and on GPUs TF32: not there.
    """
    if threads:
        torch.set_num_threads(threads)
    has_amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: True)()
    torch.set_float32_matmul_precision("medium" if device.type == "cpu" and not has_amx else "highest")


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    found = {name: version(name) for name in ("torch", "transformers", "tokenizers", "safetensors")}
    return {"python": platform.python_version(), **found}


def fingerprint(path: str | Path) -> str:
    """Return the sha256 of a local checkpoint's weight files: what "the same model" means in a lineage.

    A hub id that is in the local cache is resolved there. Raises ModelError when there are no weights.
    """
    directory = Path(check_checkpoint(path))
    if not directory.is_dir():
        from huggingface_hub import snapshot_download  # only hub ids need it

        directory = Path(snapshot_download(str(path), local_files_only=True))
    return weights_hash(directory)


def weights_hash(directory: Path) -> str:
    """Return `fingerprint` of a directory that may still be a checkpoint in the making."""
    digest = hashlib.sha256()
    for file in sorted(f for pattern in _WEIGHTS for f in directory.glob(pattern)):
        digest.update(file.name.encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
