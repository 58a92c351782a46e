"""The researchers' pages by their addresses: who may open them, what they show, what they do."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from labeling.models import Project, Round, Task
from tests.factories import CheckpointFactory, ReviewerFactory, RunFactory
from tests.training import scenes
from training.models import Checkpoint, CheckpointKind, Dataset, Run, RunMetric, RunState, Stage
from training.services.datasets import freeze_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene() -> tuple[Project, User]:
    return scenes.busy_project()


@pytest.fixture
def rosa(client: Client, scene: tuple[Project, User]) -> Client:
    client.force_login(scene[1], backend="django.contrib.auth.backends.ModelBackend")
    return client


def page_addresses(project: Project) -> list[str]:
    dataset, run = Dataset.objects.first(), Run.objects.first()
    assert dataset and run
    by_project = ["loop", "loop_live", "datasets", "freeze", "runs", "policies", "compare_policies"]
    return [
        *(reverse(f"training:{name}", args=[project.slug]) for name in by_project),
        *(reverse("training:run_new", args=[project.slug, stage]) for stage in Stage.values),
        reverse("training:dataset", args=[dataset.pk]),
        reverse("training:dataset_file", args=[dataset.pk, "train.jsonl"]),
        *(reverse(f"training:{name}", args=[run.pk]) for name in ("run", "run_live", "run_metrics", "run_log")),
    ]


def posted_addresses(project: Project) -> list[str]:
    run, checkpoint = Run.objects.first(), Checkpoint.objects.exclude(project=None).first()
    assert run and checkpoint
    return [
        reverse("training:loop_next", args=[project.slug]),
        reverse("training:freeze", args=[project.slug]),
        reverse("training:run_new", args=[project.slug, "sft"]),
        reverse("training:run_cancel", args=[run.pk]),
        reverse("training:publish", args=[run.pk]),
        reverse("training:promote", args=[checkpoint.pk]),
        reverse("training:add_base", args=[project.slug]),
        reverse("training:take_smollm2", args=[project.slug]),
    ]


def test_visitors_are_sent_to_sign_in_and_labelers_are_refused(client: Client, scene: tuple[Project, User]) -> None:
    project, _ = scene
    reviewer = ReviewerFactory(member_of=project)
    before = (Run.objects.count(), Dataset.objects.count(), Task.objects.count(), Checkpoint.objects.count())
    for address in page_addresses(project):
        assert client.get(address).status_code == 302, address
    client.force_login(reviewer, backend="django.contrib.auth.backends.ModelBackend")
    for address in page_addresses(project):
        assert client.get(address).status_code == 403, address
    for address in posted_addresses(project):
        assert client.post(address).status_code == 403, address
    assert before == (Run.objects.count(), Dataset.objects.count(), Task.objects.count(), Checkpoint.objects.count())


def test_every_page_opens_in_both_languages(rosa: Client, scene: tuple[Project, User]) -> None:
    for run in Run.objects.all():
        assert rosa.get(reverse("training:run", args=[run.pk])).status_code == 200
    for dataset in Dataset.objects.all():
        assert rosa.get(reverse("training:dataset", args=[dataset.pk])).status_code == 200
    for address in page_addresses(scene[0]):
        for language in ("en", "zh-hans"):
            assert rosa.get(address, headers={"accept-language": language}).status_code in (200, 286), address


def test_pages_of_an_empty_project_open_and_say_what_to_do(client: Client) -> None:
    project = scenes.project_with_prompts(0)
    client.force_login(scenes.researcher(), backend="django.contrib.auth.backends.ModelBackend")
    loop = client.get(reverse("training:loop", args=[project.slug]))
    assert reverse("labeling:prompt_import", args=[project.slug]) in loop.content.decode()
    for name in ("datasets", "freeze", "runs", "policies", "compare_policies"):
        assert client.get(reverse(f"training:{name}", args=[project.slug])).status_code == 200


def test_no_page_carries_an_inline_script_or_style(rosa: Client, scene: tuple[Project, User]) -> None:
    for address in page_addresses(scene[0]):
        response = rosa.get(address)
        if "html" in response.headers["Content-Type"]:
            body = response.content.decode()
            assert " style=" not in body, address
            assert " onclick=" not in body, address
            for script in body.split("<script")[1:]:
                assert script.startswith((" src=", ' id="curve-plan" type="application/json"')), address


# --- Loop


def press(client: Client, project: Project, verb: str, target: str = "") -> str:
    """Press the Loop page's button and return where it leads."""
    response = client.post(reverse("training:loop_next", args=[project.slug]), {"verb": verb, "target": target})
    assert response.status_code == 302
    return response.headers["Location"]


