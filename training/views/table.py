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


def counts_table(state: LoopState) -> dict[str, Any]:
    """Return the table's columns, its rows (split, source, cells) and its totals (split, cells)."""
    newest = {dataset.kind: dataset for dataset in state.datasets}
    now = {step.key: step.table for step in state.steps}
    columns = [Column(kind, kind.name, newest.get(kind)) for kind in _COLUMNS]

    def cell(column: Column, split: str, sources: list[str]) -> Cell:
        table = now[_COLUMNS[column.kind]]
        count = sum(table[split][source] for source in sources)
        if column.dataset is None:
            return Cell(count, None)
        frozen = column.dataset.manifest.get("counts", {}).get(split, {})
        return Cell(count, sum(frozen.get(source, 0) for source in sources))

    return {
        "columns": columns,
        "rows": [
            {"split": Split(split), "source": Source(source), "cells": [cell(c, split, [source]) for c in columns]}
            for split in Split.values
            for source in Source.values
        ],
        "totals": [
            {"split": Split(split), "cells": [cell(c, split, list(Source.values)) for c in columns]}
            for split in Split.values
        ],
    }
