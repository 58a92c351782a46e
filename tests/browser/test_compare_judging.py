"""Forms of every kind on the cards, pairs with a strength, the edit step: by keys, by pointer and without a script."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from labeling.built_in_forms import ATTRIBUTES, INSTRUCTGPT, TOXICITY, rules_form
from labeling.judgement_forms import Fields
from labeling.judgements import ComparisonJudgement
from labeling.models import Assignment, CompareMode, Comparison
from labeling.services import answers
from tests.browser.comparing import card, lease, opened, press
from tests.browser.pages import signed_in, watch_for_errors
from tests.conftest import AsgiServer

pytestmark = pytest.mark.browser


def submitted(held: Assignment) -> Comparison:
    return Comparison.objects.get(assignment=held)


def test_scales_flags_and_choices_are_answered_and_unanswered_stays_null(
    browser: Browser, asgi_server: AsgiServer
) -> None:
    held = lease(form=INSTRUCTGPT, ratings_first=True)
    page = opened(browser, asgi_server, held)
    assert page.locator(".output input:checked").count() == 0
    press(page, "a Shift+Digit6 Shift+Digit5 b Shift+Digit2 c Shift+Digit1")
    expect(page.locator("#progress")).to_have_text("3 of 4 rated")
    flags = card(page, "A").locator("[data-flags]")
    expect(flags.locator("summary")).to_contain_text("none set")
    flags.locator("summary").click()
    flags.get_by_label("Hallucination").check()
    flags.get_by_label("Sexual content").check()
    expect(flags.locator("summary")).to_contain_text("2 set")
    flags.get_by_label("No other flag applies").check()
    card(page, "B").locator("summary").click()
    card(page, "B").get_by_label("No flag applies").check()
    expect(card(page, "B").locator("summary")).to_contain_text("none applies")
    card(page, "A").get_by_label("there is none").check()
    press(page, "d Shift+Digit7")
    expect(page.locator("#announce")).to_contain_text("Every answer is rated")
    press(page, "1 a 2 b 3 c 3 Control+Enter")
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    first, second, third, fourth = (output.answers for output in submitted(held).judged.all())
    flags_no = {field.key: False for field in INSTRUCTGPT if field.kind == "flag"}
    assert first == {**flags_no, "quality": 5, "hallucination": True, "sexual": True, "constraint": "none"}
    assert second == {**flags_no, "quality": 2}
    assert (third, fourth) == ({"quality": 1}, {"quality": 7})


def test_a_form_of_five_attributes_is_filled_by_digits_alone(browser: Browser, asgi_server: AsgiServer) -> None:
    held = lease(["One.", "Two."], form=ATTRIBUTES, ratings_first=True)
    page = opened(browser, asgi_server, held)
    press(page, "a Shift+Digit1 Shift+Digit2 Shift+Digit3 Shift+Digit4 Shift+Digit0 Shift+Digit9")
    press(page, "b Shift+Digit4 Shift+Digit4 Shift+Digit4 Shift+Digit1 Shift+Digit1 1 a 2")
    expect(page.locator("#summary")).to_have_text("B > A")
    press(page, "Control+Enter")
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    keys = [field.key for field in ATTRIBUTES]
    assert [[output.answers[key] for key in keys] for output in submitted(held).judged.all()] == [
        [1, 2, 3, 4, 0],
        [4, 4, 4, 1, 1],
    ]


@pytest.mark.parametrize("form", [TOXICITY, rules_form(["Does not lie", "Does not <b>insult</b>"])])
def test_toxicity_and_rules_without_a_script(browser: Browser, asgi_server: AsgiServer, form: Fields) -> None:
    held = lease(["One.", "Two."], form=form, ratings_first=True)
    page = opened(browser, asgi_server, held, java_script_enabled=False)
    for letter, rank in (("A", "2"), ("B", "1")):
        for question in card(page, letter).locator("[data-question]").all():
            question.locator("input").first.check(force=True)
        card(page, letter).locator(f"[data-rank] input[value='{rank}']").check(force=True)
    page.get_by_role("button", name="Submit and go on").click()
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    comparison = submitted(held)
    assert comparison.summary() == "B > A"
    assert [output.answers for output in comparison.judged.all()] == [{f.key: f.values[0] for f in form}] * 2


@pytest.mark.parametrize(
    ("mode", "keys", "strength", "summary", "said"),
    [
        (CompareMode.STRENGTH, "1", 4, "A > B", "A significantly better"),
        (CompareMode.STRENGTH, "7", 2, "B > A", "B slightly better"),
        (CompareMode.STRENGTH, "7 =", 0, "A = B", "equally good"),
        (CompareMode.SEVEN_POINT, "9 7", 3, "B > A", "B much better"),
        (CompareMode.SEVEN_POINT, "=", 0, "A = B", "equally good"),
    ],
)
def test_a_pair_is_judged_on_one_scale_by_keys(
    browser: Browser, asgi_server: AsgiServer, mode: str, keys: str, strength: int, summary: str, said: str
) -> None:
    held = lease(["One.", "Two."], form=INSTRUCTGPT, compare_mode=mode, ratings_first=True)
    page = opened(browser, asgi_server, held)
    errors = watch_for_errors(page)
    expect(page.locator("[data-rank]")).to_have_count(0)
    press(page, keys)
    expect(page.locator("#announce")).to_contain_text("Rate both answers first")
    press(page, f"a Shift+Digit4 b Shift+Digit4 {keys}")
    expect(page.locator("#announce")).to_have_text(said)
    expect(page.locator("#summary")).to_have_text(summary)
    press(page, "Control+Enter")
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    comparison = submitted(held)
    assert (comparison.mode, comparison.strength, comparison.summary()) == (mode, strength, summary)
    assert errors == []


def test_both_bad_needs_no_preference_and_a_preference_may_contradict(
    browser: Browser, asgi_server: AsgiServer
) -> None:
    held = lease(["One.", "Two."], compare_mode=CompareMode.STRENGTH)
    page = opened(browser, asgi_server, held)
    press(page, "a Shift+Digit2 b Shift+Digit6 2")
    expect(page.locator("#contradictions")).to_contain_text("You prefer A, but rated it lower (2 against 6)")
    press(page, "Control+z")
    expect(page.locator("#contradictions li")).to_have_count(0)
    page.get_by_label("Both are bad: neither is acceptable").check()
    press(page, "Control+Enter")
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    comparison = submitted(held)
    assert comparison.none_acceptable and comparison.strength is None


def test_the_best_one_is_improved_after_the_ranking(browser: Browser, asgi_server: AsgiServer) -> None:
    held = lease(["Wrong.", "*Nearly* right.", "Wrong too."], edit_step=True)
    page = opened(browser, asgi_server, held)
    place, text, hint = page.locator("#edit-step"), page.locator("#edited-text"), page.locator("#edit-hint")
    place.locator("summary").click()
    expect(hint).to_have_text("First say which one is the best.")
    press(page, "b 1 a 2 c 3")
    expect(hint).to_contain_text("You improve B, the best one.")
    expect(text).to_have_value("*Nearly* right.")
    press(page, "a 1 b 1")
    expect(hint).to_contain_text("A, B tie for the best; you improve A, which was shown first.")
    press(page, "a 2")
    text.fill("**Quite** right.")
    place.get_by_role("button", name="Preview").click()
    expect(place.locator("#edit-preview strong")).to_have_text("Quite")
    expect(page.locator("#saved")).to_contain_text("Saved")
    # The ranking moves under it: said, and nothing is lost.
    press(page, "c 1 b 3")
    expect(hint).to_contain_text("You began with B, but C is the best now")
    press(page, "b 1 c 3")
    page.wait_for_timeout(1500)
    page.reload()
    expect(page.locator("#answer[data-ready]")).to_be_visible()
    expect(text).to_have_value("**Quite** right.")
    press(page, "Control+Enter")
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    comparison = submitted(held)
    assert comparison.edited_text == "**Quite** right." and comparison.edited_from is not None
    assert comparison.edited_from.text == "*Nearly* right."


def test_an_edit_that_changes_nothing_is_none(browser: Browser, asgi_server: AsgiServer) -> None:
    held = lease(["Good.", "Bad."], edit_step=True)
    page = opened(browser, asgi_server, held)
    press(page, "a 1 b 2")
    page.locator("#edit-step summary").click()
    expect(page.locator("#edited-text")).to_have_value("Good.")
    expect(page.locator("#edit-hint")).to_contain_text("It still says the same")
    press(page, "Control+Enter")
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    assert submitted(held).edited_text == ""


@pytest.mark.parametrize("script", [True, False])
def test_a_comparison_is_mended_with_all_that_it_said(browser: Browser, asgi_server: AsgiServer, script: bool) -> None:
    held = lease(["One.", "Two."], form=INSTRUCTGPT, edit_step=True)
    said = {pk: {"quality": 4, "violent": True, "constraint": "no"} for pk in held.shown_order}
    judgement = ComparisonJudgement(
        ranks=dict(zip(held.shown_order, (1, 2), strict=True)), answers=said, edited_text="Better.", note="hm"
    )
    first = answers.submit_comparison(token=held.token, labeler=held.labeler, judgement=judgement)
    page = signed_in(browser, asgi_server, held.labeler, java_script_enabled=script)
    page.goto(f"/my-work/comparisons/{first.pk}/")
    expect(page.get_by_label("The best one, improved")).to_have_value("Better.")
    card(page, "A").locator("[data-rank] input[value='2']").check(force=True)
    card(page, "B").locator("[data-rank] input[value='1']").check(force=True)
    page.get_by_label("The best one, improved").fill("Better still.")
    page.get_by_label("Why you change it").fill("B is better")
    page.get_by_role("button", name="Save the revision").click()
    expect(page.get_by_role("heading", name="My work")).to_be_visible()
    mended = Comparison.objects.current().get()
    assert (mended.revision, mended.summary(), mended.edited_text) == (2, "B > A", "Better still.")
    assert [output.answers for output in mended.judged.all()] == list(said.values())


def test_a_pair_with_flags_and_an_edit_without_a_script(browser: Browser, asgi_server: AsgiServer) -> None:
    held = lease(["One.", "Two."], form=INSTRUCTGPT, compare_mode=CompareMode.SEVEN_POINT, edit_step=True)
    page = opened(browser, asgi_server, held, java_script_enabled=False)
    card(page, "B").locator("[data-flags] summary").click()
    card(page, "B").get_by_label("Violent content").check()
    card(page, "B").get_by_label("No other flag applies").check()
    page.locator("[data-pair] input[value='-2']").check(force=True)
    page.locator("#edit-step summary").click()
    page.get_by_label("The best one, improved").fill("One, and better.")
    page.get_by_role("button", name="Submit and stop").click()
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
    comparison = submitted(held)
    assert (comparison.strength, comparison.summary(), comparison.edited_text) == (2, "A > B", "One, and better.")
    first, second = (output.answers for output in comparison.judged.all())
    assert first == {} and second["violent"] is True and second["sexual"] is False
