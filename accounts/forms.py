"""What people may type into the pages of accounts."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _

from accounts.exceptions import VolantError
from accounts.models import Role, User
from accounts.permissions import can_grant


def show_refusal(form: forms.BaseForm, refusal: VolantError) -> None:
    """Put what a service refused beside the fields that it names; the rest, and what names none, above the form."""
    elsewhere = not refusal.fields
    for name, sentences in refusal.fields.items():
        if name in form.fields and sentences:
            form.add_error(name, [str(sentence) for sentence in sentences])
        else:
            elsewhere = True
    if elsewhere:
        own = [str(sentence) for name, many in refusal.fields.items() if name not in form.fields for sentence in many]
        form.add_error(None, own or str(refusal.message))


class SignInForm(AuthenticationForm):
    """Name and password; the refusal says what to try."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _("No account has this name and password. Check capital letters and try again."),
    }


class AcceptInvitationForm(forms.Form):
    """A new person names themselves and chooses a password."""

    username = forms.CharField(
        label=_("User name"),
        max_length=150,
        validators=User._meta.get_field("username").validators,
        help_text=_("You sign in with it. Letters, digits and @ . + - _ are allowed."),
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}),
    )
    display_name = forms.CharField(
        label=_("Name shown to others"),
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        help_text=_("At least 8 characters, not only digits, not a common one."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        label=_("Password, once more"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        # Whether the name is free and the password good enough is the service's to say.
        if cleaned.get("password") != cleaned.get("password_again"):
            self.add_error("password_again", _("The two passwords differ; type the same one twice."))
        return cleaned


class PreferencesForm(forms.Form):
    """Language and time zone of the pages; the theme belongs to the browser and stays in a cookie."""

    language = forms.ChoiceField(label=_("Language"), choices=())
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=())
    theme = forms.ChoiceField(
        label=_("Theme"),
        choices=[("auto", _("As the system")), ("light", _("Light")), ("dark", _("Dark"))],
        help_text=_("Kept in this browser."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].choices = settings.LANGUAGES  # type: ignore[attr-defined]
        self.fields["time_zone"].choices = [  # type: ignore[attr-defined]
            (name, name.replace("_", " ")) for name in sorted(zoneinfo.available_timezones())
        ]


class InviteForm(forms.Form):
    """Whom to let in, as what, and into which projects (their slugs come from checkboxes on the page)."""

    role = forms.ChoiceField(label=_("Role"), choices=())
    email = forms.EmailField(
        label=_("E-mail"), required=False, help_text=_("To remember whom the link is for. Nothing is sent.")
    )
    days = forms.IntegerField(label=_("Days until the link expires"), min_value=1, max_value=90, initial=14)

    def __init__(self, *args: Any, actor: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(value, label) for value, label in Role.choices if can_grant(actor, value)]
        self.fields["role"].choices = choices  # type: ignore[attr-defined]
