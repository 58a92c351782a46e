"""What the Loop page shows, and which step comes next."""

from training.loop.decision import Facts, NextAction, Verb, decide
from training.loop.state import LoopState, Step, loop_state

__all__ = ["Facts", "LoopState", "NextAction", "Step", "Verb", "decide", "loop_state"]
