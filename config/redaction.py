"""What must not be readable in a log although it stands in an address."""

import logging
import re
from typing import Any

_INVITATION = re.compile(r"(/invitations/)[A-Za-z0-9_-]{20,}")


class RedactionFilter(logging.Filter):
    """Hides the tokens of invitation links: after a form that was refused, such a link is still good."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _hidden(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(_hidden(argument) for argument in record.args)
        return True


def _hidden(value: Any) -> Any:
    return _INVITATION.sub(r"\1…", value) if isinstance(value, str) else value
