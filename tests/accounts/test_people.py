"""Roles, preferences, and the accounts that admins make."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from accounts import permissions
from accounts.exceptions import InvalidInput, NotAllowed, VolantError
from accounts.models import Role, User
from accounts.services import invitations, people
from tests.factories import PASSWORD, AdminFactory, ProjectFactory, ResearcherFactory, ReviewerFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("factory", "can"),
    [
        (UserFactory, {"label"}),
        (ReviewerFactory, {"label", "review"}),
        (ResearcherFactory, {"label", "review", "research"}),
        (AdminFactory, {"label", "review", "research", "manage"}),
    ],
)
def test_each_role_may_what_the_ones_before_it_may(factory: Any, can: set[str]) -> None:
    predicates = {
        "label": permissions.can_label,
        "review": permissions.can_review,
        "research": permissions.can_research,
        "manage": permissions.can_manage_people,
    }
    user = factory()
    assert {name for name, allowed in predicates.items() if allowed(user)} == can
    user.is_active = False
    assert not any(allowed(actor) for allowed in predicates.values() for actor in (user, AnonymousUser()))


def test_only_admins_change_roles() -> None:
    user = UserFactory()
    with pytest.raises(NotAllowed):
        people.change_role(actor=ResearcherFactory(), user=user, role="reviewer")
    people.change_role(actor=AdminFactory(), user=user, role="reviewer")
    user.refresh_from_db()
    assert user.role == Role.REVIEWER
    with pytest.raises(NotAllowed):
        people.change_role(actor=AdminFactory(), user=user, role="emperor")


def test_the_last_admin_stays() -> None:
    only = AdminFactory()
    AdminFactory(is_active=False)
    with pytest.raises(InvalidInput, match="only admin"):
        people.change_role(actor=only, user=only, role="labeler")
    assert people.change_role(actor=only, user=only, role="admin").role == Role.ADMIN
    AdminFactory()
    assert people.change_role(actor=only, user=only, role="labeler").role == Role.LABELER


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_demote_each_other_leave_one() -> None:
    one, two = AdminFactory(), AdminFactory()
    gate = threading.Barrier(2)

    def demote(pair: tuple[User, User]) -> bool:
        try:
            gate.wait(timeout=30)
            people.change_role(actor=pair[0], user=pair[1], role="labeler")
        except VolantError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demote, [(one, two), (two, one)])) == [False, True]
    assert User.objects.filter(role=Role.ADMIN).count() == 1


def test_an_admin_makes_a_simulated_labeler_with_its_projects() -> None:
    ProjectFactory(slug="demo")
    given = {"username": "sim", "password": PASSWORD, "is_simulated": True, "project_slugs": ["demo"]}
    with pytest.raises(NotAllowed):
        people.create_person(actor=ResearcherFactory(), **given)
    user = people.create_person(actor=AdminFactory(), **given)
    assert user.is_simulated and user.role == Role.LABELER and user.projects.get().slug == "demo"


def test_an_unknown_project_makes_no_person() -> None:
    with pytest.raises(InvalidInput):
        people.create_person(actor=AdminFactory(), username="sim", password=PASSWORD, project_slugs=["nowhere"])
    assert not User.objects.filter(username="sim").exists()


def test_preferences() -> None:
    user = UserFactory()
    people.set_preferences(user=user, language="zh-hans", time_zone="Asia/Shanghai")
    user.refresh_from_db()
    assert (user.language, user.time_zone) == ("zh-hans", "Asia/Shanghai")
    with pytest.raises(InvalidInput) as refused:
        people.set_preferences(user=user, language="tlh", time_zone="Mars/Olympus")
    assert set(refused.value.fields) == {"language", "time_zone"}
    assert people.set_preferences(user=user, language="", time_zone="UTC").language == ""


def test_changes_of_people_are_logged_without_secrets() -> None:
    _invitation, token = invitations.invite(actor=AdminFactory(), role="labeler")
    user = invitations.accept(token=token, username="newcomer", password=PASSWORD)
    people.change_role(actor=AdminFactory(), user=user, role="reviewer")
    entries = LogEntry.objects.get_for_object(user)
    assert any("role" in (entry.changes or {}) for entry in entries)
    logged = str(list(LogEntry.objects.values_list("changes", flat=True)))
    assert "token_sha256" not in logged and "'password'" not in logged
