"""The API of accounts, and the one shape of its errors."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import path
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from accounts.api.errors import flatten
from accounts.exceptions import VolantError
from accounts.models import User
from tests.factories import PASSWORD, AdminFactory, ProjectFactory, ResearcherFactory, ReviewerFactory, UserFactory

pytestmark = pytest.mark.django_db
API = "/api/v1/"


@pytest.fixture(autouse=True)
def fresh_counts() -> None:
    cache.clear()


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def sign_in(username: str, password: str = PASSWORD, **headers: Any) -> Any:
    return APIClient().post(f"{API}auth/token/", {"username": username, "password": password}, **headers)


def check_error(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    assert {"code", "message", "id"} <= set(error) <= {"code", "message", "id", "fields", "details"}
    assert error["code"] == code and error["message"] and error["id"]
    return error


def test_a_token_signs_in_and_out() -> None:
    user = UserFactory()
    given = sign_in(user.username)
    assert given.status_code == 200 and given.json()["expiry"]
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {given.json()['token']}")
    assert client.get(f"{API}me/").json()["username"] == user.username
    assert client.post(f"{API}auth/sign-out/").status_code == 204
    check_error(client.get(f"{API}me/"), 401, "authentication_failed")


def test_wrong_passwords_and_unknown_names_look_the_same() -> None:
    user = UserFactory()
    one, two = sign_in(user.username, "wrong"), sign_in("nobody", "wrong")
    errors = [check_error(response, 401, "sign_in_refused") for response in (one, two)]
    assert errors[0]["message"] == errors[1]["message"]
    check_error(sign_in(UserFactory(is_active=False).username), 401, "sign_in_refused")


def test_after_too_many_wrong_passwords_the_right_one_waits_too(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    user, other = UserFactory(), UserFactory()
    codes = [sign_in(user.username, "wrong").status_code for _ in range(3)]
    assert codes == [401, 401, 429]
    check_error(sign_in(user.username), 429, "too_many_attempts")
    assert sign_in(other.username).status_code == 200, "nobody else behind the same address is locked out"


def test_sign_in_is_throttled(monkeypatch: Any) -> None:
    monkeypatch.setattr(ScopedRateThrottle, "THROTTLE_RATES", {"sign-in": "2/min"})
    for _ in range(2):
        assert sign_in("nobody", "wrong").status_code == 401
    response = sign_in("nobody", "wrong")
    check_error(response, 429, "throttled")
    assert int(response.headers["Retry-After"]) > 0


def test_a_header_does_not_get_round_the_throttle_or_the_lockout(monkeypatch: Any, settings: Any) -> None:
    """Anybody can send X-Forwarded-For; only a proxy that was named may say where a request comes from."""
    settings.AXES_FAILURE_LIMIT = 3
    user, client = UserFactory(), APIClient()

    def attempt(number: int) -> int:
        body = {"username": user.username, "password": "wrong"}
        return int(client.post(f"{API}auth/token/", body, HTTP_X_FORWARDED_FOR=f"10.0.0.{number}").status_code)

    assert [attempt(number) for number in range(3)] == [401, 401, 429]
    monkeypatch.setattr(ScopedRateThrottle, "THROTTLE_RATES", {"sign-in": "2/min"})
    answers = [
        client.post(f"{API}auth/token/", {"username": "nobody", "password": "x"}, HTTP_X_FORWARDED_FOR=f"10.0.1.{n}")
        for n in range(3)
    ]
    check_error(answers[-1], 429, "throttled")


def test_everything_but_the_door_wants_a_token() -> None:
    client = APIClient()
    for address in ("me/", "people/", "invitations/"):
        error = check_error(client.get(API + address), 401, "not_authenticated")
        assert error["message"]
    check_error(client.get(f"{API}me/", HTTP_AUTHORIZATION="Token nonsense"), 401, "authentication_failed")


def test_me_and_my_preferences() -> None:
    user = UserFactory()
    client = client_of(user)
    changed = client.patch(f"{API}me/", {"time_zone": "Asia/Shanghai", "role": "admin", "is_simulated": True})
    assert changed.status_code == 200 and changed.json()["time_zone"] == "Asia/Shanghai"
    user.refresh_from_db()
    assert user.role == "labeler" and not user.is_simulated
    error = check_error(client.patch(f"{API}me/", {"time_zone": "Mars/Olympus"}), 400, "invalid")
    assert set(error["fields"]) == {"time_zone"}


@pytest.mark.parametrize(
    ("factory", "sees", "makes"),
    [(UserFactory, 403, 403), (ReviewerFactory, 403, 403), (ResearcherFactory, 200, 403), (AdminFactory, 200, 201)],
)
def test_who_sees_and_makes_people(factory: Any, sees: int, makes: int) -> None:
    client = client_of(factory())
    assert client.get(f"{API}people/").status_code == sees
    body = {"username": "made", "password": PASSWORD}
    assert client.post(f"{API}people/", body).status_code == makes
    assert User.objects.filter(username="made").exists() == (makes == 201)


def test_an_admin_makes_a_simulated_person_in_a_project() -> None:
    ProjectFactory(slug="demo")
    body = {"username": "sim", "password": PASSWORD, "role": "labeler", "is_simulated": True, "projects": ["demo"]}
    made = client_of(AdminFactory()).post(f"{API}people/", body)
    assert made.json()["is_simulated"] is True and "password" not in made.json()
    assert User.objects.get(username="sim").projects.get().slug == "demo"
    assert sign_in("sim").status_code == 200


def test_refused_people_say_which_field() -> None:
    client = client_of(AdminFactory())
    error = check_error(client.post(f"{API}people/", {"username": "x", "password": "short"}), 400, "invalid")
    assert set(error["fields"]) == {"password"}
    error = check_error(client.post(f"{API}people/", {}), 400, "invalid")
    assert set(error["fields"]) == {"username", "password"}


@pytest.mark.parametrize(
    ("factory", "role", "status"),
    [
        (UserFactory, "labeler", 403),
        (ReviewerFactory, "labeler", 403),
        (ResearcherFactory, "labeler", 201),
        (ResearcherFactory, "admin", 403),
        (AdminFactory, "admin", 201),
    ],
)
def test_who_invites_whom(factory: Any, role: str, status: int) -> None:
    assert client_of(factory()).post(f"{API}invitations/", {"role": role}).status_code == status


def test_an_invitation_through_the_api_from_end_to_end() -> None:
    ProjectFactory(slug="demo")
    admin, researcher = client_of(AdminFactory()), client_of(ResearcherFactory())
    made = researcher.post(f"{API}invitations/", {"role": "labeler", "projects": ["demo"]}).json()
    assert "sha" not in str(made) and made["invitation"]["projects"] == ["demo"]
    body = {"token": made["token"], "username": "newcomer", "password": PASSWORD}
    accepted = APIClient().post(f"{API}invitations/accept/", body)
    assert accepted.status_code == 201 and accepted.json()["role"] == "labeler"
    check_error(APIClient().post(f"{API}invitations/accept/", body), 404, "invitation_unusable")
    assert len(admin.get(f"{API}invitations/").json()["results"]) == 1
    assert client_of(ResearcherFactory()).get(f"{API}invitations/").json()["results"] == []


# errors


class Breaking(APIView):
    authentication_classes = ()
    permission_classes = ()
    error: Exception = Exception()

    def get(self, _request: Any) -> Response:
        raise type(self).error


urlpatterns = [path("api/v1/breaking/", Breaking.as_view())]


def test_what_nobody_foresaw_is_logged_with_the_id_that_is_sent(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ROOT_URLCONF = __name__
    Breaking.error = RuntimeError("the secret of the database")
    with caplog.at_level(logging.ERROR, logger="volant.api"):
        response = APIClient().get(f"{API}breaking/")
    error = check_error(response, 500, "internal")
    assert error["id"] in error["message"] and response.headers["X-Request-ID"] == error["id"]
    assert "secret" not in response.content.decode()
    (record,) = [record for record in caplog.records if record.name == "volant.api"]
    assert error["id"] in record.getMessage() and record.exc_info is not None


def test_a_refusal_of_a_service_keeps_its_code_status_fields_and_details(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    Breaking.error = VolantError("No.", code="nope", status=409, fields={"a": ["b"]}, details={"stored": 1})
    error = check_error(APIClient().get(f"{API}breaking/"), 409, "nope")
    assert error["fields"] == {"a": ["b"]} and error["details"] == {"stored": 1} and error["message"] == "No."


def test_the_frameworks_own_errors_have_the_shape_too() -> None:
    client = client_of(AdminFactory())
    check_error(client.put(f"{API}me/", {}), 405, "method_not_allowed")
    check_error(client.post(f"{API}people/", "{broken", content_type="application/json"), 400, "parse_error")
    check_error(client.post(f"{API}people/", "x", content_type="text/csv"), 415, "unsupported_media_type")


def test_nested_errors_become_paths() -> None:
    assert flatten({"a": [{}, {"b": ["x"]}], "c": ["y", "z"]}) == {"a.1.b": ["x"], "c": ["y", "z"]}
    assert flatten(["alone"]) == {"non_field_errors": ["alone"]}


def test_what_no_view_catches_has_the_one_shape_too(settings: Any) -> None:
    """Programs get JSON for an address that leads nowhere and for a request that cannot be read; people a page."""
    client = client_of(AdminFactory())
    check_error(client.get(f"{API}nowhere/"), 404, "not_found")
    check_error(client.get(f"{API}people/?role=%00"), 404, "not_found")
    check_error(client.get(f"{API}people/?cursor=cD0lMDA="), 404, "not_found")
    check_error(client.get(f"{API}people/?cursor=cD1hYmM="), 404, "not_found")
    settings.ALLOWED_HOSTS = ["volant.example.org"]
    check_error(client.get(f"{API}me/", HTTP_HOST="elsewhere.example.org"), 400, "bad_request")
    page = client.get("/accounts/sign-in/", HTTP_HOST="elsewhere.example.org")
    assert page.status_code == 400 and b"cannot be read" in page.content and page.headers["Content-Security-Policy"]


def test_an_answer_that_repeats_broken_unicode_is_still_json() -> None:
    client = client_of(UserFactory())
    body = json.dumps({"language": "\ud800"})
    response = client.patch(f"{API}me/", body, content_type="application/json")
    assert "\ud800" in check_error(response, 400, "invalid")["fields"]["language"][0]
