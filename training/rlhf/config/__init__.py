"""One frozen dataclass a stage: every setting, its default, and where the default comes from.

Standard library only: the web form is built from these classes, so a web process reads them without torch.
"""

from training.rlhf.config.base import (
    Config,
    ConfigError,
    StageConfig,
    TrainConfig,
    default_of,
    dump_config,
    field_help,
    parse_config,
)
from training.rlhf.config.presets import PRESETS
from training.rlhf.config.stages import (
    STAGES,
    ConvertConfig,
    GenerateConfig,
    PPOConfig,
    PretrainConfig,
    RewardConfig,
    ScoreConfig,
    SFTConfig,
)

__all__ = [
    "PRESETS",
    "STAGES",
    "Config",
    "ConfigError",
    "ConvertConfig",
    "GenerateConfig",
    "PPOConfig",
    "PretrainConfig",
    "RewardConfig",
    "SFTConfig",
    "ScoreConfig",
    "StageConfig",
    "TrainConfig",
    "default_of",
    "dump_config",
    "field_help",
    "parse_config",
]
