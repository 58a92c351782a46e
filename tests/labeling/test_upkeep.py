"""What runs without a person asking: beat's task, the log of changes, the admin's pages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from auditlog.models import LogEntry
from django.conf import settings
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from labeling.models import Assignment, Round, Slot, SlotState
from labeling.services import projects, rounds
from labeling.tasks import release_expired_assignments
from tests.factories import (
    AdminFactory,
    AssignmentFactory,
    DemonstrationFactory,
    ProjectFactory,
    ResearcherFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def test_beat_releases_what_ran_out() -> None:
    late, alive = AssignmentFactory(), AssignmentFactory()
    Slot.objects.filter(pk=late.slot_id).update(held_until=timezone.now() - timedelta(seconds=1))
    release_expired_assignments()
    assert Slot.objects.get(pk=late.slot_id).state == SlotState.OPEN
    assert Slot.objects.get(pk=alive.slot_id).state == SlotState.HELD
    assert Assignment.objects.get(pk=late.pk).state == "expired"


def test_beat_knows_the_task_by_its_name() -> None:
    named = [entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()]
    assert release_expired_assignments.name in named


def test_changes_of_projects_members_and_rounds_are_logged() -> None:
    researcher, project = ResearcherFactory(), ProjectFactory()
    projects.change_settings(actor=researcher, project=project, guidelines="Be kind.")
    membership = projects.add_member(actor=researcher, project=project, user=UserFactory())
    turn = rounds.open_round(actor=researcher, project=project)
    rounds.close_round(actor=researcher, round=turn)
    assert any("guidelines" in (entry.changes or {}) for entry in LogEntry.objects.get_for_object(project))
    assert LogEntry.objects.get_for_object(membership).exists()
    changed = [entry.changes for entry in LogEntry.objects.get_for_object(Round.objects.get())]
    assert any(changes and changes.get("state") == ["open", "closed"] for changes in changed)


def test_the_admins_pages_open_and_change_no_label() -> None:
    DemonstrationFactory()
    AssignmentFactory()
    client = Client()
    client.force_login(AdminFactory(is_staff=True, is_superuser=True))
    for model in admin.site._registry:
        if model._meta.app_label not in ("accounts", "labeling"):
            continue
        place = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert client.get(place).status_code == 200, place
        row = model._default_manager.first()
        if row is None:
            continue
        assert client.get(f"{place}{row.pk}/change/").status_code == 200
        assert client.post(f"{place}{row.pk}/delete/", {"post": "yes"}).status_code == 403
        if model._meta.app_label == "labeling":
            assert client.get(f"{place}add/").status_code == 403
            assert client.post(f"{place}{row.pk}/change/", {}).status_code == 403


def test_staff_who_is_no_superuser_hands_on_no_rights() -> None:
    staff = AdminFactory(is_staff=True)
    person_admin = admin.site._registry[type(staff)]

    class Request:
        user = staff

    assert {"role", "is_staff", "is_superuser"} <= set(person_admin.get_readonly_fields(Request()))  # type: ignore[arg-type]
