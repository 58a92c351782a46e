"""Markdown as everybody sees it: labelers, reviewers, the preview. Rendered and cleaned on the server."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

LONGEST_RENDERED = 100_000
"""Longer texts, and those that nest too deeply, are shown as they are: nobody reads them rendered."""

_HIGHLIGHTED = 20_000
# Finding addresses takes time that grows with the square of a word's length: no address is made a link in such a text.
_LONG_ADDRESS = re.compile(r"\S{2000}")
_TAGS = {
    "a", "b", "blockquote", "br", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6",
    "hr", "i", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead",
    "tr", "ul",
}  # fmt: skip
# The class names that we or Pygments write. No other class gets through: a text must not borrow the page's own looks.
_MATH_CLASSES = {"math", "inline", "block"}
_CODE_CLASS = re.compile(r"(hl|language)-[\w+#.-]{1,40}")


def render_markdown(text: str) -> SafeString:
    """Return HTML that is safe to put on a page: no HTML of the text's own, no script, no image, no foreign style.

    Formulas between dollars become ``<span class="math inline">`` or ``<div class="math block">`` with the TeX inside.
    """
    if len(text) > LONGEST_RENDERED:
        return _plain(text)
    try:
        html = _markdown(linkify=not _LONG_ADDRESS.search(text)).render(text)
    except RecursionError:
        return _plain(text)
    return mark_safe(_clean(html))  # noqa: S308


def _plain(text: str) -> SafeString:
    return mark_safe(f'<pre class="plain">{escape(text)}</pre>')  # noqa: S308


@cache
def _markdown(*, linkify: bool) -> MarkdownIt:
    options = {"html": False, "linkify": linkify, "typographer": False, "highlight": _highlight, "maxNesting": 20}
    parser = MarkdownIt("js-default", options)
    if parser.linkify is not None:
        # Only written-out addresses become links; "setup.py" is a file, not a Paraguayan site.
        parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False})
    parser.disable("image")
    parser.use(dollarmath_plugin, renderer=_math, allow_space=True, allow_digits=False, double_inline=True)
    return parser


def _math(tex: str, options: dict[str, Any]) -> str:
    return str(escape(tex))


def _highlight(code: str, language: str, _attributes: str) -> str:
    if not language or len(code) > _HIGHLIGHTED:
        return ""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return ""
    return highlight(code, lexer, HtmlFormatter(nowrap=True, classprefix="hl-"))


def _keep(tag: str, name: str, value: str) -> str | None:
    if name != "class":
        return value
    names = [word for word in value.split() if word in _MATH_CLASSES or _CODE_CLASS.fullmatch(word)]
    return " ".join(names) or None


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes={
            "a": {"href", "title"},
            "ol": {"start"},
            "td": {"align"},
            "th": {"align"},
            "code": {"class"},
            "pre": {"class"},
            "span": {"class"},
            "div": {"class"},
        },
        attribute_filter=_keep,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        strip_comments=True,
    )
