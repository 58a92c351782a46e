"""The judgement form of a project: read it, and store its next version."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import actor_of
from accounts.api.serializers import ErrorSerializer
from accounts.api.views import parsed
from labeling.api import form_shapes as shapes
from labeling.api.projects import InProject
from labeling.built_in_forms import BUILT_IN, RULES, rules_form
from labeling.judgement_forms import as_json
from labeling.services.judgement_forms import change_form, current_form, read_form


class JudgementFormView(InProject):
    """What the project asks about each output; a change is the next version, and earlier labels keep theirs."""

    @extend_schema(responses=shapes.FormSerializer)
    def get(self, request: Request, slug: str) -> Response:
        return Response(shapes.FormSerializer(current_form(self.research_project())).data)

    @extend_schema(request=shapes.NewFormSerializer, responses={201: shapes.FormSerializer, 400: ErrorSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = self.research_project()
        given = parsed(shapes.NewFormSerializer, request)
        name, fields = given.get("name", ""), given.get("fields")
        if "built_in" in given:
            name, fields = name or given["built_in"], as_json(BUILT_IN[given["built_in"]])
        elif "rules" in given:
            name, fields = name or RULES, as_json(rules_form(given["rules"]))
        row = change_form(actor=actor_of(request), project=project, name=name, fields=fields)
        return Response(shapes.FormSerializer(read_form(row)).data, status=status.HTTP_201_CREATED)
