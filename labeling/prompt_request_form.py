"""The form with which researchers ask labelers for prompts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from labeling.few_shot import FEWEST_PAIRS, MOST_PAIRS
from labeling.models import PromptKind
from labeling.services.request_prompts import MOST_PROMPTS, PromptBrief
from labeling.use_cases import CATEGORIES


class PromptRequestForm(forms.Form):
    """What prompts are wanted, and how many. The service says what does not go together."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[
            (PromptKind.PLAIN, _("plain: anything, as diverse as possible")),
            (PromptKind.FEW_SHOT, _("few-shot: an instruction with several queries and responses")),
            (PromptKind.USER_BASED, _("user-based: for a use case that you give")),
        ],
        widget=forms.RadioSelect,
    )
    count = forms.IntegerField(
        label=_("How many"),
        min_value=1,
        max_value=MOST_PROMPTS,
        help_text=_("Of user-based prompts: for each use case."),
    )
    use_cases = forms.CharField(
        label=_("Use cases"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("For user-based prompts, one a line. Leave out what tells who asked for it."),
    )
    pairs = forms.TypedChoiceField(
        label=_("Pairs"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[("", _("as the labeler likes")), *((n, n) for n in range(FEWEST_PAIRS, MOST_PAIRS + 1))],
        help_text=_("Of a few-shot prompt. Each pair becomes an example of its own."),
    )
    category = forms.ChoiceField(
        label=_("Category"),
        required=False,
        choices=[("", _("as the labeler likes")), *CATEGORIES.items()],
    )
    language = forms.CharField(
        label=_("Language"),
        max_length=16,
        required=False,
        help_text=_("Such as en or zh: only its labelers are asked. Empty: any, and it is guessed."),
    )
    skill = forms.CharField(
        label=_("Skill"), max_length=40, required=False, help_text=_("Only labelers who have it are asked.")
    )
    priority = forms.IntegerField(
        label=_("Priority"),
        required=False,
        min_value=-1000,
        max_value=1000,
        help_text=_("Higher comes first; 0 if empty."),
    )

    def brief(self) -> PromptBrief:
        given: dict[str, Any] = self.cleaned_data
        return PromptBrief(
            kind=given["kind"],
            use_cases=given["use_cases"].splitlines(),
            category=given["category"],
            pairs=given["pairs"],
            language=given["language"],
            skill=given["skill"],
        )
