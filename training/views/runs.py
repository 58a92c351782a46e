"""Runs: the list, a new one, one of them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.access import person
from labeling.models import Project
from training.exceptions import TrainingError
from training.forms import PublishForm, RunForm
from training.loop import loop_state
from training.models import Run, RunState, Stage
from training.models.run import RunQuerySet
from training.rlhf.config import PRESETS, STAGES, default_of, field_help
from training.services.run_inputs import preset_settings
from training.services.runs import cancel_run
from training.views.access import newest_first, project_for, researchers_only, whole_number
from training.views.curves import HEADLINE, curve_plan
from training.views.samples import sample_groups

OFFERED = (Stage.SFT, Stage.REWARD, Stage.PPO, Stage.GENERATE, Stage.SCORE)
"""Stages in the order of the loop; pretrain and convert make base models and stand apart."""


def visible_runs(request: HttpRequest) -> RunQuerySet:
    """Return the runs that a researcher may see, with what every page about them shows."""
    projects = Project.objects.visible_to(request.user)
    return Run.objects.filter(project__in=projects).select_related("project", "round", "dataset", "created_by")


@researchers_only
@require_GET
def runs(request: HttpRequest, project_slug: str) -> HttpResponse:
    project = project_for(request, project_slug)
    rows = visible_runs(request).filter(project=project)
    stage, state = request.GET.get("stage", ""), request.GET.get("state", "")
    if stage in Stage.values:
        rows = rows.filter(stage=stage)
    if state in RunState.values:
        rows = rows.filter(state=state)
    context = {
        "project": project,
        "rows": newest_first(rows, request.GET),
        "stages": [Stage(value) for value in Stage.values],
        "states": [RunState(value) for value in RunState.values],
        "chosen_stage": stage,
        "chosen_state": state,
        "offered": OFFERED,
        "live": rows.in_flight().exists(),
    }
    return render(request, "training/_run_table.html" if request.htmx else "training/runs.html", context)  # type: ignore[attr-defined]


@researchers_only
def run_new(request: HttpRequest, project_slug: str, stage: str) -> HttpResponse:
    """A form of the stage's settings; ``?from=RUN`` fills it with another run's, ``?preset=NAME`` with a preset's."""
    project = project_for(request, project_slug)
    if stage not in STAGES:
        raise Http404
    before = _run_to_repeat(request, project, stage)
    presets = [name for name in PRESETS if stage in PRESETS[name]]
    preset = request.GET.get("preset")
    if request.method == "POST":
        form = RunForm(request.POST, project=project, stage=stage)
        if form.is_valid():
            run = form.save(actor=person(request))
            messages.success(request, _("%(stage)s run %(number)s is queued.") % _named(run))
            return redirect("training:run", run.pk)
    else:
        form = RunForm(
            project=project,
            stage=stage,
            initial=_settings_of(before) if before else preset_settings(project, stage, preset),
        )
    context = {
        "project": project,
        "form": form,
        "stage": Stage(stage),
        "about": (STAGES[stage].__doc__ or "").strip(),
        "before": before,
        "presets": presets,
        "offered": OFFERED,
        # A wrong value must be seen: its group is opened.
        "others_open": any(field.errors for field in form.other_fields),
    }
    return render(request, "training/run_new.html", context, status=422 if form.errors else 200)


def _run_to_repeat(request: HttpRequest, project: Project, stage: str) -> Run | None:
    number = whole_number(request.GET.get("from")) or 0
    return visible_runs(request).filter(project=project, stage=stage, pk=number).first()


def _settings_of(run: Run) -> dict[str, Any]:
    """Return a run's settings, dataset and inputs as a form's initial values."""
    initial: dict[str, Any] = {**run.config, "dataset": run.dataset_id, "note": run.note}
    chosen: dict[str, list[int]] = {}
    for item in run.inputs.all():
        chosen.setdefault(item.field, []).append(item.checkpoint_id)
    for name, found in chosen.items():
        initial[name] = found if name == "policies" else found[0]
    return initial


