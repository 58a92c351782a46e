"""The whole thread in a browser: prompts, answers, SFT, outputs, rankings, reward model, PPO, and round 2.

Nothing is put in by hand but three accounts. Every step is the Loop page's own button, every run is executed by a real
worker on the base model that Volant ships.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from labeling.models import Comparison, Completion, Demonstration, Project, Prompt, Round
from tests.browser.pages import watch_for_errors
from tests.conftest import AsgiServer
from tests.factories import PASSWORD, ResearcherFactory, UserFactory
from tests.worker import WorkerProcess
from training.models import Checkpoint, CheckpointKind, Run, RunState, Sample, Stage

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(1500), pytest.mark.django_db(transaction=True)]

PROMPTS = 12
OUTPUTS = 3
RUN_SECONDS = 240
"""A run on a machine that does other things at the same time; on a quiet one each takes ten seconds."""


def story_prompts() -> str:
    """The first prompts that the shipped base was made with, as JSON Lines."""
    lines = (Path(settings.BASE_DIR) / "training/bases/tiny/prompts.jsonl").read_text(encoding="utf-8").splitlines()
    return "\n".join(lines[:PROMPTS])


def enter(browser: Browser, server: AsgiServer, user: User) -> Page:
    """Sign in through the form, in a window of one's own."""
    window = browser.new_context(locale="en-US", base_url=server.url, viewport={"width": 1280, "height": 900})
    page = window.new_page()
    page.set_default_timeout(30_000)
    page.goto("/accounts/sign-in/")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Work", exact=True)).to_be_visible(timeout=30_000)
    return page


class Researcher:
    """Somebody who goes round the loop by its one button."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def make_project(self, members: list[User]) -> Project:
        self.page.goto("/projects/new/")
        self.page.locator("#id_name").fill("Stories")
        self.page.locator("#id_slug").fill("stories")
        self.page.locator("#id_guidelines").fill("Tell a **short** story that ends well.")
        self.page.locator("#id_outputs_per_comparison").fill(str(OUTPUTS))
        self.page.locator("#id_valid_share").fill("0.3")
        self.page.locator("#id_overlap_share").fill("0")
        self.page.get_by_role("button", name="Make the project").click()
        project = self.wait_for_project()
        for member in members:
            self.page.goto("/projects/stories/settings/")
            self.page.locator("#id_user").select_option(str(member.pk))
            self.page.get_by_role("button", name="Add", exact=True).click()
            expect(self.page.locator(".members")).to_contain_text(str(member))
        return project

    def wait_for_project(self) -> Project:
        self.page.wait_for_url(lambda address: "/projects/new/" not in address)
        return Project.objects.get(slug="stories")

    def next_step(self, name: str) -> None:
        """Go to the Loop page and press its button, which must be the one expected."""
        self.page.goto("/projects/stories/loop/")
        button = self.page.locator("#next-action")
        expect(button).to_have_text(name)
        with self.page.expect_navigation():
            button.click()

    def wait_for_run(self, stage: Stage) -> Run:
        """Stay on the run's page until it says by itself that the run is over, and well."""
        page, run = self.page, Run.objects.filter(stage=stage).latest("pk")
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"run {run.pk}")
        over = page.locator('#run-live:not([hx-trigger])[data-state]:not([data-state=""])')
        expect(over).to_be_visible(timeout=RUN_SECONDS * 1000)
        run.refresh_from_db()
        assert run.state == RunState.SUCCEEDED, f"{run.error}\n{run.log_tail}"
        expect(page.locator("#run-live")).to_have_attribute("data-state", "succeeded")
        return run


