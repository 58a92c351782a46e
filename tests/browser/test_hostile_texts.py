"""Prompts and outputs that attack the page: nothing runs, nothing overflows, the page stays quick and usable."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, expect

from accounts.models import User
from labeling.models import Comparison
from labeling.services import rounds
from labeling.services.rounds import NewOutput
from tests.browser.conftest import Scene

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MARKUP = [
    "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'><svg onload='window.hit = 1'></svg>",
    "<svg><animate onbegin=window.hit=1 attributeName=x dur=1s><foreignObject><iframe src='javascript:window.hit=1'>",
    "[a](javascript:window.hit=1) ![pixel](https://evil.example/pixel.png) <link rel=stylesheet href=//evil.example>",
    "<style>* { display: none !important }</style><base href='https://evil.example/'><form id=answer><input name=x>",
]
FORMULAS = [
    r"$\def\a{\a\a}\a$ and after it $x^2$ is set",
    r"$\rule{99999em}{99999em}$ and $$\kern{-99999em}\Huge\rule{9999em}{1px}$$",
    "$" + "{" * 4000 + "x" + "}" * 4000 + "$ and $y^2$ is set",
    r"$\href{javascript:window.hit=1}{x}$ $\includegraphics{https://evil.example/a.png}$"
    r" $\htmlStyle{position:fixed}{x}$",
    " ".join(rf"$\frac{{{n}}}{{\sqrt{{{n}}}}}$" for n in range(800)),
    "$$" + r"\text{long }" * 2000 + "$$",
]
SHAPES = [
    "W" * 30_000,
    ("Zalgo" + "\u0301\u0489\u0316" * 60 + " ") * 20,
    "مرحبا بالعالم، هذا نص من اليمين إلى اليسار.\n\nThen English, and שלום again.",
    "\u202eevil reversed\u202c \u2066isolated\u2069 \u200f\u200e marks",
    "👩‍👩‍👧‍👦 " * 400 + "🏳️‍🌈 e\u0301 \ufffd \u2028 \u2029 end",
    "| " + " | ".join(f"column {n}" for n in range(60)) + " |\n|" + " --- |" * 60,
    "> " * 500 + "deep\n\n" + "- " * 300 + "nested",
    "a line\n" * 12_000,
]


def compare(page: Page, scene: Scene, texts: list[str]) -> float:
    """Open a comparison of these outputs and return how long it took until it was ready."""
    outputs = [NewOutput(text) for text in texts]
    rounds.request_comparisons(
        actor=scene.researcher, round=scene.round, outputs={scene.prompts[0].pk: outputs}, judgements=1
    )
    page.goto(f"{scene.url}/")
    began = time.monotonic()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#answer[data-ready]")).to_be_visible(timeout=30_000)
    return time.monotonic() - began


def assert_harmless(page: Page, foreign: list[str], *, cards: int) -> None:
    assert page.evaluate("window.hit") is None
    assert foreign == []
    assert page.locator(".output").count() == cards
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1280, "height": 800})
    # No card covers another one, and the last can still be ranked.
    boxes = [card.bounding_box() for card in page.locator(".output").all()]
    assert all(box is not None and box["width"] > 200 for box in boxes)
    last = page.locator(".output").last
    last.locator("input[type=radio]").first.check(force=True)
    expect(last.locator("input[type=radio]").first).to_be_checked()


@pytest.fixture
def foreign(page: Page, scene: Scene) -> list[str]:
    """Requests that go anywhere but to us."""
    found: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith((scene.url, "data:")):
            found.append(request.url)

    page.on("request", note)
    return found


@pytest.mark.parametrize("texts", [MARKUP, FORMULAS, SHAPES], ids=["markup", "formulas", "shapes"])
def test_outputs_that_attack_the_page(
    sign_in: Callable[[User], Page], scene: Scene, foreign: list[str], texts: list[str]
) -> None:
    page = sign_in(scene.labeler)
    seconds = compare(page, scene, texts)
    assert seconds < 25, "the page hangs"
    assert_harmless(page, foreign, cards=len(texts))


def test_one_bad_formula_does_not_cost_the_others(sign_in: Callable[[User], Page], scene: Scene) -> None:
    page = sign_in(scene.labeler)
    compare(page, scene, FORMULAS[:3])
    assert page.locator(".output .katex").count() >= 2
    unset = page.locator(".math[data-unset]")
    expect(unset.filter(has_text=r"\def\a{\a\a}\a")).to_have_count(1)
    for box in [math.bounding_box() for math in page.locator(".output .katex").all()]:
        assert box is None or box["height"] < 2000


def test_right_to_left_paragraphs_run_their_own_way(sign_in: Callable[[User], Page], scene: Scene) -> None:
    page = sign_in(scene.labeler)
    compare(page, scene, [SHAPES[2], "An ordinary answer."])
    paragraphs = page.locator(".output").filter(has_text="مرحبا").locator(".prose p")
    # Each begins at its own side: the first at the right edge, the second at the left.
    edges = paragraphs.evaluate_all(
        """(found) => found.map((p) => {
            const range = document.createRange();
            range.selectNodeContents(p);
            const text = range.getBoundingClientRect(), box = p.getBoundingClientRect();
            return [text.left - box.left, box.right - text.right];
        })"""
    )
    assert edges[0][1] < 2 < edges[0][0]
    assert edges[1][0] < 2


def test_a_hostile_prompt_can_be_answered(sign_in: Callable[[User], Page], scene: Scene, foreign: list[str]) -> None:
    prompt = scene.prompts[0]
    prompt.messages = [{"role": "user", "content": "\n\n".join([*MARKUP, *FORMULAS[:3], SHAPES[0][:5000]])}]
    prompt.save(update_fields=["messages"])
    scene.ask_for_comparisons()
    page = sign_in(scene.labeler)
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#answer[data-ready]")).to_be_visible(timeout=30_000)
    assert_harmless(page, foreign, cards=4)
    assert not Comparison.objects.exists()
