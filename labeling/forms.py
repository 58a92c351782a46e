"""What researchers may type into the pages of labeling."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from labeling.importing.formats import AUTO, FORMATS
from labeling.importing.parsed import PromptDefaults
from labeling.models import Project, Source
from labeling.services.projects import SETTINGS


class ProjectForm(forms.ModelForm):
    """The settings of a project; the services store them, this only checks and shows."""

    class Meta:
        model = Project
        fields = (SETTINGS[0], "slug", *SETTINGS[1:])
        widgets = {"guidelines": forms.Textarea(attrs={"rows": 14})}
        help_texts = {
            "slug": _("Stands in the address of its pages and cannot be changed later."),
            "judgements_per_task": _("How many people judge the same task."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            del self.fields["slug"]
        else:
            del self.fields["paused"]

    GROUPS = (
        (_("The project"), ("name", "slug", "guidelines", "objective")),
        (
            _("Comparisons"),
            ("compare_mode", "outputs_per_comparison", "ratings_first", "edit_step", "hide_named_outputs"),
        ),
        (_("How often a task is judged"), ("judgements_per_task", "overlap_share", "overlap_judgements")),
        (_("Work"), ("lease_minutes", "valid_share", "paused")),
    )

    @property
    def groups(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """The fields under their headings, in the order of the page."""
        return [(title, [self[name] for name in names if name in self.fields]) for title, names in self.GROUPS]

    def settings(self) -> dict[str, Any]:
        """Return what was typed, for `create_project` and `change_settings`."""
        return dict(self.cleaned_data)


class MemberForm(forms.Form):
    """Somebody to add to a project."""

    user = forms.ModelChoiceField(label=_("Person"), queryset=User.objects.none())

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = User.objects.filter(is_active=True).exclude(projects=project).order_by("username")
        self.fields["user"].queryset = others  # type: ignore[attr-defined]


class ImportForm(forms.Form):
    """A file or pasted lines, and what records that do not say it themselves get."""

    file = forms.FileField(label=_("File"), required=False, help_text=_("JSON Lines: one record a line, UTF-8."))
    text = forms.CharField(
        label=_("or lines, pasted"),
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 5, "spellcheck": "false", "class": "mono", "placeholder": '{"prompt": "Tell me a story."}'}
        ),
    )
    format = forms.ChoiceField(
        label=_("Format"), choices=[(AUTO, _("by its keys")), *((name, name) for name in FORMATS)], required=False
    )
    source = forms.ChoiceField(label=_("Source"), choices=Source.choices, initial=Source.LABELER)
    key = forms.CharField(
        label=_("Key"),
        max_length=200,
        required=False,
        help_text=_("Author, template or customer of all records; decides the split. Empty: each record its own."),
    )
    category = forms.CharField(label=_("Category"), max_length=80, required=False)
    language = forms.CharField(
        label=_("Language"), max_length=16, required=False, help_text=_("Such as en or zh. Empty: guessed.")
    )
    licence = forms.CharField(label=_("Licence"), max_length=80, required=False)
    with_demonstrations = forms.BooleanField(label=_("Answers in the file become demonstrations"), required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("file") and not (cleaned.get("text") or "").strip():
            self.add_error("file", _("Choose a file or paste at least one line."))
        return cleaned

    def defaults(self) -> PromptDefaults:
        names = ("source", "key", "category", "language", "licence", "with_demonstrations")
        return PromptDefaults(**{name: self.cleaned_data[name] for name in names})
