"""A guess at a prompt's language, good enough to sort by. Give `language` in the file or the defaults to be exact."""

from __future__ import annotations

import re

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_CHINESE_SHARE = 0.2


def guess_language(text: str) -> str:
    """Return ``zh`` when at least a fifth of the letters are Han characters, else ``en``.

    A Han character says about as much as five Latin letters, hence a fifth and not a half.
    """
    letters = sum(character.isalpha() for character in text)
    return "zh" if letters and len(_HAN.findall(text)) / letters >= _CHINESE_SHARE else "en"
