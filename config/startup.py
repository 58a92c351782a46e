"""A wrong setting ends a start with its sentence, not with a traceback."""

import contextlib
import os
from collections.abc import Iterator

from django.db import OperationalError

from config.settings.environment import SettingsError


@contextlib.contextmanager
def plain_settings_errors() -> Iterator[None]:
    """Turns `SettingsError` into an exit with status 1 and one line on stderr; so too a dev command without a stack."""
    try:
        yield
    except OperationalError as error:
        reason = str(error).splitlines()[0]
        if os.environ.get("DATABASE_URL"):
            # With a state the server answered: what it said is about the command, not about the address.
            if getattr(error.__cause__, "sqlstate", None) is not None:
                raise
            raise SystemExit(
                f"The database cannot be used. Start it, or set DATABASE_URL to one that answers. ({reason})"
            ) from None
        raise SystemExit(
            "No database to work on. Start Volant in another terminal (make run) and repeat the command, or set "
            f"DATABASE_URL to a PostgreSQL database. ({reason})"
        ) from None
    except SettingsError as error:
        raise SystemExit(f"Volant cannot start. {error}") from None
