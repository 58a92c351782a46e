"""How checkpoints read text: as which tokens and how many, told from their files without loading them."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from training.models import Checkpoint
from training.storage import resolve_location


def vocabulary(checkpoint: Checkpoint) -> str | None:
    """Return a hash of the token ids of ``tokenizer.json``; None for a hub id or a directory without that file."""
    path = Path(resolve_location(checkpoint.location)) / "tokenizer.json"
    if not path.is_absolute() or not path.is_file():
        return None
    return _hash(path, path.stat().st_mtime_ns)


def context_length(checkpoint: Checkpoint) -> int | None:
    """Return how many tokens a checkpoint reads at once; None for a hub id or a ``config.json`` that does not say."""
    path = Path(resolve_location(checkpoint.location)) / "config.json"
    if not path.is_absolute():
        return None
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = (
        [config.get(name) for name in ("max_position_embeddings", "n_positions")] if isinstance(config, dict) else []
    )
    return next((value for value in known if isinstance(value, int)), None)


@lru_cache(maxsize=64)
def _hash(path: Path, _changed: int) -> str | None:
    """Hash vocabulary and added tokens; how they are merged and padded may be written in more than one way."""
    try:
        tokenizer = json.loads(path.read_text(encoding="utf-8"))
        ids = {**tokenizer["model"]["vocab"], **{token["content"]: token["id"] for token in tokenizer["added_tokens"]}}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return hashlib.sha256(json.dumps(sorted(ids.items())).encode()).hexdigest()
