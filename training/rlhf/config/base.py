"""What every stage's configuration shares, and how one is read, checked, written and explained.

The docstring under a field is its help text. Unknown keys and impossible values raise ConfigError before anything
is loaded. Sizes are counted in tokens, prompts, episodes and optimiser updates, never in seconds.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, fields
from functools import cache
from typing import Any, ClassVar, TypeVar


class ConfigError(ValueError):
    """A setting that cannot work. `problems` maps a field's name to a sentence that says what to do."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{name}: {text}" for name, text in self.problems.items()))


SEEDS = 2**32
"""What every generator of random numbers in use takes as a seed."""
MOST_THREADS = 1024
MOST_STEPS = 2**31 - 1
"""No setting counts further; a run's step is stored in as many bits."""
LARGEST = 1e30
"""Beyond it, arithmetic in float32 would soon overflow."""
COLDEST = 0.01
"""A lower temperature would divide logits beyond float32; 0 is the way to say greedy."""


@dataclass(frozen=True)
class StageConfig:
    """What every stage has in common."""

    stage: ClassVar[str] = ""
    inputs: ClassVar[tuple[str, ...]] = ()
    """Fields that hold checkpoint paths: the application fills them from its checkpoints, the form hides them."""
    data: ClassVar[str | None] = None
    """The kind of frozen dataset that the stage reads: sft, rm, ppo, pretrain or None."""

    seed: int = 0
    """Everything random follows from it; the same seed, data and machine give the same weights on CPU."""
    device: str = "auto"
    """auto (a GPU when there is one), cpu or cuda."""
    threads: int = 0
    """CPU threads for matrix products; 0 leaves torch's choice."""

    def problems(self) -> dict[str, str]:
        """Return what is wrong, field by field; empty when the stage can start."""
        found: dict[str, str] = {}
        for setting in fields(self):
            value = getattr(self, setting.name)
            if isinstance(value, float) and abs(value) > LARGEST:
                found[setting.name] = f"must be at most {LARGEST:g}"
            if isinstance(value, int) and abs(value) > MOST_STEPS:
                found[setting.name] = f"must be at most {MOST_STEPS}"
        found.pop("seed", None)
        if self.device not in ("auto", "cpu", "cuda"):
            found["device"] = "choose auto, cpu or cuda"
        if not 0 <= self.threads <= MOST_THREADS:
            found["threads"] = f"0 to {MOST_THREADS}"
        if not 0 <= self.seed < SEEDS:
            found["seed"] = f"0 to {SEEDS - 1}"
        return found

    def validate(self) -> None:
        """Raise ConfigError when `problems` finds any."""
        found = self.problems()
        if found:
            raise ConfigError(found)

    def _positive(self, *names: str) -> dict[str, str]:
        return {name: "must be greater than 0" for name in names if not getattr(self, name) > 0}

    def _at_most(self, limit: float, *names: str) -> dict[str, str]:
        return {name: f"must be at most {limit:g}" for name in names if not getattr(self, name) <= limit}

    def _not_negative(self, *names: str) -> dict[str, str]:
        return {name: "must be 0 or more" for name in names if not getattr(self, name) >= 0}


