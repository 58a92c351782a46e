"""What can stop the stack from starting."""


class StackError(Exception):
    """The stack cannot start; the message says why and what to do about it."""


class StopRequested(Exception):  # not an error: somebody pressed Ctrl-C
    """A signal asked the supervisor to stop before it had finished starting."""
