"""Addresses of accounts."""

from django.urls import path

from accounts.views import keys, people, preferences, sessions

app_name = "accounts"
urlpatterns = [
    path("sign-in/", sessions.SignIn.as_view(), name="sign_in"),
    path("sign-out/", sessions.SignOut.as_view(), name="sign_out"),
    path("invitations/<str:token>/", sessions.accept_invitation, name="accept_invitation"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("keys/", keys.keys, name="keys"),
    path("keys/switch/", keys.keys_switch, name="keys_switch"),
    path("theme/", preferences.set_theme, name="set_theme"),
    path("people/", people.people, name="people"),
    path("people/invite/", people.invite, name="invite"),
    path("people/invitations/<int:pk>/withdraw/", people.withdraw_invitation, name="invitation_withdraw"),
    path("people/<int:pk>/role/", people.change_role, name="change_role"),
]
