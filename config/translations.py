"""The catalogue of the interface's texts: `make translations` brings it up to date, without GNU gettext.

    python -m config.translations          update locale/*/LC_MESSAGES/django.po, compile it, list what is untranslated

Texts are found where Django looks for them: in Python code, and in templates through Django's own `templatize`. What
the code no longer says is dropped; a translation is never invented.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[1]
LOCALES = ROOT / "locale"
SOURCES = ("accounts", "config", "labeling", "training")
TEMPLATES = ROOT / "templates"
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
Text = str | tuple[str, ...]


def texts_of_interface() -> Iterator[tuple[Text, str | None, str]]:
    """Yield every text that a person may see, its context, and the file that it stands in."""
    for path in _python_files():
        yield from _extract(path.read_text(encoding="utf-8"), path)
    for path in sorted(TEMPLATES.rglob("*.html")):
        # Babel reads the result as Python: indentation means nothing there and must not trip its tokenizer.
        code = templatize(path.read_text(encoding="utf-8"), origin=str(path))
        yield from _extract("\n".join(line.lstrip() for line in code.split("\n")), path)


def _python_files() -> Iterator[Path]:
    for source in SOURCES:
        for path in sorted((ROOT / source).rglob("*.py")):
            if "migrations" not in path.parts and "rlhf" not in path.parts:
                yield path


def _extract(code: str, path: Path) -> Iterator[tuple[Text, str | None, str]]:
    found = extract("python", BytesIO(code.encode()), keywords=KEYWORDS, options={"encoding": "utf-8"})
    for _line, message, _comments, context in found:
        if message:
            yield message, context, path.relative_to(ROOT).as_posix()


def update(path: Path, *, language: str) -> list[str]:
    """Bring one catalogue and its compiled form up to date; return the texts that are not translated."""
    with path.open("rb") as file:
        old = read_po(file, locale=language)
    new = Catalog(
        locale=language, domain="django", header_comment=old.header_comment, project="Volant", charset="utf-8",
        creation_date=old.creation_date, revision_date=old.revision_date, last_translator=old.last_translator,
        language_team=old.language_team,
    )  # fmt: skip
    for message, context, _where in texts_of_interface():
        known = old.get(message if isinstance(message, str) else message[0], context=context)
        string = known.string if known and known.string else None
        if string is not None and isinstance(string, str) and not isinstance(message, str):
            string = (string,)
        new.add(message, string=string, context=context)
    with path.open("wb") as file:
        write_po(file, new, width=120, omit_header=False, no_location=True, sort_output=True)
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, new)
    return [str(m.id if isinstance(m.id, str) else m.id[0]) for m in new if m.id and not _said(m.string)]


def _said(string: str | tuple[str, ...] | list[str] | None) -> bool:
    return bool(string) and (isinstance(string, str) or all(string or ()))


def main() -> None:
    if not settings.configured:
        settings.configure(USE_I18N=True)
    missing = 0
    for path in sorted(LOCALES.glob("*/LC_MESSAGES/django.po")):
        untranslated = update(path, language=path.parents[1].name)
        missing += len(untranslated)
        for text in untranslated:
            print(f"{path.relative_to(ROOT)}: untranslated: {text!r}")  # noqa: T201  its terminal output
    sys.exit(f"{missing} texts are not translated" if missing else None)


if __name__ == "__main__":
    main()