def test_the_button_walks_from_prompts_to_a_queued_run(client: Client) -> None:
    actor, project = scenes.researcher(), scenes.project_with_prompts()
    CheckpointFactory(project=None, kind=CheckpointKind.BASE, name="base")
    client.force_login(actor, backend="django.contrib.auth.backends.ModelBackend")
    press(client, project, "open_round")
    assert Round.objects.current(project) is not None
    press(client, project, "ask_to_write")
    assert Task.objects.filter(project=project, kind="write").count() == 24
    scenes.write_answers(project, actor, 24)
    press(client, project, "freeze", "sft")
    assert Dataset.objects.get(project=project).kind == "sft"
    address = press(client, project, "start_run", "sft")
    run = Run.objects.get(project=project)
    assert (run.stage, run.state) == ("sft", RunState.QUEUED)
    assert address == reverse("training:run", args=[run.pk])


def test_a_second_press_finds_the_loop_moved_on(rosa: Client, scene: tuple[Project, User]) -> None:
    project, _ = scene
    generate = Run.objects.get(stage="generate")
    press(rosa, project, "publish", str(generate.pk))
    published = Task.objects.filter(kind="compare").count()
    assert published == 18
    press(rosa, project, "publish", str(generate.pk))
    assert Task.objects.filter(kind="compare").count() == published
    page = rosa.get(reverse("training:loop", args=[project.slug])).content.decode()
    assert "moved on" in page


def test_the_counts_table_has_splits_sources_and_what_is_frozen(rosa: Client, scene: tuple[Project, User]) -> None:
    project, actor = scene
    response = rosa.get(reverse("training:loop", args=[project.slug]))
    totals = {row["split"].value: [cell.count for cell in row["cells"]] for row in response.context["counts"]["totals"]}
    assert totals == {"train": [totals["train"][0], 0, 18], "valid": [18 - totals["train"][0], 0, 6]}
    frozen = response.context["counts"]["totals"][0]["cells"]
    assert [cell.frozen for cell in frozen] == [totals["train"][0], None, 18]
    scenes.write_answers(project, actor, 1)
    rows = rosa.get(reverse("training:loop", args=[project.slug])).context["counts"]["totals"]
    assert any(row["cells"][0].fresh for row in rows)


# --- Runs


def test_a_refused_run_says_why_beside_the_field_and_queues_nothing(rosa: Client, scene: tuple[Project, User]) -> None:
    project, _ = scene
    before = Run.objects.count()
    address = reverse("training:run_new", args=[project.slug, "sft"])
    form = rosa.get(address).context["form"]
    data = {name: form[name].initial for name in form.fields if form[name].initial not in (None, False)}
    response = rosa.post(address, {**data, "batch_size": "16", "micro_batch_size": "5"})
    assert response.status_code == 422
    assert "16" in response.context["form"].errors["micro_batch_size"][0]
    assert response.context["others_open"]
    assert Run.objects.count() == before
    response = rosa.post(address, {**data, "micro_batch_size": "8", "note": "halves"})
    run = Run.objects.latest("pk")
    assert response.headers["Location"] == reverse("training:run", args=[run.pk])
    assert (run.config["micro_batch_size"], run.note, run.state) == (8, "halves", RunState.QUEUED)


