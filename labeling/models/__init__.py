"""Prompts, and people's answers to them.

Dependencies run one way: project → guidelines, judgement form, round, prompt → task → assignment → answer, exchange →
demonstration, comparison, written prompt.
"""

from labeling.models.assignment import Assignment, AssignmentState
from labeling.models.comparison import Comparison, JudgedOutput
from labeling.models.demonstration import Demonstration
from labeling.models.exchange import Review, ThreadMessage, Verdict
from labeling.models.figures import PromptFigures, RoundFigures
from labeling.models.guidelines import Acknowledgement, GuidelinesVersion
from labeling.models.judgement_form import JudgementForm
from labeling.models.project import CompareMode, Membership, Objective, Project
from labeling.models.prompt import Prompt, PromptImport, PromptKind, Source, Split
from labeling.models.round import Round, RoundState
from labeling.models.task import Completion, Lane, Slot, SlotState, Task, TaskKind
from labeling.models.written_prompt import WrittenPrompt

__all__ = [
    "Acknowledgement",
    "Assignment",
    "AssignmentState",
    "CompareMode",
    "Comparison",
    "Completion",
    "Demonstration",
    "GuidelinesVersion",
    "JudgedOutput",
    "JudgementForm",
    "Lane",
    "Membership",
    "Objective",
    "Project",
    "Prompt",
    "PromptFigures",
    "PromptImport",
    "PromptKind",
    "Review",
    "Round",
    "RoundFigures",
    "RoundState",
    "Slot",
    "SlotState",
    "Source",
    "Split",
    "Task",
    "TaskKind",
    "ThreadMessage",
    "Verdict",
    "WrittenPrompt",
]
