"""Prompts written by labelers [P1, P2]: asked for, claimed, submitted, and what is made of them."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from labeling.exceptions import AlreadyAnswered, AlreadyRevised, AnswerRefused, InvalidInput, NotAllowed, RoundRefused
from labeling.few_shot import Pair
from labeling.models import Assignment, Demonstration, Project, Prompt, Slot, SlotState, Task, WrittenPrompt
from labeling.services import queue, rounds
from labeling.services.request_prompts import PromptBrief, request_prompts
from labeling.services.written_prompts import NewPrompt, revise_written_prompt, submit_written_prompt
from labeling.splits import split_of
from tests.factories import ProjectFactory, PromptFactory, ResearcherFactory, RoundFactory, UserFactory

PAIRS = tuple(Pair(f"Query {n}", f"Response {n}") for n in range(1, 5))
FEW_SHOT = NewPrompt("Name the capital.", PAIRS)


class Desk:
    """A project with an open round, its researcher, and a labeler who takes whatever is asked for."""

    def __init__(self) -> None:
        self.project: Project = ProjectFactory(valid_share=0.5)
        self.round = RoundFactory(project=self.project)
        self.researcher: User = ResearcherFactory()
        self.labeler: User = UserFactory(member_of=self.project)

    def ask(self, kind: str = "plain", count: int = 1, **brief: Any) -> int:
        return request_prompts(
            actor=self.researcher, round=self.round, brief=PromptBrief(kind=kind, **brief), count=count
        )

    def claim(self, labeler: User | None = None) -> Assignment:
        claim = queue.claim_next(labeler=labeler or self.labeler, project=self.project, kind="prompt")
        assert claim.assignment is not None
        return claim.assignment

    def write(self, prompt: NewPrompt, kind: str = "plain", labeler: User | None = None, **brief: Any) -> WrittenPrompt:
        self.ask(kind, **brief)
        assignment = self.claim(labeler)
        return submit_written_prompt(token=assignment.token, labeler=assignment.labeler, given=prompt)


@pytest.fixture
def desk(db: None) -> Desk:
    return Desk()


# asking


def test_asking_makes_a_task_of_one_judgement_for_each_prompt(desk: Desk) -> None:
    desk.project.judgements_per_task = 3
    desk.project.save()
    assert desk.ask("few_shot", 5, pairs=3, category="rewrite", language="zh", skill="law") == 5
    assert Slot.objects.filter(kind="prompt").count() == 5
    task = Task.objects.filter(kind="prompt").first()
    assert task is not None and task.prompt is None
    assert task.brief == {"kind": "few_shot", "category": "rewrite", "pairs": 3, "language": "zh", "skill": "law"}
    lane = task.slots.get().lane
    assert (lane.language, lane.skill, lane.sensitive) == ("zh", "law", False)


def test_user_based_prompts_are_asked_for_each_use_case(desk: Desk) -> None:
    assert desk.ask("user_based", 2, use_cases=["Letters to a landlord", " ", "Names for a shop"]) == 4
    assert sorted(Task.objects.values_list("brief__use_case", flat=True)) == sorted(
        ["Letters to a landlord", "Names for a shop"] * 2
    )


@pytest.mark.parametrize(
    ("kind", "count", "brief", "field"),
    [
        ("sonnet", 1, {}, "kind"),
        ("plain", 0, {}, "count"),
        ("plain", 10_001, {}, "count"),
        ("user_based", 6_000, {"use_cases": ["a", "b"]}, "count"),
        ("user_based", 1, {}, "use_cases"),
        ("plain", 1, {"use_cases": ["a"]}, "use_cases"),
        ("user_based", 1, {"use_cases": ["a" * 201]}, "use_cases"),
        ("user_based", 1, {"use_cases": ["a\x00"]}, "use_cases"),
        ("plain", 1, {"pairs": 3}, "pairs"),
        ("few_shot", 1, {"pairs": 1}, "pairs"),
        ("few_shot", 1, {"pairs": 9}, "pairs"),
        ("plain", 1, {"language": "x" * 17}, "language"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(
    desk: Desk, kind: str, count: int, brief: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        desk.ask(kind, count, **brief)
    assert field in refusal.value.fields and not Task.objects.exists()


def test_only_researchers_ask_and_only_in_an_open_round(desk: Desk) -> None:
    with pytest.raises(NotAllowed):
        request_prompts(actor=desk.labeler, round=desk.round, brief=PromptBrief(), count=1)
    rounds.close_round(actor=desk.researcher, round=desk.round)
    with pytest.raises(RoundRefused):
        desk.ask()


# submitting


@pytest.mark.parametrize(("kind", "brief"), [("plain", {}), ("user_based", {"use_cases": ["Names for a shop"]})])
def test_a_prompt_becomes_a_prompt_of_its_author(desk: Desk, kind: str, brief: dict[str, Any]) -> None:
    given_prompt = NewPrompt("  给花店起个名字。 ", category="brainstorming", note="For fun.", prompt_flags=[])
    written = desk.write(given_prompt, kind, **brief)
    assert (written.kind, written.text, written.note, written.prompt_flags) == (
        kind,
        "给花店起个名字。",
        "For fun.",
        [],
    )
    assert written.use_case == (brief.get("use_cases") or [""])[0]
    assert (written.labeler, written.round, written.guidelines_version) == (desk.labeler, desk.round, 1)
    prompt = Prompt.objects.get()
    assert prompt.messages == [{"role": "user", "content": "给花店起个名字。"}]
    assert (prompt.source, prompt.kind, prompt.author, prompt.written) == ("labeler", kind, desk.labeler, written)
    assert (prompt.language, prompt.category) == ("zh", "brainstorming")
    assert prompt.key == f"template-{written.pk}" and prompt.split == split_of(prompt.key, 0.5)
    assert Slot.objects.get().state == SlotState.DONE and not Demonstration.objects.exists()


def test_a_few_shot_prompt_becomes_an_example_of_each_pair(desk: Desk) -> None:
    written = desk.write(FEW_SHOT, "few_shot")
    prompts = list(Prompt.objects.order_by("pk"))
    assert len(prompts) == 4 and {prompt.key for prompt in prompts} == {f"template-{written.pk}"}
    assert len({prompt.split for prompt in prompts}) == 1
    answers = {answer.prompt_id: answer for answer in Demonstration.objects.all()}
    assert {answers[prompt.pk].text for prompt in prompts} == {pair.response for pair in PAIRS}
    for prompt in prompts:
        answer = answers[prompt.pk]
        assert prompt.last_turn.replace("Query", "Response") == answer.text
        assert (answer.labeler, answer.round, answer.actor) == (desk.labeler, desk.round, desk.labeler)


def test_the_author_does_not_answer_the_own_prompt(desk: Desk) -> None:
    desk.write(NewPrompt("Why is the sky blue?"))
    rounds.request_demonstrations(actor=desk.researcher, round=desk.round, prompts=Prompt.objects.all())
    assert queue.claim_next(labeler=desk.labeler, project=desk.project, kind="write").assignment is None
    other = UserFactory(member_of=desk.project)
    assert queue.claim_next(labeler=other, project=desk.project, kind="write").assignment is not None


def test_a_given_language_and_category_win(desk: Desk) -> None:
    desk.write(NewPrompt("Bonjour !"), language="fr", category="chat")
    assert (Prompt.objects.get().language, Prompt.objects.get().category) == ("fr", "chat")


def test_a_prompt_that_its_author_calls_sensitive_is_sensitive(desk: Desk) -> None:
    desk.write(NewPrompt("Something hard to read", prompt_flags=["sensitive_content"]))
    assert Prompt.objects.get().sensitive


@pytest.mark.parametrize(
    ("kind", "brief", "prompt", "says"),
    [
        ("plain", {}, NewPrompt(" \n"), "The prompt is empty"),
        ("plain", {}, NewPrompt("\x00"), "The prompt is empty"),
        ("plain", {}, NewPrompt("x" * 200_000), "200000 characters"),
        ("plain", {}, NewPrompt("x", note="n" * 2_001), "A note has at most"),
        ("plain", {}, NewPrompt("x", category="c" * 81), "At most 80"),
        ("few_shot", {}, NewPrompt("", PAIRS), "The instruction is empty"),
        ("few_shot", {}, NewPrompt("Go.", PAIRS[:1]), "2 to 8 pairs; you have 1"),
        ("few_shot", {}, NewPrompt("Go.", tuple(Pair(str(n), "r") for n in range(9))), "2 to 8 pairs; you have 9"),
        ("few_shot", {"pairs": 3}, NewPrompt("Go.", PAIRS), "wants 3 pairs; you have 4"),
        ("few_shot", {}, NewPrompt("Go.", (PAIRS[0], Pair("q", " "))), "Pair 2 is half empty"),
        ("few_shot", {}, NewPrompt("Go.", (PAIRS[0], PAIRS[1], Pair(" Query 1", "x"))), "Queries 1 and 3 are the same"),
        ("few_shot", {}, NewPrompt("Go.", tuple(Pair(str(n), "r" * 19_000) for n in range(4))), "60000 with all pairs"),
    ],
)
def test_what_cannot_be_a_prompt_is_refused_and_nothing_is_stored(
    desk: Desk, kind: str, brief: dict[str, Any], prompt: NewPrompt, says: str
) -> None:
    with pytest.raises(AnswerRefused) as refusal:
        desk.write(prompt, kind, **brief)
    sentences = [str(refusal.value), *(str(one) for many in refusal.value.fields.values() for one in many)]
    assert says in " ".join(sentences)
    assert not WrittenPrompt.objects.exists() and Slot.objects.get().state == SlotState.HELD


def test_empty_rows_are_no_pairs(desk: Desk) -> None:
    written = desk.write(NewPrompt("Go.", (PAIRS[0], Pair(" ", ""), PAIRS[1])), "few_shot")
    assert len(written.pairs) == 2


def test_a_prompt_that_the_project_has_is_refused_and_can_be_mended(desk: Desk) -> None:
    PromptFactory(project=desk.project, text="Why is the sky blue?")
    desk.ask()
    assignment = desk.claim()
    with pytest.raises(AnswerRefused) as refusal:
        submit_written_prompt(token=assignment.token, labeler=desk.labeler, given=NewPrompt("Why is the sky blue? "))
    assert "already" in str(refusal.value) and refusal.value.code == "repeated_prompt"
    assert not WrittenPrompt.objects.exists()
    submit_written_prompt(token=assignment.token, labeler=desk.labeler, given=NewPrompt("Why is grass green?"))
    assert Prompt.objects.count() == 2


def test_submitting_again_changes_nothing_and_loses_nothing(desk: Desk) -> None:
    written = desk.write(FEW_SHOT, "few_shot")
    assert written.assignment is not None
    token = written.assignment.token
    assert submit_written_prompt(token=token, labeler=desk.labeler, given=FEW_SHOT) == written
    with pytest.raises(AlreadyAnswered):
        submit_written_prompt(token=token, labeler=desk.labeler, given=NewPrompt("Other.", PAIRS))
    written.assignment.refresh_from_db()
    assert written.assignment.draft["text"] == "Other." and len(written.assignment.draft["pairs"]) == 4
    assert Prompt.objects.count() == 4


# mending


def test_a_revision_makes_the_prompts_anew_under_the_same_key(desk: Desk) -> None:
    first = desk.write(FEW_SHOT, "few_shot")
    mended = NewPrompt("Name the capital, in one word.", PAIRS[:3], category="open_qa")
    second = revise_written_prompt(actor=desk.labeler, previous=first, given=mended, reason="shorter")
    first.refresh_from_db()
    assert not first.is_current and len(first.pairs) == 4
    assert (second.revision, second.reason, second.is_current, second.category) == (2, "shorter", True, "open_qa")
    assert Prompt.objects.count() == Demonstration.objects.count() == 3
    assert set(Prompt.objects.values_list("key", "written")) == {(f"template-{first.pk}", second.pk)}
    with pytest.raises(AlreadyRevised):
        revise_written_prompt(actor=desk.labeler, previous=first, given=FEW_SHOT)
    third = revise_written_prompt(actor=desk.labeler, previous=second, given=FEW_SHOT)
    assert (third.revision, Prompt.objects.count()) == (3, 4)


def test_a_prompt_in_use_stays_as_it_is(desk: Desk) -> None:
    written = desk.write(FEW_SHOT, "few_shot")
    made = Prompt.objects.order_by("pk")[0]
    rounds.request_demonstrations(actor=desk.researcher, round=desk.round, prompts=Prompt.objects.filter(pk=made.pk))
    before = list(Prompt.objects.values_list("pk", flat=True))
    with pytest.raises(AnswerRefused) as refusal:
        revise_written_prompt(actor=desk.labeler, previous=written, given=NewPrompt("Other.", PAIRS))
    assert refusal.value.code == "prompt_in_use" and "in use" in str(refusal.value)
    written.refresh_from_db()
    assert written.is_current and WrittenPrompt.objects.count() == 1
    assert list(Prompt.objects.values_list("pk", flat=True)) == before and Demonstration.objects.count() == 4


def test_a_frozen_demonstration_freezes_its_prompt(desk: Desk) -> None:
    written = desk.write(FEW_SHOT, "few_shot")
    Demonstration.objects.filter(pk=Demonstration.objects.first().pk).update(frozen_at=written.created_at)  # type: ignore[union-attr]
    with pytest.raises(AnswerRefused):
        revise_written_prompt(actor=desk.labeler, previous=written, given=NewPrompt("Other.", PAIRS))
    assert Prompt.objects.count() == 4


def test_others_do_not_mend_it(desk: Desk) -> None:
    written = desk.write(NewPrompt("Why?"))
    with pytest.raises(NotAllowed):
        revise_written_prompt(actor=UserFactory(member_of=desk.project), previous=written, given=NewPrompt("How?"))
