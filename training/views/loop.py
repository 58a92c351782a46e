"""The Loop page: where the round stands, and the one button that moves it on."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.access import person
from accounts.exceptions import VolantError
from labeling.models import Project, Split
from training.exceptions import ConfigRefused
from training.loop import LoopState, NextAction, Verb, loop_state
from training.models import Stage
from training.services.advance import advance_loop
from training.services.base_models import smollm2_offered
from training.services.run_inputs import default_inputs
from training.views.access import project_for, researchers_only
from training.views.history import round_history
from training.views.table import counts_table

_PAGES = {
    Verb.IMPORT_PROMPTS: "labeling:prompt_import",
    Verb.WRITE: "labeling:work",
    Verb.COMPARE: "labeling:work",
    Verb.WATCH_RUN: "training:run",
    Verb.MEND_RUN: "training:run",
}
"""Steps that are done on a page of their own."""


@researchers_only
@require_GET
def loop(request: HttpRequest, project_slug: str) -> HttpResponse:
    project = project_for(request, project_slug)
    return render(request, "training/loop.html", loop_context(project))


@researchers_only
@require_GET
def loop_live(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Everything on the Loop page that moves."""
    project = project_for(request, project_slug)
    return render(request, "training/_loop_live.html", loop_context(project))


def loop_context(project: Project) -> dict[str, Any]:
    """Return what the Loop page and its live part show."""
    state = loop_state(project)
    return {
        "project": project,
        "state": state,
        "next_href": _page_of(project, state.next_action),
        "settings_href": _settings_of(project, state.next_action),
        "freeze_href": _freeze_of(project, state),
        # What SFT starts from, until it has started: the moment to take another base model.
        "base": None
        if state.facts.sft_policy
        else next(iter(default_inputs(project, Stage.SFT).get("model", ())), None),
        "smollm2_offered": not state.facts.sft_policy and smollm2_offered(project),
        "stations": _stations(project, state),
        "counts": counts_table(state),
        "history": round_history(project),
        "lively": bool(state.runs_in_flight),
    }


def _page_of(project: Project, action: NextAction) -> str:
    """Return the page on which a step is done; empty when the button itself does it."""
    name = _PAGES.get(action.verb)
    if name is None:
        return ""
    if name == "training:run":
        return reverse(name, args=[action.target])
    return reverse(name, args=[project.slug]) if name == "labeling:prompt_import" else reverse(name)


def _settings_of(project: Project, action: NextAction) -> str:
    """Return the form behind a button that takes defaults; empty when there is none."""
    if action.verb == Verb.START_RUN:
        return reverse("training:run_new", args=[project.slug, action.target])
    if action.verb == Verb.FREEZE:
        return f"{reverse('training:freeze', args=[project.slug])}?kind={action.target}"
    return ""


def _freeze_of(project: Project, state: LoopState) -> str:
    """Return the form that goes on with what people made so far; empty when they made nothing or are done."""
    kind = {Verb.WRITE: "sft", Verb.COMPARE: "rm"}.get(state.next_action.verb)
    made = state.facts.demonstrations if kind == "sft" else state.facts.comparisons
    return f"{reverse('training:freeze', args=[project.slug])}?kind={kind}" if kind and made else ""


_ACTIVE = {
    Verb.IMPORT_PROMPTS: "prompts",
    Verb.OPEN_ROUND: "prompts",
    Verb.ASK_TO_WRITE: "demonstrations",
    Verb.WRITE: "demonstrations",
    Verb.COMPARE: "comparisons",
    Verb.ADD_BASE: "training",
    Verb.PUBLISH: "outputs",
}


def _active_station(state: LoopState) -> str:
    """Return the station where the next action happens."""
    action, facts = state.next_action, state.facts
    if action.verb == Verb.FREEZE:
        return {"sft": "demonstrations", "rm": "comparisons"}.get(action.target, "prompts")
    stage = action.target
    if action.verb in (Verb.WATCH_RUN, Verb.MEND_RUN):
        stage = (facts.in_flight or facts.failed or (0, ""))[1]
    return _ACTIVE.get(action.verb, "outputs" if stage == "generate" else "training")


def _stations(project: Project, state: LoopState) -> list[dict[str, Any]]:
    """Return the five stations with where they lead to and which one the loop stands at."""
    pages = {
        "prompts": "labeling:prompts",
        "demonstrations": "training:datasets",
        "comparisons": "training:datasets",
        "training": "training:runs",
        "outputs": "training:runs",
    }
    queries = {"demonstrations": "?kind=sft", "comparisons": "?kind=rm", "outputs": "?stage=generate"}
    here = _active_station(state)
    return [
        {
            "step": step,
            "href": reverse(pages[step.key], args=[project.slug]) + queries.get(step.key, ""),
            "here": step.key == here,
            "train": sum(step.table[Split.TRAIN].values()),
            "valid": sum(step.table[Split.VALID].values()),
        }
        for step in state.steps
    ]


@researchers_only
@require_POST
def loop_next(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Do the next step with defaults."""
    project = project_for(request, project_slug)
    verb, target = request.POST.get("verb", ""), request.POST.get("target", "")
    try:
        done = advance_loop(actor=person(request), project=project, verb=verb, target=target)
    except VolantError as error:
        messages.error(request, str(error))
        for sentence in error.problems.values() if isinstance(error, ConfigRefused) else ():
            messages.error(request, str(sentence))
    else:
        messages.success(request, done.said)
        if done.run_id is not None:
            return redirect("training:run", done.run_id)
    return redirect("training:loop", project.slug)
