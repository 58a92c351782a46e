"""The researchers' pages in a browser: curves that grow, a refused form, the Loop's button, light and dark, small."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from labeling.models import Project, Task
from tests.browser.pages import signed_in, watch_for_errors
from tests.conftest import AsgiServer
from tests.training import scenes
from training.models import Dataset, Run, RunMetric, RunState

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def scene(asgi_server: AsgiServer) -> tuple[Project, User]:
    return scenes.busy_project()


def wait_for_rows(page: Page, count: int) -> None:
    expect(page.locator("[data-curves]")).to_have_attribute("data-rows", str(count), timeout=20_000)


def ink(page: Page, title: str) -> int:
    """Return how many pixels of a chart are painted in its first series' colour."""
    return page.evaluate(
        """(title) => {
            const figure = [...document.querySelectorAll("figure.chart")]
                .find((f) => f.querySelector("[data-title]").textContent === title);
            const probe = document.createElement("canvas").getContext("2d");
            probe.fillStyle = getComputedStyle(figure.querySelector(".legend li")).color;
            probe.fillRect(0, 0, 1, 1);
            const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
            const canvas = figure.querySelector("canvas");
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let n = 0;
            for (let i = 0; i < data.length; i += 4)
                n += data[i + 3] > 200 &&
                    Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 24;
            return n;
        }""",
        title,
    )


def legend(page: Page, title: str) -> str:
    figure = page.locator("figure.chart").filter(has=page.get_by_text(title, exact=True))
    return figure.locator(".legend b").first.inner_text()


def test_curves_grow_while_rows_are_appended(
    browser: Browser, asgi_server: AsgiServer, scene: tuple[Project, User]
) -> None:
    run = scenes.moving_run(*scene)
    page = signed_in(browser, asgi_server, scene[1], color_scheme="dark")
    errors = watch_for_errors(page)
    page.goto(f"/runs/{run.pk}/")
    expect(page.get_by_text("The first numbers come with the first step.")).to_be_visible()
    scenes.add_metrics(run, 1, 5)
    wait_for_rows(page, 5)
    few, first = ink(page, "KL"), legend(page, "KL")
    scenes.add_metrics(run, 6, 60)
    wait_for_rows(page, 60)
    assert ink(page, "KL") > few > 0
    assert legend(page, "KL") != first
    page.get_by_text("The numbers", exact=True).click()
    numbers = page.locator("[data-numbers] tbody tr")
    expect(numbers).to_have_count(60)
    assert numbers.first.locator("th").inner_text() == "60"
    scenes.add_metrics(run, 61, 62)
    expect(numbers).to_have_count(62)

    # A second start begins anew: what the first said after its last checkpoint is gone.
    RunMetric.objects.filter(run=run).delete()
    Run.objects.filter(pk=run.pk).update(attempts=2)
    scenes.add_metrics(run, 1, 20)
    wait_for_rows(page, 20)

    Run.objects.filter(pk=run.pk).update(
        state=RunState.FAILED, ended_at=timezone.now(), error="Memory ran out. Lower batch_size.", log_tail="last words"
    )
    expect(page.get_by_role("alert")).to_contain_text("Memory ran out. Lower batch_size.")
    expect(page.get_by_role("alert")).to_contain_text("last words")
    expect(page.locator("#run-live")).to_have_attribute("data-state", "failed")
    expect(page.locator("#run-announce")).to_have_text("The run is failed.")
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_have_count(0)
    assert errors == []


def test_curves_follow_a_change_of_theme(
    browser: Browser, asgi_server: AsgiServer, scene: tuple[Project, User]
) -> None:
    run = scenes.moving_run(*scene)
    scenes.add_metrics(run, 1, 30)
    page = signed_in(browser, asgi_server, scene[1], color_scheme="light")
    page.goto(f"/runs/{run.pk}/")
    wait_for_rows(page, 30)
    assert ink(page, "KL") > 100
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    assert ink(page, "KL") > 100


