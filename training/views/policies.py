"""Policies: checkpoints with their lineage, promotion, and what two of them say to the same prompts."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.access import person
from labeling.models import Project
from training.exceptions import TrainingError
from training.models import POLICY_KINDS, Checkpoint, CheckpointKind
from training.services.base_models import fetch_smollm2, smollm2_offered
from training.services.checkpoints import promote_checkpoint, register_base
from training.views.access import newest_first, project_for, researchers_only
from training.views.curves import HEADLINE
from training.views.samples import side_by_side

OFFERED_FOR_COMPARISON = 50


@researchers_only
@require_GET
def policies(request: HttpRequest, project_slug: str) -> HttpResponse:
    project = project_for(request, project_slug)
    kind = request.GET.get("kind", "")
    rows = Checkpoint.objects.usable_in(project).select_related("run__dataset", "promoted_by", "project")
    if kind in CheckpointKind.values:
        rows = rows.filter(kind=kind)
    rows = rows.prefetch_related("run__inputs__checkpoint", "used_by__run")
    context = {
        "project": project,
        "rows": newest_first(rows, request.GET),
        "kinds": [CheckpointKind(value) for value in CheckpointKind.values],
        "chosen_kind": kind,
        "policy_kinds": POLICY_KINDS,
        "headline": HEADLINE,
        "smollm2_offered": smollm2_offered(project),
        "convert_href": reverse("training:run_new", args=[project.slug, "convert"]),
        "promoted": Checkpoint.objects.filter(project=project, promoted_at__isnull=False).first(),
    }
    return render(request, "training/policies.html", context)


@researchers_only
@require_GET
def compare_policies(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Answers of two policies to prompts that both answered."""
    project = project_for(request, project_slug)
    usable = Checkpoint.objects.usable_in(project).policies().filter(Q(samples__isnull=False)).distinct()
    offered = list(usable.order_by("-pk")[:OFFERED_FOR_COMPARISON])
    by_pk = {str(policy.pk): policy for policy in offered}
    a = by_pk.get(request.GET.get("a", ""), offered[1] if len(offered) > 1 else None)
    b = by_pk.get(request.GET.get("b", ""), offered[0] if offered else None)
    chosen = [a, b] if a and b else []
    context = {
        "project": project,
        "offered": offered,
        "a": a,
        "b": b,
        "pairings": side_by_side([policy for policy in chosen if policy]) if chosen else [],
    }
    return render(request, "training/compare_policies.html", context)


@researchers_only
@require_POST
def promote(request: HttpRequest, pk: int) -> HttpResponse:
    projects = Project.objects.visible_to(request.user)
    found = get_object_or_404(Checkpoint.objects.filter(project__in=projects).select_related("project"), pk=pk)
    try:
        promote_checkpoint(actor=person(request), checkpoint=found)
    except TrainingError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("%(name)s is promoted.") % {"name": found.name})
    return redirect("training:policies", found.project.slug if found.project else "")


@researchers_only
@require_POST
def add_base(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Make a directory or a hub id a base model of the project."""
    project = project_for(request, project_slug)
    name, location = request.POST.get("name", ""), request.POST.get("location", "")
    try:
        base = register_base(actor=person(request), name=name, location=location, project=project)
    except TrainingError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("%(name)s can be trained from now.") % {"name": base.name})
    return redirect("training:policies", project.slug)


@researchers_only
@require_POST
def take_smollm2(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Fetch SmolLM2 and make it a base model of the project; the run's page shows how far it is."""
    project = project_for(request, project_slug)
    try:
        run = fetch_smollm2(actor=person(request), project=project)
    except TrainingError as error:
        messages.error(request, str(error))
        return redirect("training:policies", project.slug)
    return redirect("training:run", run.pk)
