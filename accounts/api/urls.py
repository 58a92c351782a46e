"""API addresses of accounts."""

from django.urls import path

from accounts.api import views

urlpatterns = [
    path("auth/token/", views.TokenView.as_view(), name="api_token"),
    path("auth/sign-out/", views.SignOutView.as_view(), name="api_sign_out"),
    path("me/", views.MeView.as_view(), name="api_me"),
    path("me/keys/", views.KeysView.as_view(), name="api_keys"),
    path("people/", views.PeopleView.as_view(), name="api_people"),
    path("invitations/", views.InvitationsView.as_view(), name="api_invitations"),
    path("invitations/accept/", views.AcceptInvitationView.as_view(), name="api_accept_invitation"),
]
