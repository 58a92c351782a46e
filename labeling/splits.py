"""Train or valid: decided by a hash of the key, so it never changes when data is added.

`training.rlhf.records.split_of` is the same rule; labeling may not import it, and a test holds the two together.
"""

from __future__ import annotations

import hashlib

from labeling.models import Split


def split_of(key: str, valid_share: float) -> Split:
    """Return the split of a key: the first 8 bytes of sha256(key), as a fraction of 2^64, against `valid_share`."""
    fraction = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) / 2**64
    return Split.VALID if fraction < valid_share else Split.TRAIN