@dataclass(frozen=True)
class TrainConfig(StageConfig):
    """What every stage that learns has in common."""

    model: str = ""
    """The checkpoint to start from: a Hugging Face directory or a hub id."""
    epochs: int = 1
    """Passes over the training data."""
    max_steps: int = 0
    """Stop after so many optimiser updates; 0 runs all epochs."""
    batch_size: int = 16
    """Records in one optimiser update."""
    micro_batch_size: int = 0
    """Records in one forward pass; gradients add up to `batch_size`. 0 means batch_size."""
    learning_rate: float = 1e-5
    """Peak learning rate of AdamW (beta 0.9, 0.95 [InstructGPT])."""
    min_learning_rate_share: float = 0.1
    """The cosine ends at this share of the peak [InstructGPT: 10 %]."""
    warmup_steps: int = 0
    """Updates of linear warm-up [InstructGPT SFT and RM: none]."""
    weight_decay: float = 0.0
    """AdamW's decoupled weight decay."""
    max_grad_norm: float = 1.0
    """Gradients are clipped to this norm."""
    max_length: int = 512
    """Longest prompt + completion in tokens. Longer records are left out and counted."""
    eval_every: int = 50
    """Updates between evaluations on valid.jsonl; 0 only at the end."""
    save_every: int = 100
    """Updates between checkpoints; 0 only at the end."""
    keep_checkpoints: int = 2
    """How many of the newest checkpoints stay."""

    inputs: ClassVar[tuple[str, ...]] = ("model",)

    def problems(self) -> dict[str, str]:
        found = super().problems()
        found |= self._positive(
            "epochs", "batch_size", "learning_rate", "max_length", "max_grad_norm", "keep_checkpoints"
        )
        found |= self._not_negative(
            "max_steps", "micro_batch_size", "warmup_steps", "weight_decay", "eval_every", "save_every"
        )
        if "model" in self.inputs and not self.model:
            found["model"] = "choose the checkpoint to start from"
        if not 0 <= self.min_learning_rate_share <= 1:
            found["min_learning_rate_share"] = "must be between 0 and 1"
        if self.micro_batch_size > 0 and self.batch_size % self.micro_batch_size:
            found["micro_batch_size"] = f"must divide batch_size ({self.batch_size})"
        return found


Config = TypeVar("Config", bound=StageConfig)


def _is_plain(text: str) -> bool:
    """Whether a file name and a database can hold the text: no NUL and no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _matches(value: Any, hint: Any) -> bool:
    """Whether a decoded JSON value fits a field's type: int fits float, bool fits only bool."""
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return any(_matches(value, part) for part in typing.get_args(hint))
    if hint is type(None):
        return value is None
    if origin is dict:
        return isinstance(value, dict) and all(_matches(k, str) and _matches(v, str) for k, v in value.items())
    if isinstance(value, bool):
        return hint is bool
    if hint is float:
        # A whole number of JSON may be larger than any float; NaN compares with nothing.
        return isinstance(value, int | float) and -sys.float_info.max <= value <= sys.float_info.max
    if hint is str:
        return isinstance(value, str) and _is_plain(value)
    return isinstance(value, hint)


def parse_config(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """Build and validate a config. Unknown keys, wrong types and impossible values raise one ConfigError."""
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}
    found = {name: f"unknown setting; {kind.stage} has {', '.join(known)}" for name in values if name not in known}
    for name in known:
        if name in values and not _matches(values[name], hints[name]):
            found[name] = f"expected {getattr(hints[name], '__name__', hints[name])}, got {values[name]!r}"
    if found:
        raise ConfigError(found)
    fitting: dict[str, Any] = {name: float(v) if hints[name] is float else v for name, v in values.items()}
    config = kind(**fitting)
    config.validate()
    return config


def dump_config(config: StageConfig) -> str:
    """Return the config as the text of ``config.json``."""
    return json.dumps(asdict(config), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


@cache
def field_help(kind: type[StageConfig]) -> dict[str, str]:
    """Return each field's docstring, base classes included, read from the source."""
    found: dict[str, str] = {}
    for cls in reversed(kind.__mro__):
        if not issubclass(cls, StageConfig):
            continue
        body = typing.cast(ast.ClassDef, ast.parse(inspect.getsource(cls)).body[0]).body
        for statement, following in itertools.pairwise(body):
            documented = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and documented:
                text = typing.cast(ast.Constant, typing.cast(ast.Expr, following).value).value
                found[statement.target.id] = " ".join(str(text).split())
    return {f.name: found.get(f.name, "") for f in fields(kind)}


def default_of(field: Field[Any]) -> Any:
    """Return a field's default (None when it has none)."""
    return None if field.default is MISSING else field.default
