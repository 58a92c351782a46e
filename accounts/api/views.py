"""Signing in, and the people: parse, call a service, show what came of it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from knox.models import AuthToken
from rest_framework import generics, status
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from accounts.api import serializers as shapes
from accounts.api.permissions import CanManagePeople, CanResearch, actor_of
from accounts.exceptions import SignInRefused, TooManyAttempts
from accounts.keymap import for_page
from accounts.models import Invitation, User
from accounts.services import invitations, people
from accounts.services.keys import reset_keys, set_keys


def parsed(shape: Any, request: Request) -> dict[str, Any]:
    """Return the request's body as the serializer class `shape` understands it; 400 when it does not."""
    serializer = shape(data=request.data)
    serializer.is_valid(raise_exception=True)
    found: dict[str, Any] = serializer.validated_data
    return found


class TokenView(APIView):
    """Sign in: user name and password for a token."""

    authentication_classes = ()
    permission_classes = [AllowAny]
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "sign-in"

    @extend_schema(
        request=shapes.SignInSerializer,
        responses={200: shapes.TokenSerializer, 401: shapes.ErrorSerializer, 429: shapes.ErrorSerializer},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        given = parsed(shapes.SignInSerializer, request)
        # The plain request, as the lockout after wrong passwords marks it and counts by its address.
        plain = request._request
        user = authenticate(plain, username=given["username"], password=given["password"])
        if getattr(plain, "axes_locked_out", False):
            # Its middleware would answer with a page; an API answers in the API's shape.
            plain.axes_locked_out = False  # type: ignore[attr-defined]
            raise TooManyAttempts
        if user is None:
            raise SignInRefused
        user.last_login = timezone.now()
        user.save(update_fields=["last_login"])
        made, token = AuthToken.objects.create(user)
        return Response({"token": token, "expiry": made.expiry})


class SignOutView(APIView):
    """Make the token of this request useless."""

    permission_classes = [IsAuthenticated]

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        if isinstance(request.auth, AuthToken):
            request.auth.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(APIView):
    """Who I am."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=shapes.MeSerializer)
    def get(self, request: Request) -> Response:
        return Response(shapes.MeSerializer(actor_of(request)).data)

    @extend_schema(request=shapes.MeSerializer, responses=shapes.MeSerializer)
    def patch(self, request: Request) -> Response:
        me = actor_of(request)
        serializer = shapes.MeSerializer(me, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        people.set_preferences(
            user=me,
            language=given.get("language", me.language),
            time_zone=given.get("time_zone", me.time_zone),
        )
        return Response(shapes.MeSerializer(me).data)


class KeysView(APIView):
    """My keys; what is left out stays as it is."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=shapes.KeysSerializer)
    def get(self, request: Request) -> Response:
        return Response(for_page(actor_of(request).keymap))

    @extend_schema(request=shapes.KeysSerializer, responses=shapes.KeysSerializer)
    def patch(self, request: Request) -> Response:
        serializer = shapes.KeysSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        me = set_keys(user=actor_of(request), **serializer.validated_data)
        return Response(for_page(me.keymap))

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        reset_keys(user=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PeopleView(generics.ListAPIView[User]):
    """Researchers list people; admins make accounts, simulated ones too."""

    serializer_class = shapes.PersonSerializer
    queryset = User.objects.all()

    def get_permissions(self) -> list[Any]:
        return [CanManagePeople() if self.request.method == "POST" else CanResearch()]

    @extend_schema(request=shapes.NewPersonSerializer, responses={201: shapes.PersonSerializer})
    def post(self, request: Request) -> Response:
        given = parsed(shapes.NewPersonSerializer, request)
        slugs = given.pop("projects")
        user = people.create_person(actor=actor_of(request), project_slugs=slugs, **given)
        return Response(shapes.PersonSerializer(user).data, status=status.HTTP_201_CREATED)


class InvitationsView(generics.ListAPIView[Invitation]):
    """Admins see all invitations, researchers their own."""

    serializer_class = shapes.InvitationSerializer
    permission_classes = [CanResearch]
    queryset = Invitation.objects.select_related("created_by")

    def get_queryset(self) -> QuerySet[Invitation]:
        found = super().get_queryset()
        if CanManagePeople().has_permission(self.request, self):
            return found
        return found.filter(created_by=self.request.user.pk)

    @extend_schema(request=shapes.NewInvitationSerializer, responses={201: shapes.MadeInvitationSerializer})
    def post(self, request: Request) -> Response:
        given = parsed(shapes.NewInvitationSerializer, request)
        slugs = given.pop("projects")
        invitation, token = invitations.invite(actor=actor_of(request), project_slugs=slugs, **given)
        body = shapes.MadeInvitationSerializer({"invitation": invitation, "token": token}).data
        return Response(body, status=status.HTTP_201_CREATED)


class AcceptInvitationView(APIView):
    """Become a person: whoever has the link may."""

    authentication_classes = ()
    permission_classes = [AllowAny]
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "sign-in"

    @extend_schema(request=shapes.AcceptInvitationSerializer, responses={201: shapes.PersonSerializer}, auth=[])
    def post(self, request: Request) -> Response:
        user = invitations.accept(**parsed(shapes.AcceptInvitationSerializer, request))
        return Response(shapes.PersonSerializer(user).data, status=status.HTTP_201_CREATED)