def test_run_again_brings_the_settings_along(rosa: Client, scene: tuple[Project, User]) -> None:
    project, _ = scene
    sft = Run.objects.get(stage="sft")
    sft.config = {**sft.config, "learning_rate": 3e-4}
    sft.save(update_fields=["config"])
    form = rosa.get(reverse("training:run_new", args=[project.slug, "sft"]) + f"?from={sft.pk}").context["form"]
    assert form["learning_rate"].value() == 3e-4
    assert form["dataset"].value() == sft.dataset_id
    assert form["model"].value() == sft.inputs.get().checkpoint_id


def test_metrics_come_in_pieces_and_say_when_the_run_is_over(rosa: Client, scene: tuple[Project, User]) -> None:
    run = scenes.moving_run(*scene)
    address = reverse("training:run_metrics", args=[run.pk])
    assert rosa.get(address).json() == {
        "rows": [], "after": 0, "more": False, "live": True, "state": "running", "attempt": 1,
    }  # fmt: skip
    scenes.add_metrics(run, 1, 3)
    first = rosa.get(address).json()
    assert [row["step"] for row in first["rows"]] == [1, 2, 3]
    scenes.add_metrics(run, 4, 5)
    second = rosa.get(address, {"after": first["after"]}).json()
    assert [row["step"] for row in second["rows"]] == [4, 5]
    Run.objects.filter(pk=run.pk).update(state=RunState.CANCELLED, ended_at=run.running_at)
    third = rosa.get(address, {"after": second["after"]}).json()
    assert (third["rows"], third["live"]) == ([], False)


def test_the_live_part_stops_asking_when_the_run_is_over(rosa: Client, scene: tuple[Project, User]) -> None:
    run = scenes.moving_run(*scene)
    address = reverse("training:run_live", args=[run.pk])
    moving = rosa.get(address, {"was": "running"}).content.decode()
    assert "hx-trigger" in moving
    assert "hx-swap-oob" not in moving
    Run.objects.filter(pk=run.pk).update(
        state=RunState.FAILED,
        ended_at=run.running_at,
        error="Memory ran out. Lower batch_size.",
        log_tail="a\nlast words",
    )
    over = rosa.get(address, {"was": "running"}).content.decode()
    assert "every 2s" not in over
    assert "hx-swap-oob" in over
    assert "Memory ran out. Lower batch_size." in over
    assert "last words" in over
    assert rosa.get(reverse("training:run_log", args=[run.pk])).status_code == 286


def test_a_run_is_cancelled_once(rosa: Client, scene: tuple[Project, User]) -> None:
    run = scenes.moving_run(*scene)
    address = reverse("training:run_cancel", args=[run.pk])
    rosa.post(address)
    run.refresh_from_db()
    assert run.state == RunState.CANCELLING
    sft = Run.objects.get(stage="sft")
    page = rosa.post(reverse("training:run_cancel", args=[sft.pk]), follow=True).content.decode()
    assert "nothing to cancel" in page
    sft.refresh_from_db()
    assert sft.state == RunState.SUCCEEDED


def test_runs_are_paged_without_gaps_and_keep_their_filters(rosa: Client, scene: tuple[Project, User]) -> None:
    project, _ = scene
    RunFactory.create_batch(120, project=project, stage="score")
    address = reverse("training:runs", args=[project.slug])
    seen, query = [], "?stage=score"
    while query:
        page = rosa.get(address + query).context["rows"]
        seen += [run.pk for run in page.items]
        query = page.older
    assert len(seen) == 120
    assert seen == sorted(seen, reverse=True)
    last = rosa.get(address + f"?stage=score&before={seen[99]}").context["rows"]
    back = rosa.get(address + last.newer).context["rows"]
    assert [run.pk for run in back.items] == seen[50:100]
    for nonsense in ("?before=x", "?after=-1", "?before=99999999999999999999", "?stage=nothing", "?before="):
        assert rosa.get(address + nonsense).status_code == 200


