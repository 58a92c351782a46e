"""What the API of accounts takes and gives."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers

from accounts.models import Invitation, Role, User


class ErrorDetailSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="For programs; stable.")
    message = serializers.CharField(help_text="For people; says what to do.")
    id = serializers.CharField(help_text="Stands in the log too.")
    fields = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)  # type: ignore[assignment]
    details = serializers.DictField(required=False)


class ErrorSerializer(serializers.Serializer[Any]):
    error = ErrorDetailSerializer()


class SignInSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1000, trim_whitespace=False, write_only=True)


class TokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="Send it as `Authorization: Token ...`. Shown once.")
    expiry = serializers.DateTimeField(allow_null=True)


class PersonSerializer(serializers.ModelSerializer[User]):
    name = serializers.CharField(source="display_name", read_only=True)

    class Meta:
        model = User
        fields = ("id", "username", "name", "email", "role", "is_simulated", "is_active", "date_joined")
        read_only_fields = fields


class KeysSerializer(serializers.Serializer[Any]):
    """What each action's key is while labeling; an empty key is the default again."""

    keys = serializers.DictField(child=serializers.CharField(max_length=12, allow_blank=True, trim_whitespace=False))
    off = serializers.BooleanField()
    swap_digits = serializers.BooleanField(help_text="Digits rate and Shift with a digit ranks.")


class MeSerializer(serializers.ModelSerializer[User]):
    name = serializers.CharField(source="display_name", read_only=True)
    language = serializers.ChoiceField(choices=settings.LANGUAGES, allow_blank=True, required=False)

    class Meta:
        model = User
        fields = ("id", "username", "name", "email", "role", "is_simulated", "language", "time_zone")
        read_only_fields = ("id", "username", "name", "email", "role", "is_simulated")


class NewPersonSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1000, trim_whitespace=False, write_only=True)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.LABELER)
    display_name = serializers.CharField(max_length=120, allow_blank=True, default="")
    email = serializers.EmailField(allow_blank=True, default="")
    is_simulated = serializers.BooleanField(default=False)
    projects = serializers.ListField(
        child=serializers.SlugField(), default=list, help_text="Slugs of projects to join."
    )


class NewInvitationSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.choices, default=Role.LABELER)
    email = serializers.EmailField(allow_blank=True, default="")
    projects = serializers.ListField(
        child=serializers.SlugField(), default=list, help_text="Slugs of projects to join."
    )
    days = serializers.IntegerField(default=14, min_value=1, max_value=90)


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    projects = serializers.ListField(source="project_slugs", child=serializers.SlugField(), read_only=True)
    created_by = serializers.CharField(source="created_by.username", read_only=True)

    class Meta:
        model = Invitation
        fields = (
            "id",
            "role",
            "email",
            "projects",
            "created_by",
            "created_at",
            "expires_at",
            "accepted_at",
            "withdrawn_at",
        )
        read_only_fields = fields


class MadeInvitationSerializer(serializers.Serializer[Any]):
    invitation = InvitationSerializer()
    token = serializers.CharField(help_text="Only here, only now: a hash of it is stored.")


class AcceptInvitationSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=200)
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1000, trim_whitespace=False, write_only=True)
    display_name = serializers.CharField(max_length=120, allow_blank=True, default="")
    email = serializers.EmailField(allow_blank=True, default="")
