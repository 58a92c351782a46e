"""Freezes labels into immutable files with a manifest."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from labeling.models import Project, Round, Split
from labeling.services.frozen import mark_frozen
from training.exceptions import NothingToFreeze, Refused, require_researcher
from training.models import Dataset, DatasetKind
from training.rlhf.records import write_records
from training.rlhf.rundir import write_json
from training.services.records import (
    Collected,
    FreezeQuery,
    collect_comparisons,
    collect_demonstrations,
    collect_prompts,
)
from training.storage import artifact, artifact_root, dataset_path

_READ_ONLY = 0o444
"""A run's data are hard links to these files: an editor that saved one in place would change the dataset."""

FORMAT = 1
"""Version of the files' layout; a change gives every later dataset another hash."""

DEMONSTRATIONS = "demonstrations.jsonl"
"""Beside a comparison dataset: what the reward model's mean is set to 0 on (InstructGPT 3.5)."""

_COLLECT = {
    DatasetKind.SFT: collect_demonstrations,
    DatasetKind.RM: collect_comparisons,
    DatasetKind.PPO: collect_prompts,
}
_NOTHING = {
    DatasetKind.SFT: _("There is no demonstration to freeze: have some written first, or widen the query."),
    DatasetKind.RM: _("There is no comparison to freeze: have some outputs ranked first, or widen the query."),
    DatasetKind.PPO: _("There is no prompt to freeze: import some first, or widen the query."),
}
_NOT_HASHED = ("version", "frozen_at", "sha256")


def freeze_dataset(
    *, actor: User, project: Project, kind: str, query: FreezeQuery | None = None, round: Round | None = None
) -> Dataset:
    """Freeze what `query` asks for as the next version of `kind` (sft, rm, ppo).

    The labels are read in one snapshot of the database. Files are written aside, synced and renamed, and the row is
    made last: a crash leaves no row, and its files are replaced by the next freeze. The same labels and the same
    query give the same bytes and the same `sha256`. With the row its labels are frozen: they are not revised any more.

    Raises NothingToFreeze when no record would remain, Refused for a query that makes no sense.
    """
    require_researcher(actor)
    query = query or FreezeQuery()
    query.check()
    if kind not in _COLLECT:
        raise Refused(_("Labels are frozen as sft, rm or ppo, not as “%(kind)s”.") % {"kind": kind})
    kind = DatasetKind(kind)
    with _snapshot():
        found = _COLLECT[kind](project, query)
        extra = collect_demonstrations(project, _as_offset(query)) if kind == DatasetKind.RM else None
    if not found.total:
        raise NothingToFreeze(_NOTHING[kind])
    partial = artifact_root() / "datasets" / f".partial-{uuid.uuid4().hex}"
    partial.mkdir(parents=True)
    try:
        manifest = _write_files(partial, project, kind, query, found, extra)
        with transaction.atomic():
            dataset = _publish(partial, manifest, actor=actor, project=project, kind=kind, query=query, round=round)
            _mark_frozen(dataset, found, extra)
        return dataset
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _snapshot() -> Iterator[None]:
    """Read everything as of one moment. Inside somebody else's transaction, which fixed its own, it changes nothing."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _as_offset(query: FreezeQuery) -> FreezeQuery:
    """Return the query for the demonstrations beside a comparison dataset: training ones, of all rounds."""
    return FreezeQuery(
        include_simulated=query.include_simulated,
        include_surplus=query.include_surplus,
        split=Split.TRAIN.value,
        sources=query.sources,
    )


def _write_files(
    directory: Path, project: Project, kind: str, query: FreezeQuery, found: Collected, extra: Collected | None
) -> dict[str, Any]:
    """Write the JSON Lines files and return the manifest without its version and time."""
    files = {f"{split}.jsonl": found.records[split] for split in Split.values}
    if extra is not None and extra.total:
        files[DEMONSTRATIONS] = extra.records[Split.TRAIN]
    described = {}
    for name, rows in files.items():
        count, digest = write_records(directory / name, rows)
        described[name] = {"records": count, "sha256": digest, "bytes": (directory / name).stat().st_size}
        (directory / name).chmod(_READ_ONLY)
        _sync(directory / name)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "project": project.slug,
        "kind": str(kind),
        "query": query.to_json(),
        "files": described,
        "counts": {split: dict(sorted(counter.items())) for split, counter in found.counts.items()},
        "simulated": found.simulated,
        "labelers": len(found.labelers),
        "left_out": dict(sorted(found.left_out.items())),
        "notes": {name: count for name, count in sorted(found.notes.items()) if count},
        "guidelines_versions": dict(sorted(found.guidelines_versions.items())),
        "licences": dict(sorted(found.licences.items())),
    }
    return manifest | {"sha256": manifest_hash(manifest)}


def manifest_hash(manifest: dict[str, Any]) -> str:
    """Return the sha256 of a manifest without its version and times."""
    hashed = {name: value for name, value in manifest.items() if name not in _NOT_HASHED}
    text = json.dumps(hashed, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _publish(
    partial: Path,
    manifest: dict[str, Any],
    *,
    actor: User,
    project: Project,
    kind: str,
    query: FreezeQuery,
    round: Round | None,
) -> Dataset:
    """Give the files their version and place, and make the row. One freeze of a project at a time."""
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        made = Dataset.objects.filter(project=project, kind=kind).aggregate(last=Max("version"))
        version = (made["last"] or 0) + 1
        manifest = manifest | {"version": version, "frozen_at": timezone.now().isoformat()}
        write_json(partial / "manifest.json", manifest)
        _sync(partial)
        path = dataset_path(project.slug, kind, version)
        target = artifact(path)
        # Without a row these are the files of a freeze that crashed before its commit.
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.rename(target)
        _sync(target.parent)
        return Dataset.objects.create(
            project=project, round=round or Round.objects.current(project), kind=kind, version=version,
            query=query.to_json(), path=path, sha256=manifest["sha256"], manifest=manifest, created_by=actor,
        )  # fmt: skip


def _mark_frozen(dataset: Dataset, found: Collected, extra: Collected | None) -> None:
    """Note on the labels that this dataset has taken them in, and on the prompts that labelers wrote."""
    beside = extra or Collected()
    mark_frozen(
        demonstrations=found.answers if dataset.kind == DatasetKind.SFT else beside.answers,
        comparisons=found.answers if dataset.kind == DatasetKind.RM else (),
        prompts=found.prompts | beside.prompts,
        at=dataset.created_at,
    )


def _sync(path: Path) -> None:
    """Have the kernel write a file, or a directory's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