# --- Datasets and policies


def test_a_dataset_is_frozen_shown_and_handed_out(rosa: Client, scene: tuple[Project, User]) -> None:
    project, _ = scene
    response = rosa.post(reverse("training:freeze", args=[project.slug]), {"kind": "sft", "include_simulated": "on"})
    frozen = Dataset.objects.latest("pk")
    assert response.headers["Location"] == reverse("training:dataset", args=[frozen.pk])
    page = rosa.get(response.headers["Location"])
    assert frozen.sha256 in page.content.decode()
    assert [record["prompt"][-1]["role"] for record in page.context["records"]][:1] == ["user"]
    file = rosa.get(reverse("training:dataset_file", args=[frozen.pk, "train.jsonl"]))
    lines = [json.loads(line) for line in b"".join(file).splitlines()]  # type: ignore[arg-type]
    assert len(lines) == frozen.records("train")
    for name in ("..%2F..%2Fsecret", "valid.jsonl.bak", "config.json"):
        assert rosa.get(f"/datasets/{frozen.pk}/files/{name}").status_code == 404


def test_freezing_nothing_says_so_on_the_form(rosa: Client, scene: tuple[Project, User]) -> None:
    project, _ = scene
    response = rosa.post(reverse("training:freeze", args=[project.slug]), {"kind": "rm", "include_simulated": "on"})
    assert response.status_code == 422
    assert response.context["form"].non_field_errors()
    assert not Dataset.objects.filter(kind="rm").exists()


def test_comparisons_are_shown_best_first(rosa: Client, scene: tuple[Project, User]) -> None:
    project, actor = scene
    press(rosa, project, "publish", str(Run.objects.get(stage="generate").pk))
    assert scenes.rank_outputs(project) == 18
    frozen = freeze_dataset(actor=actor, project=project, kind="rm")
    records = rosa.get(reverse("training:dataset", args=[frozen.pk])).context["records"]
    ranks = [output["rank"] for output in records[0]["outputs"]]
    assert ranks == sorted(ranks)
    assert len(ranks) >= 2


def test_one_policy_is_promoted_and_reward_models_are_not(rosa: Client, scene: tuple[Project, User]) -> None:
    project, _ = scene
    policy = Checkpoint.objects.get(kind=CheckpointKind.SFT)
    rosa.post(reverse("training:promote", args=[policy.pk]))
    policy.refresh_from_db()
    assert policy.promoted_at is not None
    scorer = CheckpointFactory(project=project, kind=CheckpointKind.REWARD)
    page = rosa.post(reverse("training:promote", args=[scorer.pk]), follow=True).content.decode()
    assert "cannot be promoted" in page
    scorer.refresh_from_db()
    assert scorer.promoted_at is None


def test_policies_stand_side_by_side_on_the_same_prompts(rosa: Client, scene: tuple[Project, User]) -> None:
    project, _ = scene
    pairings = rosa.get(reverse("training:compare_policies", args=[project.slug])).context["pairings"]
    assert len(pairings) == 10
    for pairing in pairings:
        assert [answer.checkpoint.kind for answer in pairing.answers] == ["base", "sft"]


def test_a_base_model_that_is_none_is_refused(rosa: Client, scene: tuple[Project, User]) -> None:
    project, _ = scene
    address = reverse("training:add_base", args=[project.slug])
    page = rosa.post(address, {"name": "mine", "location": "/nowhere/at/all"}, follow=True).content.decode()
    assert "config.json" in page
    rosa.post(address, {"name": "mine", "location": "org/model"})
    assert Checkpoint.objects.get(name="mine").project == project


