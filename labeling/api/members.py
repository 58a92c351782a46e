"""Who works in a project, and what they are given there."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import CanLabel, actor_of
from accounts.api.views import parsed
from accounts.models import User
from labeling.api import project_shapes as shapes
from labeling.api.projects import InProject
from labeling.exceptions import InvalidInput
from labeling.models import Membership
from labeling.services import memberships, projects


class MembershipSerializer(serializers.ModelSerializer[Membership]):
    username = serializers.CharField(source="user.username", read_only=True)
    languages = serializers.ListField(child=serializers.CharField(), read_only=True)
    skills = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Membership
        fields = ("username", "languages", "skills", "shows_sensitive")
        read_only_fields = fields


class QualifySerializer(serializers.Serializer[Any]):
    """What a member is given; a list that is left out stays as it is."""

    username = serializers.CharField(max_length=150)
    languages = serializers.ListField(child=serializers.CharField(allow_blank=True), required=False, max_length=50)
    skills = serializers.ListField(child=serializers.CharField(allow_blank=True), required=False, max_length=50)


class ShowSensitiveSerializer(serializers.Serializer[Any]):
    shows_sensitive = serializers.BooleanField()


class MembersView(InProject, generics.ListAPIView[Membership]):
    """Who works in the project; for researchers."""

    serializer_class = MembershipSerializer
    permission_classes = [IsAuthenticated, CanLabel]
    queryset = Membership.objects.all()

    def get_queryset(self) -> QuerySet[Membership]:
        if getattr(self, "swagger_fake_view", False):
            return Membership.objects.none()
        return Membership.objects.filter(project=self.research_project()).select_related("user")

    @extend_schema(request=shapes.MemberSerializer, responses={204: None})
    def post(self, request: Request, slug: str) -> Response:
        projects.add_member(actor=actor_of(request), project=self.research_project(), user=_person(request.data))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=QualifySerializer, responses=MembershipSerializer)
    def patch(self, request: Request, slug: str) -> Response:
        project = self.research_project()
        given = parsed(QualifySerializer, request)
        member = get_object_or_404(Membership, project=project, user=_person(request.data))
        changed = memberships.qualify(
            actor=actor_of(request),
            project=project,
            user=member.user,
            languages=given.get("languages", member.languages),
            skills=given.get("skills", member.skills),
        )
        return Response(MembershipSerializer(changed).data)

    @extend_schema(parameters=[shapes.MemberSerializer], responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        # First the project: who may not change it hears nothing of who exists.
        project = self.research_project()
        projects.remove_member(actor=actor_of(request), project=project, user=_person(request.query_params))
        return Response(status=status.HTTP_204_NO_CONTENT)


class MyMembershipView(InProject):
    """What I am given in this project; PATCH opts out of sensitive content, or in again."""

    @extend_schema(responses=MembershipSerializer)
    def get(self, request: Request, slug: str) -> Response:
        mine = get_object_or_404(Membership, project=self.project(), user=actor_of(request))
        return Response(MembershipSerializer(mine).data)

    @extend_schema(request=ShowSensitiveSerializer, responses=MembershipSerializer)
    def patch(self, request: Request, slug: str) -> Response:
        shows = parsed(ShowSensitiveSerializer, request)["shows_sensitive"]
        changed = memberships.show_sensitive(user=actor_of(request), project=self.project(), shows=shows)
        return Response(MembershipSerializer(changed).data)


def _person(data: Any) -> User:
    serializer = shapes.MemberSerializer(data=data)
    serializer.is_valid(raise_exception=True)
    user = User.objects.filter(username__iexact=serializer.validated_data["username"]).first()
    if user is None:
        raise InvalidInput(fields={"username": ["There is nobody of this name."]})
    return user
