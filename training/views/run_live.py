"""The parts of a run page that move: status, curves, log."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from training.models import Run
from training.rlhf.rundir import RunDir
from training.storage import artifact
from training.views.access import researchers_only, whole_number
from training.views.runs import run_context, visible_runs

ROWS_AT_ONCE = 2000
STOP_POLLING = 286
"""htmx swaps the answer in and asks no more."""


@researchers_only
@require_GET
def run_live(request: HttpRequest, pk: int) -> HttpResponse:
    """The status of a run, and, by out-of-band swaps, the parts that change when it ends."""
    found = get_object_or_404(visible_runs(request), pk=pk)
    context = run_context(found)
    context["was"] = request.GET.get("was", "")
    return render(request, "training/_run_live.html", context)


@researchers_only
@require_GET
def run_metrics(request: HttpRequest, pk: int) -> JsonResponse:
    """Metrics after row ``?after=``: ``{"rows": [{"step", "time", "values"}], "after", "more", "live", "attempt"}``.

    ``attempt`` counts the run's starts: after a new start the reader forgets what it has and begins at 0.
    """
    # Before the rows: a run that ends in between is asked once more, and no row is missed.
    found = get_object_or_404(visible_runs(request), pk=pk)
    after = whole_number(request.GET.get("after")) or 0
    rows = list(found.metrics.filter(pk__gt=after).order_by("pk")[: ROWS_AT_ONCE + 1])
    shown = rows[:ROWS_AT_ONCE]
    return JsonResponse(
        {
            "rows": [{"step": row.step, "time": row.time, "values": row.values} for row in shown],
            "after": shown[-1].pk if shown else after,
            "more": len(rows) > ROWS_AT_ONCE,
            "live": found.is_in_flight,
            "state": found.state,
            "attempt": found.attempts,
        }
    )


@researchers_only
@require_GET
def run_log(request: HttpRequest, pk: int) -> HttpResponse:
    """The last lines of a run's log; while it moves they come from the run directory."""
    found = get_object_or_404(visible_runs(request), pk=pk)
    status = 200 if found.is_in_flight else STOP_POLLING
    return render(request, "training/_run_log.html", {"run": found, "log": log_of(found)}, status=status)


def log_of(run: Run) -> str:
    """Return the end of a run's log: of its directory when it is there, else what its row kept."""
    if not run.path:
        return run.log_tail
    return RunDir(artifact(run.path)).log_tail(lines=200) or run.log_tail
