"""Every address that names something by token, number or project: strangers learn nothing there and change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, get_resolver, reverse

from accounts.models import User
from labeling.few_shot import Pair
from labeling.judgements import ComparisonJudgement
from labeling.models import Assignment, Comparison, Demonstration, Project, WrittenPrompt
from labeling.services import answers, threads
from labeling.services.written_prompts import NewPrompt, submit_written_prompt
from tests.factories import (
    AssignmentFactory,
    CompareTaskFactory,
    ProjectFactory,
    PromptFactory,
    ReviewerFactory,
    RoundFactory,
    TaskFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

SECRET = "nobody-else-reads-this"
PAGES = "labeling.urls"
API = "labeling.api.urls"


class Desk:
    """A project with work of every kind, all of it by one labeler, and everything in it says SECRET."""

    def __init__(self) -> None:
        self.project: Project = ProjectFactory(name=SECRET, slug="secret", guidelines=SECRET)
        turn = RoundFactory(project=self.project)
        self.labeler: User = UserFactory(member_of=self.project)
        self.prompt = PromptFactory(project=self.project, text=SECRET)
        self.held = self._lease(TaskFactory(round=turn, prompt=self.prompt), draft={"text": SECRET})
        write = self._lease(TaskFactory(round=turn, prompt=PromptFactory(project=self.project, text=f"{SECRET} 2")))
        compare = self._lease(
            CompareTaskFactory(round=turn, prompt=PromptFactory(project=self.project), outputs=[SECRET, "two"])
        )
        brief = {"kind": "few_shot"}
        prompt = self._lease(TaskFactory(round=turn, prompt=None, kind="prompt", brief=brief))
        self.answer = answers.submit_demonstration(token=write.token, labeler=self.labeler, text=SECRET)
        ranks = dict.fromkeys(compare.shown_order, 1)
        self.comparison = answers.submit_comparison(
            token=compare.token, labeler=self.labeler, judgement=ComparisonJudgement(ranks=ranks, note=SECRET)
        )
        self.written = submit_written_prompt(
            token=prompt.token, labeler=self.labeler, given=NewPrompt(SECRET, (Pair("a", "b"), Pair("c", "d")))
        )
        self.leases = [self.held, write, compare, prompt]
        threads.post_message(author=self.labeler, assignment=self.held, text=SECRET)

    def _lease(self, task: Any, **columns: Any) -> Assignment:
        made: Assignment = AssignmentFactory(task=task, labeler=self.labeler, **columns)
        return made

    def arguments(self) -> list[dict[str, Any]]:
        numbered = [self.answer.pk, self.comparison.pk, self.written.pk, self.prompt.pk]
        numbered += [lease.pk for lease in self.leases]
        pks = sorted(set(numbered))
        named = {"project_slug": "secret", "slug": "secret", "kind": "write", "number": 1}
        return [{**named, "token": lease.token, "pk": pk} for lease in self.leases for pk in pks]


def patterns(module: str) -> Iterator[tuple[str, set[str]]]:
    for pattern in get_resolver(module).url_patterns:
        assert isinstance(pattern, URLPattern)
        wanted = set(pattern.pattern.converters)
        if wanted:
            yield str(pattern.name), wanted


def addresses(desk: Desk) -> list[str]:
    """Return every address of labeling that names something, with everything that it could name here."""
    found: dict[str, None] = {}
    for module, prefix in ((PAGES, "labeling:"), (API, "")):
        for name, wanted in patterns(module):
            for values in desk.arguments():
                given = {key: value for key, value in values.items() if key in wanted}
                assert set(given) == wanted, name
                found[_reverse(f"{prefix}{name}", given)] = None
    return list(found)


def _reverse(name: str, given: dict[str, Any]) -> str:
    try:
        return reverse(name, kwargs=given)
    except NoReverseMatch:
        return reverse(name.removeprefix("labeling:"), kwargs=given)


def rows() -> dict[str, int]:
    return {model.__name__: model._default_manager.count() for model in apps.get_app_config("labeling").get_models()}


METHODS = ("get", "post", "put", "patch", "delete")
BODY = {
    "text": "Mine now.", "reason": "other", "revision": 1, "verdict": "approved", "draft": {"text": "x"},
    "base_version": 0, "version": 1, "message": "x", "sensitive": True, "shows_sensitive": False, "limit": 1,
    "ranks": {}, "name": "Mine", "fields": [],
}  # fmt: skip


@pytest.mark.parametrize("who", ["labeler of another project", "reviewer of another project", "nobody"])
def test_strangers_find_nothing_at_any_address(client: Client, who: str) -> None:
    desk = Desk()
    elsewhere = ProjectFactory(slug="elsewhere")
    if who != "nobody":
        client.force_login((ReviewerFactory if "reviewer" in who else UserFactory)(member_of=elsewhere))
    before, tried = rows(), 0
    for address in addresses(desk):
        for method in METHODS:
            answer = (
                getattr(client, method)(address, BODY, content_type="application/json")
                if method != "get"
                else (client.get(address))
            )
            allowed = (302, 401, 403, 404, 405) if who == "nobody" else (403, 404, 405)
            assert answer.status_code in allowed, (method, address, answer.status_code)
            assert SECRET not in answer.content.decode(), (method, address)
            tried += 1
    assert rows() == before and tried > 300
    for model in (Demonstration, Comparison, WrittenPrompt):
        assert not model._default_manager.filter(revision__gt=1).exists()
    assert Assignment.objects.filter(state="active").get().draft == {"text": SECRET}


def test_a_colleague_in_the_project_finds_nothing_of_anothers_work(client: Client) -> None:
    desk = Desk()
    client.force_login(UserFactory(member_of=desk.project))
    own = ("/tasks/", "/my-work/", "/review/", "/assignments/")
    tried = [address for address in addresses(desk) if any(part in address for part in own)]
    for address in tried:
        for method in METHODS:
            answer = (
                getattr(client, method)(address, BODY, content_type="application/json")
                if method != "get"
                else (client.get(address))
            )
            if "/projects/" not in address:
                assert answer.status_code in (403, 404, 405), (method, address, answer.status_code)
                assert SECRET not in answer.content.decode(), (method, address)
