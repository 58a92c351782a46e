"""Who may open which page, and what the pages of a task answer to programs and strangers."""

from __future__ import annotations

import json

import pytest
from django.test import Client, override_settings
from django.urls import path

from accounts.models import User
from accounts.views.errors import server_error
from labeling.models import Assignment
from labeling.services import queue, rounds
from labeling.services.rounds import NewOutput
from tests.factories import (
    PASSWORD,
    AdminFactory,
    MembershipFactory,
    ProjectFactory,
    PromptFactory,
    ResearcherFactory,
    RoundFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

RESEARCHERS_ONLY = ["/projects/", "/projects/new/", "/accounts/people/"]
IN_A_PROJECT = ["settings/", "prompts/", "prompts/import/"]
EVERYBODYS = ["/", "/my-work/", "/accounts/preferences/"]


@pytest.fixture
def assignment() -> Assignment:
    turn = RoundFactory()
    membership = MembershipFactory(project=turn.project)
    outputs = {PromptFactory(project=turn.project).pk: [NewOutput("one"), NewOutput("two", finished=False)]}
    rounds.request_comparisons(actor=ResearcherFactory(), round=turn, outputs=outputs)
    claim = queue.claim_next(labeler=membership.user, project=turn.project)
    assert claim.assignment is not None
    return claim.assignment


def status(client: Client, user: User | None, address: str) -> int:
    client.logout()
    if user:
        client.force_login(user)
    return client.get(address).status_code


def test_pages_by_role(client: Client) -> None:
    project = ProjectFactory()
    labeler, member, researcher = UserFactory(), UserFactory(member_of=project), ResearcherFactory()
    own = [f"/projects/{project.slug}/{page}" for page in IN_A_PROJECT]
    for address in RESEARCHERS_ONLY + own + EVERYBODYS:
        assert status(client, None, address) == 302, address
        assert status(client, researcher, address) == 200, address
        assert status(client, AdminFactory(), address) == 200, address
    for address in RESEARCHERS_ONLY + own:
        assert status(client, labeler, address) == 403, address
        assert status(client, member, address) == 403, address
    for address in EVERYBODYS:
        assert status(client, labeler, address) == 200, address


def test_only_admins_change_roles(client: Client) -> None:
    labeler = UserFactory()
    address = f"/accounts/people/{labeler.pk}/role/"
    client.force_login(ResearcherFactory())
    assert client.post(address, {"role": "admin"}).status_code == 403
    client.force_login(AdminFactory())
    assert client.post(address, {"role": "reviewer"}).status_code == 302
    labeler.refresh_from_db()
    assert labeler.role == "reviewer"


def test_a_task_is_nobody_elses(client: Client, assignment: Assignment) -> None:
    address = f"/tasks/{assignment.token}/"
    assert status(client, ResearcherFactory(), address) == 404
    assert status(client, UserFactory(member_of=assignment.task.project), address) == 404
    assert client.post(f"{address}draft/", "{}", content_type="application/json").status_code == 400
    ranks = {f"rank_{completion.pk}": 1 for completion in assignment.task.completions.all()}
    assert client.post(f"{address}submit/", ranks).status_code == 404
    assert client.post(f"{address}skip/", {"reason": "other"}).status_code == 404
    assert status(client, assignment.labeler, address) == 200


def test_a_refused_ranking_keeps_what_was_chosen(client: Client, assignment: Assignment) -> None:
    first, second = assignment.shown_order
    client.force_login(assignment.labeler)
    address = f"/tasks/{assignment.token}/submit/"
    form = {f"rank_{first}": "1", "rank_x": "2", f"answer_{second}_quality": "9", "note": "because"}
    page = client.post(address, form)
    assert page.status_code == 400
    text = page.content.decode()
    assert f'name="rank_{first}" value="1" checked' in text and "because" in text
    refusal = client.post(address, form, headers={"accept": "application/json"}).json()["error"]
    assert refusal["code"] == "answer_refused" and refusal["message"]


def test_drafts_by_program(client: Client, assignment: Assignment) -> None:
    client.force_login(assignment.labeler)
    address = f"/tasks/{assignment.token}/draft/"

    def save(body: object) -> tuple[int, dict[str, object]]:
        answer = client.put(address, json.dumps(body), content_type="application/json")
        return answer.status_code, answer.json()

    assert save({"alive": True, "version": 0, "active": 5})[1]["version"] == 0
    assert save({"draft": {"note": "a"}, "version": 0})[1]["version"] == 1
    code, stale = save({"draft": {"note": "b"}, "version": 0})
    assert code == 409 and stale["stored"] == {"draft": {"note": "a"}, "version": 1}
    for nonsense in (
        [],
        {"draft": {}},
        {"draft": {}, "version": "x"},
        {"alive": 1, "version": 1},
        {"draft": [], "version": 1},
    ):
        assert save(nonsense)[0] == 400, nonsense
    deep = '{"version": 1, "draft": {"a": ' + "[" * 100_000 + "}}"
    for raw in ('{"draft": {}, "version": 1e400}', '{"draft": {"a": NaN}, "version": 1}', deep):
        assert client.put(address, raw, content_type="application/json").status_code == 400, raw[:40]


def test_the_preview_is_clean(client: Client) -> None:
    client.force_login(UserFactory())
    html = client.post(
        "/preview/", {"text": "**b** <script>alert(1)</script> [x](javascript:alert(1))"}
    ).content.decode()
    assert "<strong>b</strong>" in html and "<script" not in html and "href" not in html


def test_too_many_wrong_passwords_say_what_to_do(client: Client) -> None:
    UserFactory(username="ada")
    for _attempt in range(11):
        page = client.post("/accounts/sign-in/", {"username": "ada", "password": "guess"})
    assert page.status_code == 429
    assert "15 minutes" in page.content.decode()
    page = client.post("/accounts/sign-in/", {"username": "ada", "password": PASSWORD})
    assert page.status_code == 429


def test_signing_in_goes_nowhere_else(client: Client) -> None:
    UserFactory(username="ada")
    form = {"username": "ada", "password": PASSWORD, "next": "https://example.org/"}
    assert client.post("/accounts/sign-in/", form).headers["Location"] == "/"
    theme = client.post("/accounts/theme/", {"theme": "dark", "next": "https://example.org/"})
    assert theme.headers["Location"] == "/" and theme.cookies["theme"].value == "dark"


def test_csp_has_no_unsafe(client: Client) -> None:
    policy = client.get("/accounts/sign-in/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "script-src 'self'" in policy


def broken(_request: object) -> None:
    raise RuntimeError


urlpatterns = [path("broken/", broken)]
handler500 = server_error


@override_settings(ROOT_URLCONF=__name__)
def test_what_breaks_carries_an_id() -> None:
    client = Client(raise_request_exception=False)
    page = client.get("/broken/", headers={"x-request-id": "abcdefgh-1234"})
    assert page.status_code == 500 and "abcdefgh-1234" in page.content.decode()
