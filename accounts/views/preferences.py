"""How a person wants the pages: language, time zone, theme."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language, gettext, override
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import person, require
from accounts.forms import PreferencesForm
from accounts.permissions import can_label
from accounts.services import people
from accounts.templatetags.people import THEME_COOKIE, THEMES, theme_of

_YEAR = 365 * 24 * 3600


def remember_language(response: HttpResponse, language: str) -> None:
    """Let Django's LocaleMiddleware find `language` in the next request; "" leaves what the browser asks for."""
    if language:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=_YEAR,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )


def _remember_theme(response: HttpResponse, theme: str) -> None:
    response.set_cookie(THEME_COOKIE, theme, max_age=_YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)


@require(can_label)
@require_http_methods(["GET", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """Show and change them."""
    user = person(request)
    initial = {"language": user.language or get_language(), "time_zone": user.time_zone, "theme": theme_of(request)}
    form = PreferencesForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        people.set_preferences(user=user, language=chosen["language"], time_zone=chosen["time_zone"])
        response = redirect("accounts:preferences")
        remember_language(response, chosen["language"])
        _remember_theme(response, chosen["theme"])
        with override(chosen["language"]):
            messages.success(request, gettext("Saved."))
        return response
    return render(request, "accounts/preferences.html", {"form": form}, status=422 if form.is_bound else 200)


@login_not_required
@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Change the theme without a script, and come back to the page one was on."""
    there = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(there, {request.get_host()}, request.is_secure()):
        there = "/"
    response = HttpResponseRedirect(there)
    if request.POST.get("theme") in THEMES:
        _remember_theme(response, request.POST["theme"])
    return response
