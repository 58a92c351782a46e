"""Prompts, and people's answers to them.

Dependencies run one way: project → round, prompt → task → assignment → answer → demonstration, comparison.
"""

from labeling.models.assignment import Assignment, AssignmentState
from labeling.models.comparison import Comparison, JudgedOutput
from labeling.models.demonstration import Demonstration
from labeling.models.project import Membership, Project
from labeling.models.prompt import Prompt, PromptImport, Source, Split
from labeling.models.round import Round, RoundState
from labeling.models.task import Completion, Slot, SlotState, Task, TaskKind

__all__ = [
    "Assignment",
    "AssignmentState",
    "Comparison",
    "Completion",
    "Demonstration",
    "JudgedOutput",
    "Membership",
    "Project",
    "Prompt",
    "PromptImport",
    "Round",
    "RoundState",
    "Slot",
    "SlotState",
    "Source",
    "Split",
    "Task",
    "TaskKind",
]
