"""What is asked about each output, as data: the fields of a judgement form, and what an answer to one may be.

Plain Python without the ORM. The forms that come with Volant stand in `labeling.built_in_forms`; a project's own
versions are rows of `labeling.models.JudgementForm`, whose `fields` is `as_json` of what stands here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from django.utils.translation import gettext as _

from labeling.conversations import is_storable
from labeling.exceptions import FormRefused

Value = int | bool | str
Kind = Literal["scale", "flag", "choice"]
KINDS: tuple[Kind, ...] = ("scale", "flag", "choice")
QUALITY = "quality"
_BETTER_OVERALL = (QUALITY, "helpfulness")
KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
MAX_FIELDS = 40
MAX_LABEL = 300
MAX_HELP = 600
MAX_POINTS = 11
MAX_CHOICES = 10
LOWEST, HIGHEST = -100, 100


@dataclass(frozen=True)
class Choice:
    value: str
    label: str


@dataclass(frozen=True)
class Field:
    """One question about an output.

    A *scale* takes a whole number from `low` to `high`, a *flag* yes or no, a *choice* the value of one of `choices`.
    What nobody answered is absent, never 0, False or an empty text. `required`: a project that rates first wants it
    answered for every output before the ranking.
    """

    key: str
    kind: str
    label: str
    help: str = ""
    low: int | None = None
    high: int | None = None
    low_label: str = ""
    high_label: str = ""
    choices: tuple[Choice, ...] = ()
    required: bool = False

    @property
    def values(self) -> list[Value]:
        """Everything that answers the question, in the order of the page."""
        if self.kind == "scale":
            assert self.low is not None and self.high is not None
            return list(range(self.low, self.high + 1))
        if self.kind == "flag":
            return [True, False]
        return [choice.value for choice in self.choices]

    def accepts(self, value: Any) -> bool:
        """Whether `value` answers the question; 5.0, "5" and True are no points of a scale."""
        return any(type(value) is type(known) and value == known for known in self.values)

    def wanted(self) -> str:
        """Say what an answer is, for who gave another."""
        if self.kind == "scale":
            return _("a whole number from %(low)d to %(high)d") % {"low": self.low, "high": self.high}
        if self.kind == "flag":
            return _("true or false")
        return _("one of %(values)s") % {"values": ", ".join(choice.value for choice in self.choices)}

    def shown(self) -> Field:
        """Return the field with its texts in the reader's language; what a researcher typed stays as it is."""
        return replace(
            self,
            label=_translated(self.label),
            help=_translated(self.help),
            low_label=_translated(self.low_label),
            high_label=_translated(self.high_label),
            choices=tuple(Choice(choice.value, _translated(choice.label)) for choice in self.choices),
        )


Fields = tuple[Field, ...]


def _translated(text: str) -> str:
    # gettext of an empty text is the catalogue's header.
    return _(text) if text else ""


def overall_key(asked: Fields) -> str | None:
    """Return the key of the scale on which higher means better overall, or None: what a ranking may contradict."""
    scales = {field.key for field in asked if field.kind == "scale"}
    return next((key for key in _BETTER_OVERALL if key in scales), None)


def as_json(asked: Iterable[Field]) -> list[dict[str, Any]]:
    """Return fields as they are stored and as the API gives them: without what is empty."""
    whole = ({**asdict(field), "choices": [asdict(choice) for choice in field.choices]} for field in asked)
    return [{name: value for name, value in values.items() if value not in ("", None, [])} for values in whole]


def from_json(stored: Iterable[Mapping[str, Any]]) -> Fields:
    """Build the fields of a stored form, which was checked when it was stored."""
    return tuple(
        Field(**{**values, "choices": tuple(Choice(**choice) for choice in values.get("choices", ()))})
        for values in stored
    )


def check_fields(given: Any) -> Fields:
    """Return the fields that somebody wrote. Raises FormRefused with a sentence for everything that is wrong."""
    if not isinstance(given, list) or not given:
        raise _refused([_("A form asks at least one question.")])
    if len(given) > MAX_FIELDS:
        raise _refused([_("A form asks at most %(max)d questions.") % {"max": MAX_FIELDS}])
    problems: list[str] = []
    asked: list[Field] = []
    for number, values in enumerate(given, start=1):
        field, wrong = _check_field(values)
        if field is not None and field.key in {earlier.key for earlier in asked}:
            wrong = [_("the key %(key)s is taken by an earlier question") % {"key": field.key}]
        problems += [_("Question %(n)d: %(problem)s.") % {"n": number, "problem": problem} for problem in wrong]
        if field is not None:
            asked.append(field)
    if problems:
        raise _refused(problems)
    return tuple(asked)


