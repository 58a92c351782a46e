"""From a judgement as it was clicked to the rows of a comparison: every rule of the Compare page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from labeling.conversations import storable
from labeling.exceptions import AnswerRefused
from labeling.judgement_forms import QUALITY, Fields, Value
from labeling.judgements import ComparisonJudgement
from labeling.models import Assignment, CompareMode, Comparison, Completion, JudgedOutput, Project
from labeling.prompt_flags import check_flags
from labeling.services.judgement_forms import Form, current_form, read_form
from labeling.services.rankings import check_ranks, check_strength, mode_for, refuse_foreign
from labeling.services.texts import check_answer_text, check_note

MAX_OUTPUTS = 12


@dataclass(frozen=True)
class Asked:
    """What a comparison is judged under: a submission takes the project's rules, a revision those of its comparison."""

    form: Form
    mode: CompareMode
    ratings_first: bool
    edits: bool


@dataclass(frozen=True)
class Judged:
    """A judgement that passed every check, as it is stored."""

    order: tuple[int, ...]
    ranks: dict[int, int]
    answers: dict[int, dict[str, Value]]
    asked: Asked
    strength: int | None
    none_acceptable: bool
    edited_text: str
    edited_from: int | None
    note: str
    prompt_flags: list[str] | None

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of the comparison that the judgement decides."""
        return {
            "form": self.asked.form.row,
            "mode": self.asked.mode,
            "strength": self.strength,
            "none_acceptable": self.none_acceptable,
            "edited_text": self.edited_text,
            "edited_from_id": self.edited_from,
            "note": self.note,
            "prompt_flags": self.prompt_flags,
        }


def asked_for(assignment: Assignment) -> Asked:
    """Return what the project asks of an assignment's task now."""
    project, begun_edit = assignment.task.project, bool(assignment.draft.get("edited_text"))
    return asked_of(project, current_form(project), len(assignment.shown_order), begun_edit=begun_edit)


def asked_of(project: Project, form: Form, outputs: int, *, begun_edit: bool = False) -> Asked:
    """Return what the project asks of a task with so many outputs now.

    A task with 12 outputs takes no edit, which would be a thirteenth. `begun_edit`: the labeler had begun one when the
    project stopped asking; it is taken, so that no word is lost.
    """
    edits = (project.edit_step or begun_edit) and outputs < MAX_OUTPUTS
    return Asked(form, mode_for(project.compare_mode, outputs), project.ratings_first, edits)


def asked_before(comparison: Comparison) -> Asked:
    """Return what a stored comparison is revised under: its own form and mode, and the edit that it had."""
    now = asked_of(
        comparison.project,
        read_form(comparison.form),
        comparison.judged.count(),
        begun_edit=bool(comparison.edited_text),
    )
    return replace(now, mode=CompareMode(comparison.mode))


def check_judgement(given: ComparisonJudgement, order: Sequence[int], asked: Asked) -> Judged:
    """Return the judgement as it is stored. Raises AnswerRefused: first for answers, then for the ranking, as on the
    page, where ranking opens when the answers are in.

    `order` is the outputs' pks as the labeler saw them. "None is acceptable" changes neither ranks nor edit: the
    labeler may improve the best of a bad lot, and only the edit is acceptable then.
    """
    answers = check_answers(given.answers, order, asked.form.fields, all_required=asked.ratings_first)
    ranks, strength = _order_of(given, order, asked)
    edited_text, edited_from = _edit(given.edited_text, order, ranks, asked)
    return Judged(
        order=tuple(order),
        ranks=ranks,
        answers=answers,
        asked=asked,
        strength=strength,
        none_acceptable=given.none_acceptable,
        edited_text=edited_text,
        edited_from=edited_from,
        note=check_note(given.note),
        prompt_flags=check_flags(given.prompt_flags),
    )


def store(comparison: Comparison, judged: Judged) -> None:
    """Store what was said of each output. `quality` repeats the answer of that key, for statistics."""
    JudgedOutput.objects.bulk_create(
        JudgedOutput(
            comparison=comparison,
            completion_id=pk,
            rank=judged.ranks[pk],
            quality=judged.answers[pk].get(QUALITY),
            answers=judged.answers[pk],
            shown_position=position,
        )
        for position, pk in enumerate(judged.order, start=1)
    )


