"""What members are given: opting out of sensitive content works at once; researchers set languages and skills."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.exceptions import InvalidInput, NotAllowed, NotFound
from labeling.models import Assignment, Membership, Project, SlotState
from labeling.services import queue
from labeling.services.memberships import qualify, show_sensitive
from tests.factories import (
    AssignmentFactory,
    MembershipFactory,
    ProjectFactory,
    PromptFactory,
    ResearcherFactory,
    RoundFactory,
    TaskFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="helper")


@pytest.fixture
def membership(project: Project) -> Membership:
    return MembershipFactory(project=project, user__username="ada")


def held(membership: Membership, *, sensitive: bool) -> Assignment:
    turn = membership.project.rounds.first() or RoundFactory(project=membership.project)
    prompt = PromptFactory(project=membership.project, sensitive=sensitive)
    assignment = AssignmentFactory(task=TaskFactory(round=turn, prompt=prompt), labeler=membership.user)
    Assignment.objects.filter(pk=assignment.pk).update(draft={"text": "begun"})
    return assignment


def test_opting_out_gives_back_what_is_held_of_that_kind_and_nothing_else(membership: Membership) -> None:
    grim, plain, late = (held(membership, sensitive=True), held(membership, sensitive=False),
                         held(membership, sensitive=True))  # fmt: skip
    past = timezone.now() - timedelta(minutes=1)
    late.slot.__class__.objects.filter(pk=late.slot_id).update(held_until=past)
    queue.release_expired(now=timezone.now())
    show_sensitive(user=membership.user, project=membership.project, shows=False)
    for assignment, state in ((grim, "released"), (plain, "active"), (late, "released")):
        assignment.refresh_from_db()
        assert (assignment.state, assignment.draft) == (state, {"text": "begun"}), "no draft is lost"
    grim.slot.refresh_from_db()
    plain.slot.refresh_from_db()
    assert (grim.slot.state, plain.slot.state) == (SlotState.OPEN, SlotState.HELD)
    membership.refresh_from_db()
    assert not membership.shows_sensitive
    show_sensitive(user=membership.user, project=membership.project, shows=True)
    membership.refresh_from_db()
    assert membership.shows_sensitive
    with pytest.raises(NotFound):
        show_sensitive(user=UserFactory(), project=membership.project, shows=False)


def test_the_preferences_page(client: Client, membership: Membership) -> None:
    other = MembershipFactory(user=membership.user, shows_sensitive=False)
    client.force_login(membership.user)
    page = client.get("/accounts/preferences/").content.decode()
    assert 'value="helper" checked' in page and f'value="{other.project.slug}">' in page
    assignment = held(membership, sensitive=True)
    assert client.post("/sensitive-content/", {"shows": [other.project.slug]}).status_code == 302
    membership.refresh_from_db()
    other.refresh_from_db()
    assignment.refresh_from_db()
    assert (membership.shows_sensitive, other.shows_sensitive, assignment.state) == (False, True, "released")
    stranger = UserFactory()
    client.force_login(stranger)
    assert "Sensitive content" not in client.get("/accounts/preferences/").content.decode()


def test_researchers_qualify(client: Client, membership: Membership, project: Project) -> None:
    researcher = ResearcherFactory()
    client.force_login(researcher)
    form = {"member": "ada", "languages": "en, zh，pt-BR, en", "skills": " code ;法律"}
    assert client.post("/projects/helper/members/qualify/", form).status_code == 302
    membership.refresh_from_db()
    assert (membership.languages, membership.skills) == (["en", "zh", "pt-BR"], ["code", "法律"])
    page = client.get("/projects/helper/settings/").content.decode()
    assert "en, zh, pt-BR" in page and "code, 法律" in page
    said = client.post("/projects/helper/members/qualify/", {**form, "languages": "klingon!"}, follow=True)
    assert "This is none: klingon!" in said.content.decode()
    membership.refresh_from_db()
    assert membership.languages == ["en", "zh", "pt-BR"]
    with pytest.raises(InvalidInput):
        qualify(actor=researcher, project=project, user=membership.user, languages=[], skills=["x" * 41])
    with pytest.raises(NotAllowed):
        qualify(actor=membership.user, project=project, user=membership.user, languages=[], skills=[])
    with pytest.raises(NotFound):
        qualify(actor=researcher, project=project, user=researcher, languages=[], skills=[])
    client.force_login(membership.user)
    assert client.post("/projects/helper/members/qualify/", form).status_code == 403


def test_by_program(membership: Membership, project: Project) -> None:
    me, researcher = APIClient(), APIClient()
    me.force_authenticate(membership.user)
    researcher.force_authenticate(ResearcherFactory())
    place = "/api/v1/projects/helper"
    assert me.get(f"{place}/membership/").json() == {
        "username": "ada", "languages": [], "skills": [], "shows_sensitive": True,
    }  # fmt: skip
    assert me.patch(f"{place}/membership/", {"shows_sensitive": False}, format="json").status_code == 200
    assert me.get(f"{place}/members/").status_code == 403
    assert me.patch(f"{place}/members/", {"username": "ada", "skills": ["law"]}, format="json").status_code == 403
    changed = researcher.patch(f"{place}/members/", {"username": "ada", "skills": ["law"]}, format="json").json()
    assert (changed["skills"], changed["languages"], changed["shows_sensitive"]) == (["law"], [], False)
    assert [row["username"] for row in researcher.get(f"{place}/members/").json()["results"]] == ["ada"]
    refused = researcher.patch(f"{place}/members/", {"username": "ada", "languages": ["??"]}, format="json")
    assert refused.status_code == 400 and "languages" in refused.json()["error"]["fields"]
    assert researcher.get(f"{place}/membership/").status_code == 404
