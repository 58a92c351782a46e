"""A wrong setting ends a start with its sentence, not with a traceback."""

import contextlib
from collections.abc import Iterator

from config.settings.environment import SettingsError


@contextlib.contextmanager
def plain_settings_errors() -> Iterator[None]:
    """Turns `SettingsError` into an exit with status 1 and one line on stderr."""
    try:
        yield
    except SettingsError as error:
        raise SystemExit(f"Volant cannot start. {error}") from None