def test_smollm2_is_offered_until_it_is_there(client: Client) -> None:
    """`make run` offers it as the demo project's base: one press on the Loop page or on Policies."""
    actor, project = scenes.researcher(), scenes.project_with_prompts()
    CheckpointFactory(project=None, kind=CheckpointKind.BASE, name="tiny-story", preset="tiny")
    client.force_login(actor, backend="django.contrib.auth.backends.ModelBackend")
    pages = [reverse(f"training:{name}", args=[project.slug]) for name in ("loop", "policies")]
    take = reverse("training:take_smollm2", args=[project.slug])
    for page in pages:
        assert f'action="{take}"' in client.get(page).content.decode()
    assert "SFT will start from tiny-story." in client.get(pages[0]).content.decode()
    addresses = {client.post(take).headers["Location"] for _ in range(2)}
    run = Run.objects.get(project=project)
    assert (run.stage, run.config["source"], run.state) == ("convert", "smollm2", RunState.QUEUED)
    assert addresses == {reverse("training:run", args=[run.pk])}, "a second press leads to the same run"
    for page in pages:
        assert f'action="{take}"' not in client.get(page).content.decode()
    Run.objects.filter(pk=run.pk).update(state=RunState.FAILED, ended_at=timezone.now())
    assert f'action="{take}"' in client.get(pages[0]).content.decode(), "offered again when it did not come"
    CheckpointFactory(project=project, kind=CheckpointKind.BASE, name="smollm2", preset="smollm2")
    loop = client.get(pages[0]).content.decode()
    assert f'action="{take}"' not in loop and "SFT will start from the base model smollm2." in loop


def test_what_few_people_made_can_be_frozen_early(client: Client) -> None:
    """A task that wants three judgements must not stop a project of one labeler."""
    actor, project = scenes.researcher(), scenes.project_with_prompts()
    CheckpointFactory(project=None, kind=CheckpointKind.BASE, name="base")
    client.force_login(actor, backend="django.contrib.auth.backends.ModelBackend")
    press(client, project, "open_round")
    press(client, project, "ask_to_write")
    loop, freeze = (reverse(f"training:{name}", args=[project.slug]) for name in ("loop", "freeze"))
    assert f"{freeze}?kind=sft" not in client.get(loop).content.decode(), "nothing is there to freeze"
    scenes.write_answers(project, actor, 3)
    assert f'href="{freeze}?kind=sft"' in client.get(loop).content.decode()
    client.post(freeze, {"kind": "sft", "include_simulated": "on"})
    press(client, project, "start_run", "sft")
    assert Run.objects.get(project=project).stage == "sft"


def test_an_ended_run_leads_back_to_the_loop(rosa: Client, scene: tuple[Project, User]) -> None:
    project, _ = scene
    ended = Run.objects.filter(state=RunState.SUCCEEDED).exclude(stage="generate").first()
    assert ended is not None
    page = rosa.get(reverse("training:run", args=[ended.pk])).content.decode()
    loop, runs = (reverse(f"training:{name}", args=[project.slug]) for name in ("loop", "runs"))
    assert f'id="onward" href="{loop}#next-title"' in page
    assert f'href="{runs}" aria-current="page"' in page, "the bar says where one is"


def test_prompts_that_were_too_long_are_said_on_the_page(rosa: Client, scene: tuple[Project, User]) -> None:
    run = Run.objects.filter(stage="generate").first()
    assert run is not None
    address = reverse("training:run", args=[run.pk])
    for count, said in ((0, False), (44, True)):
        Run.objects.filter(pk=run.pk).update(result={"metrics": {"samples": 96, "left_out": count}})
        assert ("prompts too long, left out" in rosa.get(address).content.decode()) is said


def test_a_conversion_shows_its_share_and_promises_no_curves(rosa: Client, scene: tuple[Project, User]) -> None:
    project, actor = scene
    run = scenes.moving_run(project, actor, stage=Stage.CONVERT)
    Run.objects.filter(pk=run.pk).update(progress_step=35, progress_total=100)
    RunMetric.objects.filter(run=run).delete()
    page = rosa.get(reverse("training:run", args=[run.pk])).content.decode()
    assert "35 % done" in page and 'value="35" max="100"' in page
    assert "left</span>" not in page and "The first numbers" not in page