def _refused(problems: Sequence[str]) -> FormRefused:
    return FormRefused(fields={"fields": problems})


def _check_field(values: Any) -> tuple[Field | None, list[str]]:
    """Return the field, or None and what is wrong with it."""
    if not isinstance(values, Mapping):
        return None, [_("it must be an object with key, kind and label")]
    known = [field.name for field in fields(Field)]
    unknown = sorted(str(name) for name in set(values) - set(known))
    if unknown:
        return None, [
            _("there is no %(name)s; a question has %(known)s") % {"name": unknown[0], "known": ", ".join(known)}
        ]
    kind = values.get("kind")
    if kind not in KINDS:
        return None, [_("the kind must be one of %(kinds)s") % {"kinds": ", ".join(KINDS)}]
    problems = _wrong_texts(values)
    key = values.get("key")
    if not isinstance(key, str) or not KEY.fullmatch(key):
        problems.append(_("the key must be small letters, digits and underscores, beginning with a letter"))
    if not isinstance(values.get("required", False), bool):
        problems.append(_("required must be true or false"))
    problems += {"scale": _wrong_scale, "choice": _wrong_choices, "flag": _wrong_flag}[kind](values)
    if problems:
        return None, problems
    clean: dict[str, Any] = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
    choices = tuple(Choice(one["value"].strip(), one["label"].strip()) for one in values.get("choices") or ())
    clean["choices"] = choices
    return Field(**clean), []


def _wrong_texts(values: Mapping[str, Any]) -> list[str]:
    problems = []
    if not str(values.get("label") or "").strip():
        problems.append(_("the label is empty"))
    for name, longest in (
        ("label", MAX_LABEL),
        ("help", MAX_HELP),
        ("low_label", MAX_LABEL),
        ("high_label", MAX_LABEL),
    ):
        if wrong := _wrong_text(values.get(name, ""), name, longest):
            problems.append(wrong)
    return problems


def _wrong_text(text: Any, name: str, longest: int) -> str:
    if not isinstance(text, str) or not is_storable(text):
        return _("%(name)s must be a text") % {"name": name}
    if len(text) > longest:
        return _("%(name)s has at most %(max)d characters") % {"name": name, "max": longest}
    return ""


def _wrong_scale(values: Mapping[str, Any]) -> list[str]:
    low, high = values.get("low"), values.get("high")
    if type(low) is not int or type(high) is not int or not LOWEST <= low < high <= HIGHEST:
        return [_("a scale goes from a low to a higher whole number")]
    if high - low >= MAX_POINTS:
        return [_("a scale has at most %(max)d points") % {"max": MAX_POINTS}]
    if values.get("key") == QUALITY and not 1 <= low < high <= 7:
        return [_("quality is a scale within 1 to 7; give another scale another key")]
    return _only_for(values, ("choices",))


def _wrong_choices(values: Mapping[str, Any]) -> list[str]:
    choices = values.get("choices")
    if not isinstance(choices, list | tuple) or not 2 <= len(choices) <= MAX_CHOICES:
        return [_("a choice has 2 to %(max)d answers") % {"max": MAX_CHOICES}]
    seen: set[str] = set()
    for choice in choices:
        if not isinstance(choice, Mapping) or set(choice) != {"value", "label"}:
            return [_("each answer of a choice has a value and a label")]
        for name, longest in (("value", 40), ("label", MAX_LABEL)):
            if wrong := _wrong_text(choice[name], name, longest):
                return [wrong]
            if not choice[name].strip():
                return [_("each answer of a choice has a value and a label")]
        seen.add(choice["value"].strip())
    if len(seen) < len(choices):
        return [_("two answers of the choice have the same value")]
    return _not_quality(values) + _only_for(values, ("low", "high", "low_label", "high_label"))


def _wrong_flag(values: Mapping[str, Any]) -> list[str]:
    return _not_quality(values) + _only_for(values, ("low", "high", "low_label", "high_label", "choices"))


def _not_quality(values: Mapping[str, Any]) -> list[str]:
    return [_("the key quality is kept for a scale within 1 to 7")] if values.get("key") == QUALITY else []


def _only_for(values: Mapping[str, Any], others: Iterable[str]) -> list[str]:
    stray = [name for name in others if values.get(name) not in (None, "", [], ())]
    return [_("a %(kind)s has no %(name)s") % {"kind": values["kind"], "name": name} for name in stray]