def is_same(earlier: Comparison, judged: Judged) -> bool:
    """Whether a stored comparison says what was sent again; the note alone makes no other judgement."""
    rows = {output.completion_id: (output.rank, output.given) for output in earlier.judged.all()}
    if rows != {pk: (rank, judged.answers[pk]) for pk, rank in judged.ranks.items()}:
        return False
    again = {name: value for name, value in judged.columns.items() if name not in ("form", "note", "mode")}
    return all(getattr(earlier, name) == value for name, value in again.items())


def check_answers(
    given: Mapping[int, Mapping[str, Any]], outputs: Collection[int], asked: Fields, *, all_required: bool
) -> dict[int, dict[str, Value]]:
    """Return every output's answers by key, without what was not answered (null). Raises AnswerRefused."""
    refuse_foreign(given, outputs)
    by_key = {field.key: field for field in asked}
    answers: dict[int, dict[str, Value]] = {output: {} for output in outputs}
    for output, said in given.items():
        for key, value in said.items():
            if key not in by_key:
                sentence = _("This project does not ask for “%(key)s” (any more). Reload the page; your draft is kept.")
                raise AnswerRefused(fields={"answers": [sentence % {"key": key}]}, code="unknown_answer")
            if value is None:
                continue
            if not by_key[key].accepts(value):
                sentence = _("“%(label)s” takes %(wanted)s.") % {
                    "label": by_key[key].shown().label,
                    "wanted": by_key[key].wanted(),
                }
                raise AnswerRefused(fields={"answers": [sentence]})
            answers[output][key] = value
    if all_required:
        _refuse_unanswered(answers, asked)
    return answers


def _refuse_unanswered(answers: Mapping[int, Mapping[str, Value]], asked: Fields) -> None:
    missing = {
        field.shown().label: sum(field.key not in said for said in answers.values())
        for field in asked
        if field.required and any(field.key not in said for said in answers.values())
    }
    if missing:
        told = ", ".join(_("%(label)s (%(n)d)") % {"label": label, "n": n} for label, n in missing.items())
        raise AnswerRefused(
            _("This project rates first: answer every required question for every output. Missing: %(what)s.")
            % {"what": told},
            fields={"answers": [_("Rate every output.")]},
        )


def _order_of(given: ComparisonJudgement, order: Sequence[int], asked: Asked) -> tuple[dict[int, int], int | None]:
    if asked.mode == CompareMode.RANKING:
        if given.strength is not None:
            sentence = _("These outputs are ranked; a strength belongs to pairs. Reload the page.")
            raise AnswerRefused(fields={"strength": [sentence]})
        return check_ranks(given.ranks, order), None
    return check_strength(
        given.strength, order, mode=asked.mode, ranks=given.ranks, none_acceptable=given.none_acceptable
    )


def best_of(order: Sequence[int], ranks: Mapping[int, int]) -> int:
    """Return the output that an edit improves: the best; of several that tie there, the one shown first."""
    return next(pk for pk in order if ranks[pk] == 1)


def _edit(text: str, order: Sequence[int], ranks: Mapping[int, int], asked: Asked) -> tuple[str, int | None]:
    """Return the edited text and what it improves, or nothing when it is empty or says what that output says."""
    if not text.strip():
        return "", None
    clean = check_answer_text(text, field="edited_text")
    best = best_of(order, ranks)
    texts = dict(Completion.objects.filter(pk__in=order).values_list("pk", "text"))
    same = [pk for pk in order if storable(texts[pk]).replace("\r\n", "\n").strip() == clean.strip()]
    if best in same:
        return "", None
    if not asked.edits:
        raise AnswerRefused(fields={"edited_text": [_("An edited output is not asked for here. Leave it out.")]})
    if same:
        letter = chr(ord("A") + list(order).index(same[0]))
        sentence = _("Your edit says the same as answer %(letter)s. Rank that one first instead.") % {"letter": letter}
        raise AnswerRefused(fields={"edited_text": [sentence]})
    return clean, best