class Labeler:
    """Somebody who reads the guidelines, then does what the Work page gives."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def read_guidelines(self) -> None:
        self.page.goto("/")
        self.page.get_by_role("link", name="Read the guidelines").click()
        self.page.get_by_role("button", name="I have read them").click()
        expect(self.page.get_by_role("heading", name="Work", exact=True)).to_be_visible()

    def write_all(self) -> int:
        """Answer prompts until there is none; return how many."""
        self.page.goto("/")
        self.page.get_by_role("button", name="Write").click()
        for number in range(1, PROMPTS * 2):
            expect(self.page.get_by_role("heading", name="Write an answer")).to_be_visible()
            asked = self.page.locator(".turn.last .prose").inner_text()
            self.page.locator("#text").fill(story_about(asked))
            if self.submit_and_go_on() is False:
                return number
        raise AssertionError("there was no end of prompts")

    def rank_all(self) -> int:
        """Rate and rank outputs until there are none, the longest best; return how many comparisons."""
        self.page.goto("/")
        self.page.get_by_role("button", name="Compare").click()
        for number in range(1, PROMPTS * 2):
            expect(self.page.get_by_role("heading", name="Rate and rank the answers")).to_be_visible()
            cards = self.page.locator("form section.output")
            lengths = [len(cards.nth(i).locator(".output-body").inner_text()) for i in range(cards.count())]
            order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
            for i in range(len(lengths)):
                cards.nth(i).locator(f"input[name$=_quality][value='{7 - order.index(i)}']").check(force=True)
            for i in range(len(lengths)):
                cards.nth(i).locator(f"input[name^=rank_][value='{order.index(i) + 1}']").check(force=True)
            if self.submit_and_go_on() is False:
                return number
        raise AssertionError("there was no end of comparisons")

    def submit_and_go_on(self) -> bool:
        """Submit; return whether another task came."""
        before = self.page.url
        self.page.get_by_role("button", name="Submit and go on").click()
        self.page.wait_for_url(lambda address: address != before)
        return "/tasks/" in self.page.url


def story_about(asked: str) -> str:
    """An answer such as a person would write: it names whom the prompt names, and ends kindly."""
    names = re.findall(r"\b[A-Z][a-z]+\b", asked)
    name = next((word for word in names if word not in {"Write", "Please", "Tell", "Can", "Could", "Story"}), "Nora")
    return f"{name} found a small light in the woods. {name} gave it to a friend. They went home happy. The end."


def test_from_a_label_in_the_browser_to_a_better_answer_in_the_next_round(
    browser: Browser, asgi_server: AsgiServer, celery_worker: WorkerProcess
) -> None:
    ada = UserFactory(username="ada")
    researcher = Researcher(enter(browser, asgi_server, ResearcherFactory(username="rosa")))
    labeler = Labeler(enter(browser, asgi_server, ada))
    errors = [watch_for_errors(researcher.page), watch_for_errors(labeler.page)]
    project = researcher.make_project([ada])

    # Prompts
    researcher.next_step("Import prompts")
    researcher.page.locator("#id_text").fill(story_prompts())
    researcher.page.get_by_role("button", name="Import", exact=True).click()
    researcher.page.wait_for_url("**/prompts/")
    assert Prompt.objects.in_project(project).count() == PROMPTS

    # Round 1: demonstrations
    researcher.next_step("Open a round")
    researcher.next_step("Ask for demonstrations")
    labeler.read_guidelines()
    assert labeler.write_all() == PROMPTS
    assert Demonstration.objects.current().filter(labeler=ada, simulated=False).count() == PROMPTS
    researcher.next_step("Freeze the demonstrations")
    researcher.next_step("Add a base model")
    researcher.next_step("Start SFT")
    researcher.wait_for_run(Stage.SFT)
    expect(researcher.page.get_by_text("held-out loss")).to_be_visible()

    # Outputs, ranked
    researcher.next_step("Freeze the prompts")
    researcher.next_step("Generate outputs")
    generate = researcher.wait_for_run(Stage.GENERATE)
    assert generate.samples.count() == PROMPTS * (OUTPUTS + 1), "fresh prompts of both splits"
    researcher.next_step("Publish the outputs")
    tasks = labeler.rank_all()
    assert Comparison.objects.current().filter(labeler=ada).count() == tasks > 0

    # Reward model and PPO
    researcher.next_step("Freeze the comparisons")
    researcher.next_step("Train the reward model")
    researcher.wait_for_run(Stage.REWARD)
    researcher.page.goto("/projects/stories/loop/")
    expect(researcher.page.locator("#next-action")).to_have_text("Start PPO")
    researcher.page.locator("#next-settings").click()
    researcher.page.locator("#id_updates").fill("2")
    researcher.page.locator("#id_episodes_per_update").fill("8")
    researcher.page.get_by_role("button", name="Start the PPO run").click()
    ppo = researcher.wait_for_run(Stage.PPO)
    assert set(ppo.metrics.values_list("step", flat=True)) == {1, 2}
    expect(researcher.page.locator("[data-curves]")).to_have_attribute("data-rows", "2")
    expect(researcher.page.locator(".lineage")).to_contain_text(f"ppo-{ppo.pk}")

    # Round 2: the new policy's outputs beside the old one's
    researcher.next_step("Generate outputs")
    second = researcher.wait_for_run(Stage.GENERATE)
    policies = Checkpoint.objects.filter(samples__run=second).distinct()
    assert {policy.kind for policy in policies} == {CheckpointKind.SFT, CheckpointKind.PPO}
    researcher.next_step("Publish the outputs")
    current = Round.objects.current(project)
    assert current is not None
    assert current.number == 2
    labeler.page.goto("/")
    labeler.page.get_by_role("button", name="Compare").click()
    outputs = labeler.page.locator("form section.output")
    expect(outputs).to_have_count(OUTPUTS)
    shown = Completion.objects.filter(pk__in=[outputs.nth(i).get_attribute("data-completion") for i in range(OUTPUTS)])
    assert {completion.task.round.number for completion in shown} == {2}
    assert Sample.objects.filter(run=second, completion__in=shown).values("checkpoint").distinct().count() == 2
    page = labeler.page.content()
    assert not [policy.name for policy in policies if policy.name in page]
    assert errors == [[], []]
