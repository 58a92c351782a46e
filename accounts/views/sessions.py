"""Signing in and out, accepting an invitation."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.exceptions import VolantError
from accounts.forms import AcceptInvitationForm, SignInForm, show_refusal
from accounts.models import User
from accounts.services import invitations
from accounts.views.preferences import remember_language

# What login() must be told when there is more than one backend; axes only guards the password.
BACKEND = "django.contrib.auth.backends.ModelBackend"


@method_decorator(login_not_required, name="dispatch")
class SignIn(LoginView):
    """Signs in, then opens the page that was asked for, in the person's language."""

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: SignInForm) -> HttpResponse:  # type: ignore[override]
        response = super().form_valid(form)
        user = form.get_user()
        if isinstance(user, User):
            remember_language(response, user.language)
        return response


class SignOut(LogoutView):
    """Signs out; only by POST."""

    http_method_names = ["post", "options"]


@never_cache
@login_not_required
@sensitive_post_parameters("password", "password_again")
@require_http_methods(["GET", "POST"])
def accept_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show the form while the link is good; say why when it is not."""
    try:
        invitation = invitations.find_usable(token)
    except VolantError as refusal:
        return render(request, "accounts/invitation_refused.html", {"refusal": refusal}, status=refusal.status)
    form = AcceptInvitationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = invitations.accept(
                token=token,
                username=form.cleaned_data["username"],
                password=form.cleaned_data["password"],
                display_name=form.cleaned_data["display_name"],
            )
        except VolantError as refusal:
            show_refusal(form, refusal)
        else:
            login(request, user, backend=BACKEND)
            return redirect(settings.LOGIN_REDIRECT_URL)
    status = 422 if form.is_bound else 200
    return render(request, "accounts/accept_invitation.html", {"form": form, "invitation": invitation}, status=status)
