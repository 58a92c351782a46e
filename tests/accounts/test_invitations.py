"""Invitations: one link, one person, all or nothing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.exceptions import InvalidInput, InvitationUnusable, NotAllowed, VolantError
from accounts.models import Invitation, Role, User
from accounts.services import invitations
from labeling.models import Membership
from labeling.services import projects
from tests.factories import PASSWORD, AdminFactory, ProjectFactory, ResearcherFactory, ReviewerFactory, UserFactory

pytestmark = pytest.mark.django_db


def accept(token: str, **more: Any) -> User:
    return invitations.accept(**{"token": token, "username": "newcomer", "password": PASSWORD, **more})


def test_an_accepted_invitation_is_a_person_in_the_projects() -> None:
    project, other = ProjectFactory(slug="mine"), ProjectFactory()
    invitation, token = invitations.invite(
        actor=ResearcherFactory(), role="labeler", email="New@Example.org", project_slugs=["mine", "mine"]
    )
    user = accept(token, display_name="New Comer")
    assert (user.role, user.email, user.display_name) == (Role.LABELER, "New@example.org", "New Comer")
    assert user.check_password(PASSWORD) and not user.is_staff and not user.is_simulated
    assert list(user.projects.all()) == [project] and other not in user.projects.all()
    invitation.refresh_from_db()
    assert invitation.accepted_by == user and invitation.accepted_at is not None


def test_labeling_offers_the_same_verb() -> None:
    ProjectFactory(slug="mine")
    _invitation, token = invitations.invite(actor=AdminFactory(), role="reviewer", project_slugs=["mine"])
    user = projects.accept_invitation(token=token, username="newcomer", password=PASSWORD)
    assert user.role == Role.REVIEWER and user.projects.get().slug == "mine"


def test_the_token_is_stored_nowhere() -> None:
    invitation, token = invitations.invite(actor=AdminFactory(), role="labeler")
    assert len(token) >= 43
    row = Invitation.objects.filter(pk=invitation.pk).values().get()
    assert token not in str(row) and row["token_sha256"] == invitations.token_hash(token)


@pytest.mark.parametrize("what", ["used", "withdrawn", "expired", "unknown"])
def test_a_link_that_is_no_good_always_says_the_same(what: str) -> None:
    admin = AdminFactory()
    invitation, token = invitations.invite(actor=admin, role="labeler")
    if what == "used":
        accept(token, username="first")
    elif what == "withdrawn":
        invitations.withdraw(actor=admin, invitation=invitation)
    elif what == "expired":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    else:
        token = "x" + token
    people = User.objects.count()
    with pytest.raises(InvitationUnusable) as refused:
        accept(token)
    assert str(refused.value) == str(InvitationUnusable.message)
    assert User.objects.count() == people


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"password": "short"}, "password"),
        ({"password": "1357924680"}, "password"),
        ({"password": "newcomer1"}, "password"),
        ({"username": "  "}, "username"),
        ({"username": "a b"}, "username"),
        ({"username": "x" * 151}, "username"),
        ({"username": "TAKEN"}, "username"),
        ({"email": "not an address"}, "email"),
        ({"email": "TAKEN@example.org"}, "email"),
    ],
)
def test_a_refused_acceptance_names_the_field_and_leaves_the_link_good(given: dict[str, str], field: str) -> None:
    UserFactory(username="taken", email="taken@example.org")
    _invitation, token = invitations.invite(actor=AdminFactory(), role="labeler")
    with pytest.raises(InvalidInput) as refused:
        accept(token, **given)
    assert list(refused.value.fields) == [field] and refused.value.fields[field]
    assert accept(token).username == "newcomer"


def test_all_problems_are_told_at_once() -> None:
    UserFactory(username="taken", email="taken@example.org")
    _invitation, token = invitations.invite(actor=AdminFactory(), role="labeler")
    for email in ("nope", "taken@example.org"):
        with pytest.raises(InvalidInput) as refused:
            accept(token, username="Taken", password="short", email=email)
        assert set(refused.value.fields) == {"username", "password", "email"}


@pytest.mark.parametrize(
    ("factory", "role", "allowed"),
    [
        (AdminFactory, "admin", True),
        (AdminFactory, "labeler", True),
        (ResearcherFactory, "labeler", True),
        (ResearcherFactory, "reviewer", True),
        (ResearcherFactory, "researcher", False),
        (ResearcherFactory, "admin", False),
        (ReviewerFactory, "labeler", False),
        (UserFactory, "labeler", False),
        (AdminFactory, "emperor", False),
    ],
)
def test_who_may_invite_whom(factory: Any, role: str, allowed: bool) -> None:
    if allowed:
        assert invitations.invite(actor=factory(), role=role)[0].role == role
    else:
        with pytest.raises(NotAllowed):
            invitations.invite(actor=factory(), role=role)


def test_unknown_projects_and_odd_durations_are_refused() -> None:
    admin = AdminFactory()
    with pytest.raises(InvalidInput) as refused:
        invitations.invite(actor=admin, role="labeler", project_slugs=["nowhere"])
    assert "nowhere" in str(refused.value.fields["project_slugs"][0])
    for days in (0, -1, 91):
        with pytest.raises(InvalidInput):
            invitations.invite(actor=admin, role="labeler", days=days)


def test_only_its_maker_and_admins_withdraw_an_invitation_once() -> None:
    maker = ResearcherFactory()
    invitation, _token = invitations.invite(actor=maker, role="labeler")
    for nobody in (ResearcherFactory(), UserFactory()):
        with pytest.raises(NotAllowed):
            invitations.withdraw(actor=nobody, invitation=invitation)
    invitations.withdraw(actor=maker, invitation=invitation)
    with pytest.raises(InvitationUnusable):
        invitations.withdraw(actor=AdminFactory(), invitation=invitation)


@pytest.mark.django_db(transaction=True)
def test_one_link_clicked_by_many_makes_one_person() -> None:
    ProjectFactory(slug="mine")
    _invitation, token = invitations.invite(actor=AdminFactory(), role="labeler", project_slugs=["mine"])
    gate = threading.Barrier(5)

    def click(number: int) -> bool:
        try:
            gate.wait(timeout=30)
            accept(token, username=f"clicker{number}")
        except VolantError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(click, range(5))) == 1
    assert User.objects.filter(username__startswith="clicker").count() == Membership.objects.count() == 1
