"""The commands, and what a fresh installation starts with."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import User
from labeling.models import Project, Prompt, Slot, Task
from labeling.services.guidelines import acknowledge
from labeling.services.queue import claim_next
from tests.factories import AdminFactory
from tests.training.conftest import make_demonstrations
from training.models import Checkpoint, Dataset, Run
from training.services.demo_project import GUIDELINES, PEOPLE, SLUG, WRITE_TASKS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifacts")]


@pytest.fixture
def var(settings: Settings, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path / "var"
    return tmp_path / "var"


def run_command(name: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def last_json(name: str, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run_command(name, *arguments, "--json").splitlines()[-1])
    return found


def test_a_fresh_installation_can_be_worked_in(var: Path) -> None:
    made = last_json("seed_demo")
    assert made["people"] == 4 and made["tasks"] == WRITE_TASKS and made["prompts"] > 200
    path = var / "demo-logins.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    logins = {login["username"]: login for login in json.loads(path.read_text())}
    assert set(logins) == set(PEOPLE) and len({login["password"] for login in logins.values()}) == 4
    for name, login in logins.items():
        user = User.objects.get(username=name)
        assert user.check_password(login["password"]) and user.role == login["role"]
    project = Project.objects.get(slug=SLUG)
    assert project.guidelines == GUIDELINES and project.outputs_per_comparison == 4
    labeler = User.objects.get(username="labeler")
    acknowledge(user=labeler, project=project, version=project.guidelines_version)
    claim = claim_next(labeler=labeler, project=project)
    assert claim.assignment is not None and claim.assignment.task.kind == "write"
    base = Checkpoint.objects.get()
    assert (base.name, base.kind, base.project) == ("tiny-story", "base", None)
    splits = list(Prompt.objects.filter(tasks__isnull=False).values_list("split", flat=True))
    assert splits.count("valid") == 4 and splits.count("train") == WRITE_TASKS - 4


def test_seeding_again_changes_nothing(var: Path) -> None:
    last_json("seed_demo")
    kept = (var / "demo-logins.json").read_text()
    counts = [model.objects.count() for model in (User, Project, Prompt, Task, Slot, Checkpoint)]
    assert last_json("seed_demo") == {"people": 0, "prompts": 0, "tasks": 0}
    assert (var / "demo-logins.json").read_text() == kept
    assert [model.objects.count() for model in (User, Project, Prompt, Task, Slot, Checkpoint)] == counts


def test_seeding_goes_on_where_it_was_cut_off(var: Path) -> None:
    last_json("seed_demo")
    kept = json.loads((var / "demo-logins.json").read_text())
    User.objects.get(username="researcher").delete()
    assert last_json("seed_demo")["people"] == 1
    assert json.loads((var / "demo-logins.json").read_text()) == kept, "the password that was printed still holds"
    password = next(login["password"] for login in kept if login["username"] == "researcher")
    assert User.objects.get(username="researcher").check_password(password)


def test_freeze_from_the_command_line(project: Project, labeler: User) -> None:
    with pytest.raises(CommandError, match="no admin"):
        run_command("freeze", "sft")
    AdminFactory()
    with pytest.raises(CommandError, match="no demonstration"):
        run_command("freeze", "sft")
    make_demonstrations(project, labeler, None)
    figures = last_json("freeze", "sft", "--project", project.slug, "--split", "train", "--limit", "5")
    assert figures["files"]["train.jsonl"]["records"] == 5 and figures["left_out"]["over the limit"] == 3
    assert Dataset.objects.get().sha256 == figures["sha256"]
    assert "5 records" in run_command("freeze", "sft", "--limit", "5")
    with pytest.raises(CommandError, match=project.slug):
        run_command("freeze", "sft", "--project", "nowhere")
    with pytest.raises(CommandError, match="Only researchers"):
        run_command("freeze", "sft", "--as", labeler.username)


def test_a_run_from_the_command_line(project: Project, labeler: User, base: Checkpoint) -> None:
    AdminFactory()
    make_demonstrations(project, labeler, None)
    run_command("freeze", "sft")
    with pytest.raises(CommandError, match="epochs: must be greater than 0"):
        run_command("request_run", "sft", "--set", "epochs=0")
    with pytest.raises(CommandError, match="NAME=VALUE"):
        run_command("request_run", "sft", "--set", "epochs")
    figures = last_json("request_run", "sft", "--set", "epochs=3", "--set", "device=cpu", "--input", "model=tiny-story")
    run = Run.objects.get(pk=figures["run"])
    assert run.config["epochs"] == 3 and run.config["device"] == "cpu" and run.inputs.get().checkpoint == base


def test_a_base_from_the_command_line(base: Checkpoint, artifacts: Path, tmp_path: Path) -> None:
    AdminFactory()
    directory = artifacts / base.location
    first = last_json("register_base", "again", str(directory))
    assert last_json("register_base", "again", str(directory)) == first
    with pytest.raises(CommandError, match="another checkpoint"):
        run_command("register_base", "again", "some/model")
    with pytest.raises(CommandError, match="no config"):
        run_command("register_base", "empty", str(tmp_path))