def _named(run: Run) -> dict[str, Any]:
    return {"stage": run.get_stage_display(), "number": run.pk}


@researchers_only
@require_GET
def run(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(visible_runs(request), pk=pk)
    return render(request, "training/run.html", run_context(found))


def run_context(run: Run) -> dict[str, Any]:
    """Return what the run page and its live part show."""
    settings = _settings_shown(run)
    context: dict[str, Any] = {
        "project": run.project,
        "run": run,
        "inputs": run.inputs.select_related("checkpoint__run").order_by("pk"),
        "made": run.checkpoints.prefetch_related("used_by__run").first(),
        "settings": settings,
        "changed_settings": any(setting.get("changed") for setting in settings),
        "has_metrics": run.metrics.exists(),
        "curve_plan": curve_plan(),
        "headline": _headline(run),
        "next_action": loop_state(run.project).next_action if run.project and not run.is_in_flight else None,
    }
    if run.stage == Stage.GENERATE and run.state == RunState.SUCCEEDED and run.project:
        context |= {
            "samples": sample_groups(run),
            "publish_form": PublishForm(run=run),
            "published": run.samples.filter(completion__isnull=False).select_related("completion__task__round").first(),
        }
    return context


def _settings_shown(run: Run) -> list[dict[str, Any]]:
    """Return the settings in the dataclass's order; `changed` marks what differs from its default today."""
    kind = STAGES[run.stage]
    texts = field_help(kind)  # type: ignore[arg-type]  # mypy takes the class for an instance
    return [
        {
            "name": setting.name,
            "value": run.config[setting.name],
            "help": texts[setting.name],
            "changed": run.config[setting.name] != default_of(setting),
        }
        for setting in fields(kind)
        if setting.name in run.config
    ]


def _result_metrics(run: Run) -> dict[str, Any]:
    found = (run.result or {}).get("metrics")
    return found if isinstance(found, dict) else {}


def _headline(run: Run) -> dict[str, Any]:
    """Return the final metrics that stand above the curves; that nothing was left out needs no saying."""
    found = {name: value for name, value in _result_metrics(run).items() if name in HEADLINE}
    return found if found.get("left_out") else {name: found[name] for name in found if name != "left_out"}


@researchers_only
@require_POST
def run_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(visible_runs(request), pk=pk)
    try:
        cancelled = cancel_run(actor=person(request), run=found)
    except TrainingError as error:
        messages.error(request, str(error))
    else:
        if cancelled.state == RunState.CANCELLED:
            messages.success(request, _("The run is cancelled; it had not started."))
        else:
            messages.info(request, _("The run is told to stop; it writes a checkpoint first."))
    return redirect("training:run", pk)


@researchers_only
@require_POST
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Make comparison tasks of a generate run's outputs."""
    found = get_object_or_404(visible_runs(request).exclude(project=None), pk=pk)
    form = PublishForm(request.POST or _where_it_fits(found), run=found)
    done = form.save(actor=person(request)) if form.is_valid() else None
    if done is None:
        for errors in form.errors.values():
            for error in errors:
                messages.error(request, str(error))
        return redirect("training:run", pk)
    if done.tasks:
        text = _("%(tasks)d comparison tasks wait in round %(round)d.")
        messages.success(request, text % {"tasks": done.tasks, "round": done.round.number})
    else:
        messages.info(request, _("These outputs stand in round %(round)d already.") % {"round": done.round.number})
    for reason, count in done.left_out.items():
        messages.warning(request, _("Left out, %(reason)s: %(count)d") % {"reason": reason, "count": count})
    return redirect("training:loop", found.project.slug if found.project else "")


def _where_it_fits(run: Run) -> QueryDict:
    """Return the round that the form would propose, for a button that asks nothing."""
    data = QueryDict(mutable=True)
    data["where"] = str(PublishForm(run=run)["where"].initial)
    return data
