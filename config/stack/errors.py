"""What can stop the stack from starting."""


class StackError(Exception):
    """The stack cannot start; the message says why and what to do about it."""


class StopRequested(Exception):  # noqa: N818  not an error: somebody pressed Ctrl-C while the stack was starting
    """A signal asked the supervisor to stop before it had finished starting."""
