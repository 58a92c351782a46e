"""One calm line a step, with the time it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    """Prints what is being done, and remembers how long each stage took."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.seconds: dict[str, float] = {}

    def say(self, text: str) -> None:
        """Print a line with the time since the start."""
        minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
        print(f"{minutes:3d}:{seconds:02d}  {text}", flush=True)

    @contextmanager
    def stage(self, name: str, text: str) -> Iterator[list[str]]:
        """Time a stage. What the block appends to the list yielded stands at the end of the stage's line."""
        began, found = time.monotonic(), list[str]()
        yield found
        took = time.monotonic() - began
        self.seconds[name] = round(self.seconds.get(name, 0.0) + took, 1)
        self.say(f"{text:<44s} {took:6.1f} s  {', '.join(found)}".rstrip())

    @property
    def total(self) -> float:
        return round(time.monotonic() - self.began, 1)
