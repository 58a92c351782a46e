"""From frozen labels to policies: dataset → run → checkpoint → sample."""

from training.models.checkpoint import POLICY_KINDS, Checkpoint, CheckpointKind
from training.models.dataset import Dataset, DatasetKind
from training.models.run import ENDED, IN_FLIGHT, ON_WORKER, Run, RunInput, RunMetric, RunState, Stage
from training.models.sample import Sample

__all__ = [
    "ENDED",
    "IN_FLIGHT",
    "ON_WORKER",
    "POLICY_KINDS",
    "Checkpoint",
    "CheckpointKind",
    "Dataset",
    "DatasetKind",
    "Run",
    "RunInput",
    "RunMetric",
    "RunState",
    "Sample",
    "Stage",
]
