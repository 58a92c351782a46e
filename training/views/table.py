"""The project's records as InstructGPT's Table 6 has them: SFT, RM and PPO by split and source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from labeling.models import Source, Split
from training.loop import LoopState
from training.models import Dataset, DatasetKind

_COLUMNS = {DatasetKind.SFT: "demonstrations", DatasetKind.RM: "comparisons", DatasetKind.PPO: "prompts"}
"""Which station's records each column counts."""


@dataclass(frozen=True)
class Cell:
    """Records there are now, and how many of them the newest dataset holds (None: never frozen)."""

    count: int
    frozen: int | None

    @property
    def fresh(self) -> bool:
        """Whether there is something that the newest dataset lacks."""
        return self.frozen is None or self.count > self.frozen


@dataclass(frozen=True)
class Column:
    kind: DatasetKind
    title: str | Promise
    dataset: Dataset | None
    whole: bool
    """The newest dataset holds everything that there is."""


def counts_table(state: LoopState) -> dict[str, Any]:
    """Return the table's columns, its rows (split, source, cells) and its totals (split, cells)."""
    newest = {dataset.kind: dataset for dataset in state.datasets}
    now = {step.key: step.table for step in state.steps}

    def cell(kind: DatasetKind, split: str, sources: list[str]) -> Cell:
        count = sum(now[_COLUMNS[kind]][split][source] for source in sources)
        if kind not in newest:
            return Cell(count, None)
        frozen = newest[kind].manifest.get("counts", {}).get(split, {})
        return Cell(count, sum(frozen.get(source, 0) for source in sources))

    def whole(kind: DatasetKind) -> bool:
        return not any(cell(kind, split, [source]).fresh for split in Split.values for source in Source.values)

    return {
        "columns": [Column(kind, kind.name, newest.get(kind), whole(kind)) for kind in _COLUMNS],
        "rows": [
            {
                "split": Split(split),
                "source": Source(source),
                "cells": [cell(kind, split, [source]) for kind in _COLUMNS],
            }
            for split in Split.values
            for source in Source.values
        ],
        "totals": [
            {"split": Split(split), "cells": [cell(kind, split, list(Source.values)) for kind in _COLUMNS]}
            for split in Split.values
        ],
    }
