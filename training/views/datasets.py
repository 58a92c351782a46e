"""Datasets: the list, freezing, one of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.access import person
from labeling.models import Project, Source, Split
from training.forms import FreezeForm
from training.models import Dataset, DatasetKind
from training.rlhf.rundir import read_jsonl
from training.storage import artifact
from training.views.access import newest_first, project_for, researchers_only

RECORDS_SHOWN = 20
READ_AT_MOST = 2_000_000
"""Bytes of a file that a page reads for its sample records."""


@researchers_only
@require_GET
def datasets(request: HttpRequest, project_slug: str) -> HttpResponse:
    project = project_for(request, project_slug)
    kind = request.GET.get("kind", "")
    rows = Dataset.objects.filter(project=project).select_related("round", "created_by")
    if kind in DatasetKind.values:
        rows = rows.filter(kind=kind)
    context = {
        "project": project,
        "rows": newest_first(rows, request.GET),
        "kinds": [DatasetKind(value) for value in DatasetKind.values],
        "chosen_kind": kind,
    }
    return render(request, "training/datasets.html", context)


@researchers_only
def freeze(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Choose what goes in, and freeze it."""
    project = project_for(request, project_slug)
    form = FreezeForm(request.POST or None, project=project, initial={"kind": request.GET.get("kind", "sft")})
    if request.method == "POST" and form.is_valid():
        frozen = form.save(actor=person(request))
        if frozen is not None:
            text = _("%(dataset)s is frozen: %(train)d records to train on, %(valid)d held out.")
            shown = {"dataset": frozen, "train": frozen.records("train"), "valid": frozen.records("valid")}
            messages.success(request, text % shown)
            return redirect("training:dataset", frozen.pk)
    context = {"project": project, "form": form}
    return render(request, "training/freeze.html", context, status=422 if form.errors else 200)


@researchers_only
@require_GET
def dataset(request: HttpRequest, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    split = request.GET.get("split", Split.TRAIN.value)
    context = {
        "project": found.project,
        "dataset": found,
        "counts": _counts(found),
        "files": found.manifest.get("files", {}),
        "split": split if split in Split.values else Split.TRAIN.value,
        "splits": [Split(value) for value in Split.values],
        "runs": found.runs.select_related("created_by").order_by("-pk")[:50],
        "query": _query_shown(found),
    }
    context["records"] = _records(found, f"{context['split']}.jsonl")
    return render(request, "training/dataset.html", context)


@researchers_only
@require_GET
def dataset_file(request: HttpRequest, pk: int, name: str) -> FileResponse:
    """One file of a dataset, to keep."""
    found = _visible(request, pk)
    path = _file(found, name)
    stem = f"{found.project.slug}-{found.kind}-v{found.version}"
    return FileResponse(path.open("rb"), as_attachment=True, filename=f"{stem}-{name}")


def _visible(request: HttpRequest, pk: int) -> Dataset:
    rows = Dataset.objects.filter(project__in=Project.objects.visible_to(request.user))
    return get_object_or_404(rows.select_related("project", "round", "created_by"), pk=pk)


def _file(found: Dataset, name: str) -> Path:
    """Return a file that the manifest names (or the manifest itself), else 404: no other path can be asked for."""
    if name != "manifest.json" and name not in found.manifest.get("files", {}):
        raise Http404
    path = artifact(found.path) / name
    if not path.is_file():
        raise Http404
    return path


def _counts(found: Dataset) -> dict[str, Any]:
    """Return the manifest's counts as InstructGPT's Table 6 has them: rows of split × source, totals by split."""
    counts = found.manifest.get("counts", {})
    rows = [
        {"split": Split(split), "source": Source(source), "count": counts.get(split, {}).get(source, 0)}
        for split in Split.values
        for source in Source.values
    ]
    totals = [{"split": Split(split), "count": sum(counts.get(split, {}).values())} for split in Split.values]
    return {"rows": rows, "totals": totals}


def _query_shown(found: Dataset) -> list[tuple[str, str]]:
    """Return only what the query narrowed down."""
    words = {
        "rounds": _("rounds"), "sources": _("sources"), "split": _("split"), "limit": _("limit"),
        "fresh_only": _("fresh prompts only"), "include_surplus": _("with surplus labels"),
    }  # fmt: skip
    shown = [
        (word, ", ".join(map(str, value)) if isinstance(value, list) else _("yes") if value is True else str(value))
        for name, word in words.items()
        if (value := found.query.get(name))
    ]
    if found.query.get("include_simulated") is False:
        shown.append((_("simulated labels"), _("left out")))
    return shown


def _records(found: Dataset, name: str) -> list[dict[str, Any]]:
    """Return the first records of a file as the page shows them."""
    try:
        path = _file(found, name)
    except Http404:
        return []
    return [_shown(record) for record in islice(_read_some(path), RECORDS_SHOWN)]


def _read_some(path: Path) -> Iterator[dict[str, Any]]:
    read = 0
    for record in read_jsonl(path):
        yield record
        read += len(json.dumps(record))
        if read > READ_AT_MOST:
            return


def _shown(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with its outputs in the order of their ranks."""
    outputs = sorted(
        zip(record.get("ranks", []), record.get("completions", []), strict=False), key=lambda pair: pair[0]
    )
    ranks = [rank for rank, _text in outputs]
    return {
        **record,
        "outputs": [{"rank": rank, "text": text, "tied": ranks.count(rank) > 1} for rank, text in outputs],
    }
