"""What every round brought: labels, the reward model's accuracy, how far the policy moved."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.models import Count, Q

from labeling.models import Comparison, Demonstration, Project, Round
from training.models import Checkpoint, CheckpointKind

ROUNDS_SHOWN = 20


@dataclass
class RoundHistory:
    """One round in numbers. What was not measured is None."""

    round: Round
    demonstrations: int = 0
    comparisons: int = 0
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    """The newest checkpoint of each kind that was trained in the round."""

    def _metric(self, kind: CheckpointKind, *names: str) -> float | None:
        checkpoint = self.checkpoints.get(kind)
        metrics = checkpoint.metrics if checkpoint else {}
        return next((metrics[name] for name in names if metrics.get(name) is not None), None)

    @property
    def sft_loss(self) -> float | None:
        return self._metric(CheckpointKind.SFT, "best_valid_loss", "valid_loss")

    @property
    def reward_accuracy(self) -> float | None:
        """Share of held-out pairs that the reward model puts in the right order."""
        return self._metric(CheckpointKind.REWARD, "accuracy")

    @property
    def score_before(self) -> float | None:
        return self._metric(CheckpointKind.PPO, "score_first")

    @property
    def score(self) -> float | None:
        return self._metric(CheckpointKind.PPO, "score_last", "score")

    @property
    def kl(self) -> float | None:
        return self._metric(CheckpointKind.PPO, "kl")

    @property
    def trained(self) -> list[Checkpoint]:
        """In the order of the loop."""
        return [self.checkpoints[kind] for kind in CheckpointKind.values if kind in self.checkpoints]


def round_history(project: Project) -> list[RoundHistory]:
    """Return the newest rounds, newest first."""
    rounds = list(Round.objects.filter(project=project).order_by("-number")[:ROUNDS_SHOWN])
    history = {round.pk: RoundHistory(round) for round in rounds}
    current = Q(is_current=True, surplus=False, round__in=rounds)
    for pk, count in Demonstration.objects.filter(current).order_by().values_list("round").annotate(n=Count("pk")):
        history[pk].demonstrations = count
    for pk, count in Comparison.objects.filter(current).order_by().values_list("round").annotate(n=Count("pk")):
        history[pk].comparisons = count
    for checkpoint in Checkpoint.objects.filter(run__round__in=rounds).select_related("run").order_by("pk"):
        if checkpoint.run is not None and checkpoint.run.round_id is not None:
            history[checkpoint.run.round_id].checkpoints[checkpoint.kind] = checkpoint
    return list(history.values())
