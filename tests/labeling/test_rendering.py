"""Rendered Markdown: readable, and harmless whatever is in it."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.rendering import render_markdown

ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox(1))",
    "![x](javascript:alert(1))",
    "![track](https://evil.example/pixel.png)",
    "<style>*{display:none}</style>",
    "<p style='position:fixed'>x</p>",
    "<form action=//evil.example><input name=password></form>",
    '[x](https://a.example "onmouseover=alert(1)")',
    '```"><script>alert(1)</script>\ncode\n```',
    "```html\n<script>alert(1)</script>\n```",
    "$<script>alert(1)</script>$",
    "$$\n</div><script>alert(1)</script>\n$$",
    '<https://a.example/"onclick=alert(1)>',
    "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    "<!--<img src=x onerror=alert(1)>-->",
    "<div class='button danger' id='submit'>x</div>",
]
TAG = re.compile(r"<\s*([a-zA-Z][\w:-]*)([^>]*)>")
ALLOWED_ATTRIBUTE = re.compile(r"""^(\s+(href|title|class|rel|target|start|align)="[^"<>]*")*\s*/?$""")


def check_harmless(html: str) -> None:
    for name, attributes in TAG.findall(html):
        assert name.lower() not in {"script", "style", "img", "svg", "iframe", "form", "input", "math", "object"}, html
        assert ALLOWED_ATTRIBUTE.match(attributes), (name, attributes)
        for address in re.findall(r'href="([^"]*)"', attributes):
            assert re.match(r"(https?:|mailto:|[^:]*$)", address), address
        for names in re.findall(r'class="([^"]*)"', attributes):
            assert all(re.fullmatch(r"math|inline|block|plain|(hl|language)-[\w+#.-]+", word) for word in names.split())


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_becomes_text(attack: str) -> None:
    check_harmless(render_markdown(attack))
    check_harmless(render_markdown(f"# Title\n\n> - {attack}\n\n| a |\n|---|\n| {attack} |"))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([*ATTACKS, "`", "```", "$", "*", "\n", "> ", "[", "](", ")", "<", ">", '"']), max_size=12)
)
def test_no_mixture_of_attacks_gets_through(parts: list[str]) -> None:
    check_harmless(render_markdown("".join(parts)))


def test_what_people_write_is_readable() -> None:
    html = render_markdown("# Hi\n\n1. one\n2. **two** ~~no~~\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nhttps://a.example")
    for piece in ("<h1>Hi</h1>", "<ol>", "<strong>two</strong>", "<s>no</s>", "<td>2</td>", 'href="https://a.example"'):
        assert piece in html
    assert 'rel="noopener noreferrer nofollow"' in html


def test_code_is_highlighted_with_classes_only() -> None:
    html = render_markdown("```python\nprint('x')\n```\n\n```nosuchlanguage\na < b\n```")
    assert '<span class="hl-nb">print</span>' in html and "style=" not in html
    assert '<code class="language-nosuchlanguage">a &lt; b\n</code>' in html


def test_formulas_keep_their_tex() -> None:
    html = render_markdown("Let $a<b$ and\n\n$$\n\\frac{1}{2}\n$$\n\nIt costs $5 and $6.")
    assert '<span class="math inline">a&lt;b</span>' in html
    assert re.search(r'<div class="math block">\s*\\frac\{1\}\{2\}\s*</div>', html)
    assert "costs $5 and $6." in html


def test_html_is_shown_as_text() -> None:
    assert "&lt;b&gt;bold&lt;/b&gt;" in render_markdown("<b>bold</b>")


BOMBS = {
    "deep quotes": "> " * 100_000 + "x",
    "deep lists": "\n".join(" " * n + "- x" for n in range(600)),
    "many brackets": "[" * 200_000,
    "brackets and parens": "[a](" * 50_000,
    "stars": "*a " * 66_000,
    "mixed stars": "*_" * 100_000,
    "backticks": "".join("`" * (n % 300) + "a" for n in range(1300)),
    "dollars": "$a " * 66_000,
    "block dollars": "$$\n" * 60_000,
    "tables": "|a" * 100_000 + "\n" + "|-" * 100_000,
    "autolinks": "http://a." * 22_000,
    "long words of addresses": ("http://a." * 221 + " ") * 100,
    "addresses": "https://example.org/a?b=c#d\n" * 7_400,
    "angle brackets": "<a" * 100_000,
    "entities": "&amp" * 50_000,
    "nested html": "<div>" * 40_000,
    "fences": "```python\nx\n" * 15_000,
    "one long code": "```python\n" + "'" * 200_000,
    "prose": "A plain sentence, as people write them. " * 5_000,
    "references": "".join(f"[a{n}]: /x\n" for n in range(12_000)) + "[a1] " * 1000,
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("size", [200_000, 99_000])
def test_no_text_takes_long(name: str, size: int) -> None:
    text = BOMBS[name][:size]
    started = time.process_time()
    html = render_markdown(text)
    assert time.process_time() - started < 5.0
    check_harmless(html[:20_000])


def test_a_text_beyond_the_limit_is_shown_whole_and_escaped() -> None:
    html = render_markdown("<script>" + "x" * 100_001)
    assert html.startswith('<pre class="plain">&lt;script&gt;x') and html.endswith("x</pre>")
