"""A project with work in it, people who sign in, and a page whose every complaint fails the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from labeling.models import Project, Prompt, Round
from labeling.services import guidelines, projects, rounds
from labeling.services.rounds import NewOutput
from tests.conftest import AsgiServer
from tests.factories import PASSWORD, PromptFactory, ResearcherFactory, UserFactory

pytestmark = pytest.mark.browser

# Two cores are shared with whatever else runs: patience, not luck.
expect.set_options(timeout=15_000)

OUTPUTS = [
    NewOutput("The **power rule** gives $3x^2$.\n\n```python\nprint(sp.diff(x**3, x))\n```"),
    NewOutput("Use sympy:\n\n| step | code |\n| --- | --- |\n| derivative | `diff` |"),
    NewOutput("I do not know, because", finished=False),
    NewOutput("<script>alert(1)</script> [link](https://example.org/)"),
]


@dataclass
class Scene:
    """What the tests play with. `labeler` may write and compare in `project`; `rival` too."""

    url: str
    researcher: User
    labeler: User
    rival: User
    project: Project
    round: Round
    prompts: list[Prompt]

    def ask_for_answers(self) -> None:
        rounds.request_demonstrations(actor=self.researcher, round=self.round, prompts=self.project.prompts.all())

    def ask_for_comparisons(self, number: int = 1) -> None:
        chosen = {prompt.pk: OUTPUTS for prompt in self.prompts[:number]}
        rounds.request_comparisons(actor=self.researcher, round=self.round, outputs=chosen)


@pytest.fixture
def scene(asgi_server: AsgiServer) -> Scene:
    researcher = ResearcherFactory(username="rosa")
    labeler, rival = UserFactory(username="ada"), UserFactory(username="li")
    project = projects.create_project(
        actor=researcher, name="Tutor", slug="tutor", guidelines="Be **kind**.", ratings_first=True
    )
    for user in (labeler, rival):
        projects.add_member(actor=researcher, project=project, user=user)
        guidelines.acknowledge(user=user, project=project, version=project.guidelines_version)
    conversation = [
        {"role": "system", "content": "You are a patient tutor."},
        {"role": "user", "content": "What is a derivative?"},
        {"role": "assistant", "content": "A rate of change."},
        {"role": "user", "content": "And of `x**3`?"},
    ]
    prompts = [PromptFactory(project=project, messages=conversation), PromptFactory(project=project, text="你好吗？")]
    current = rounds.open_round(actor=researcher, project=project)
    return Scene(asgi_server.url, researcher, labeler, rival, project, current, prompts)


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """Every error of the page and every breach of its Content-Security-Policy; a test may empty the list."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    yield found
    assert found == []


@pytest.fixture
def sign_in(page: Page, scene: Scene, complaints: list[str]) -> Callable[[User], Page]:
    def signed_in(user: User) -> Page:
        page.goto(f"{scene.url}/accounts/sign-in/")
        page.get_by_label("Username").fill(user.username)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible()
        return page

    return signed_in
