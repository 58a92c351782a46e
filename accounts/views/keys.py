"""The Keys page: what each key does, changed or turned off, for one person on every device."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import person, require
from accounts.exceptions import InvalidInput
from accounts.keymap import ACTIONS, DEFAULTS, for_page
from accounts.permissions import can_label
from accounts.services.keys import reset_keys, set_keys


@never_cache
@require(can_label)
@require_http_methods(["GET", "POST"])
def keys(request: HttpRequest) -> HttpResponse:
    """Show the keys and change them; a key that cannot be is refused beside its action."""
    user = person(request)
    now: dict[str, Any] = for_page(user.keymap)
    problems: dict[str, list[str]] = {}
    if request.method == "POST":
        if "reset" in request.POST:
            reset_keys(user=user)
            return _saved(request)
        typed = {name: request.POST.get(f"key_{name}", "") for name in ACTIONS}
        off, swap_digits = request.POST.get("off") == "on", request.POST.get("swap_digits") == "on"
        try:
            set_keys(user=user, keys=typed, off=off, swap_digits=swap_digits)
        except InvalidInput as refusal:
            problems = {name: [str(sentence) for sentence in many] for name, many in refusal.fields.items()}
            now = {"keys": typed, "off": off, "swap_digits": swap_digits}
        else:
            return _saved(request)
    rows = [(name, label, now["keys"][name], DEFAULTS[name], problems.get(name, [])) for name, label in ACTIONS.items()]
    context = {"rows": rows, "keymap": now, "back": _back(request), "refused": bool(problems)}
    return render(request, "accounts/keys.html", context, status=422 if problems else 200)


def _saved(request: HttpRequest) -> HttpResponse:
    messages.success(request, gettext("Saved."))
    return redirect(_back(request) or "accounts:keys")


def _back(request: HttpRequest) -> str:
    """Return the page to go back to (a task, say), when it is one of ours."""
    there = request.POST.get("next") or request.GET.get("next") or ""
    return there if url_has_allowed_host_and_scheme(there, {request.get_host()}, request.is_secure()) else ""


@require(can_label)
@require_POST
def keys_switch(request: HttpRequest) -> JsonResponse:
    """Turn the keys on or off from the page where they are used."""
    user = set_keys(user=person(request), off=request.POST.get("off") == "on")
    return JsonResponse(for_page(user.keymap))
