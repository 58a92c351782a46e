"""The worker's side of a run: claim it, write its directory, watch its child process, take in what it made.

Here the application meets the training library, and nowhere else. Transitions are conditional UPDATEs
(`transitions`), so a message that is delivered twice starts nothing twice; the run directory is written and linked in
`directory`, the child is started and stopped in `child`, followed in `watch`, and its results become rows in `ingest`.
"""

from training.execution.transitions import reap_silent_runs, runs_to_send_again
from training.execution.watch import execute

__all__ = ["execute", "reap_silent_runs", "runs_to_send_again"]