def test_an_impossible_config_is_refused_beside_its_field(
    browser: Browser, asgi_server: AsgiServer, scene: tuple[Project, User]
) -> None:
    project, _ = scene
    before = Run.objects.count()
    page = signed_in(browser, asgi_server, scene[1])
    page.goto(f"/projects/{project.slug}/runs/new/sft/")
    page.get_by_text("All other settings").click()
    field = page.get_by_label("micro batch size")
    field.fill("5")
    page.get_by_role("button", name="Start the SFT run").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was queued")
    expect(field).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    described = (field.get_attribute("aria-describedby") or "").split()
    sentences = " ".join(page.locator(f"#{identifier}").inner_text() for identifier in described)
    assert "must divide batch_size (16)" in sentences
    assert Run.objects.count() == before
    field.fill("4")
    page.get_by_role("button", name="Start the SFT run").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"SFT run \d+"))
    assert Run.objects.count() == before + 1
    assert Run.objects.latest("pk").config["micro_batch_size"] == 4


def test_the_loop_takes_its_next_step_and_shows_it(
    browser: Browser, asgi_server: AsgiServer, scene: tuple[Project, User]
) -> None:
    project, _ = scene
    page = signed_in(browser, asgi_server, scene[1])
    errors = watch_for_errors(page)
    page.goto(f"/projects/{project.slug}/loop/")
    page.get_by_role("button", name="Publish the outputs").click()
    expect(page.get_by_role("status").first).to_contain_text("18 comparisons wait in round 1.")
    assert Task.objects.filter(kind="compare").count() == 18
    here = page.locator(".station[data-here]")
    expect(here).to_contain_text("Comparisons")
    expect(here).to_contain_text("0 of 18")
    assert errors == []


def test_the_loop_moves_without_a_reload(
    browser: Browser, asgi_server: AsgiServer, scene: tuple[Project, User]
) -> None:
    project, _ = scene
    run = scenes.moving_run(*scene)
    page = signed_in(browser, asgi_server, scene[1])
    page.goto(f"/projects/{project.slug}/loop/")
    expect(page.get_by_text("step 30 of 100")).to_be_visible()
    Run.objects.filter(pk=run.pk).update(progress_step=77)
    expect(page.get_by_text("step 77 of 100")).to_be_visible()


def test_cancelling_asks_first(browser: Browser, asgi_server: AsgiServer, scene: tuple[Project, User]) -> None:
    run = scenes.moving_run(*scene)
    page = signed_in(browser, asgi_server, scene[1])
    page.goto(f"/runs/{run.pk}/")
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.wait_for_timeout(2500)  # the status is swapped meanwhile; the question stays
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_text("The run is told to stop")).to_be_visible()
    run.refresh_from_db()
    assert run.state == RunState.CANCELLING


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_overflows(
    browser: Browser, asgi_server: AsgiServer, scene: tuple[Project, User], scheme: str
) -> None:
    project, actor = scene
    run = scenes.moving_run(project, actor)
    scenes.add_metrics(run, 1, 12)
    scenes.failed_run(project, actor)
    pages = [f"/projects/{project.slug}/{name}/" for name in ("loop", "runs", "datasets", "policies")]
    pages += [f"/projects/{project.slug}/runs/new/ppo/", f"/projects/{project.slug}/datasets/freeze/"]
    pages += [f"/runs/{pk}/" for pk in Run.objects.values_list("pk", flat=True)]
    pages += [f"/datasets/{Dataset.objects.filter(kind='sft').latest('pk').pk}/"]
    pages += [f"/projects/{project.slug}/policies/compare/"]
    page = signed_in(browser, asgi_server, actor, color_scheme=scheme)
    errors = watch_for_errors(page)
    axe, problems = Axe(), []
    for address in pages:
        page.set_viewport_size({"width": 1280, "height": 850})
        page.goto(address)
        if address == f"/runs/{run.pk}/":
            wait_for_rows(page, 12)
        found = axe.run(page).response["violations"]
        problems += [f"{address}: {one['id']}: {one['nodes'][0]['html'][:160]}" for one in found]
        page.set_viewport_size({"width": 320, "height": 700})
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wider > 0:
            problems.append(f"{address}: {wider} px too wide at 320 px")
    assert problems == []
    assert errors == []
