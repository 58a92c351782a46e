"""The schema of the whole API comes out without an error or a warning."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from drf_spectacular.drainage import GENERATOR_STATS


@pytest.mark.django_db
def test_the_schema_is_complete_and_clean() -> None:
    GENERATOR_STATS.reset()
    out, err = io.StringIO(), io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out, stderr=err)
    schema = out.getvalue()
    for address in (
        "/api/v1/auth/token/", "/api/v1/me/", "/api/v1/people/", "/api/v1/invitations/accept/",
        "/api/v1/projects/{slug}/next/", "/api/v1/assignments/{token}/comparison/", "/api/v1/projects/{slug}/imports/",
    ):  # fmt: skip
        assert address in schema
