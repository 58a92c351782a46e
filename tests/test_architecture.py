"""The six import rules are contracts, and each one fails when it is broken; a web process has no torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("config", "accounts", "labeling", "training")
HEAVY = ("torch", "transformers", "trl", "datasets", "accelerate", "peft")
PLAIN = {"config", "records", "rundir", "__init__"}


def contracts() -> list[dict[str, object]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    linter = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([linter, "--no-cache"], cwd=tree, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def copied_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("tree")
    for app in APPS:
        shutil.copytree(ROOT / app, tree / app, ignore=shutil.ignore_patterns("__pycache__", "bases"))
    shutil.copy(ROOT / "pyproject.toml", tree / "pyproject.toml")
    return tree


def test_the_tree_keeps_all_contracts(copied_tree: Path) -> None:
    done = lint_imports(copied_tree)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("rule", "module", "line"),
    [
        ("1.", "labeling/services/projects.py", "import training.models"),
        ("2.", "training/services/runs.py", "def lazily():\n    import torch"),
        ("3.", "training/rlhf/reward.py", "import django.conf"),
        ("4.", "training/services/runs.py", "from training.rlhf import functional"),
        ("5a.", "training/execution/__init__.py", "def lazily():\n    import training.services.runs"),
        ("5b.", "labeling/services/projects.py", "import labeling.forms"),
        ("6.", "training/rlhf/ppo.py", "from training.rlhf import reward"),
        ("6.", "training/rlhf/functional.py", "from training.rlhf import ppo"),
    ],
)
def test_a_planted_breach_is_caught(copied_tree: Path, rule: str, module: str, line: str) -> None:
    path = copied_tree / module
    if not path.exists():
        path = copied_tree / f"{Path(module).parent}.py"
    before = path.read_text()
    try:
        path.write_text(f"{before}\n\n{line}\n")
        done = lint_imports(copied_tree)
    finally:
        path.write_text(before)
    assert done.returncode == 1
    broken = [row for row in done.stdout.splitlines() if row.rstrip().endswith("BROKEN")]
    assert any(row.startswith(rule) for row in broken), done.stdout


def test_every_training_module_is_under_contract() -> None:
    """Forbidden contracts list their sources by name: a module that nobody listed would be free to import torch."""
    modules = {
        path.stem for path in (ROOT / "training").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    modules -= {"__init__", "rlhf", "__pycache__", "bases"}
    for contract in contracts():
        if str(contract["name"]).startswith(("2.", "4.")):
            listed = {str(name).partition(".")[2] for name in contract["source_modules"]}  # type: ignore[attr-defined]
            assert modules - {"migrations"} <= listed, f"{contract['name']}: add {modules - listed} to pyproject.toml"


def test_every_building_block_is_forbidden_to_django() -> None:
    blocks = {path.stem for path in (ROOT / "training" / "rlhf").iterdir() if path.suffix == ".py"} - PLAIN
    contract = next(contract for contract in contracts() if str(contract["name"]).startswith("4."))
    forbidden = {str(name).rpartition(".")[2] for name in contract["forbidden_modules"]}  # type: ignore[attr-defined]
    assert blocks <= forbidden, f"rule 4: add {blocks - forbidden} to pyproject.toml"


def _run(code: str) -> str:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_web_process_loads_no_torch() -> None:
    code = f"""
import sys
import config.asgi
from django.conf import settings
from django.urls import get_resolver
from django.contrib import admin
get_resolver().url_patterns
admin.autodiscover()
import config.celery, labeling.tasks, training.tasks, training.forms, training.execution
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    assert _run(code) == "[]"


@pytest.mark.parametrize("stage", ["pretrain", "sft", "reward", "ppo", "generate", "score", "convert"])
def test_a_stage_loads_no_django(stage: str) -> None:
    code = f"""
import sys
import training.rlhf.{stage}
print([name for name in ("django", "rest_framework", "celery") if name in sys.modules])
"""
    assert _run(code) == "[]"


def test_the_plain_types_load_only_the_standard_library() -> None:
    code = f"""
import sys
import training.rlhf.config, training.rlhf.records, training.rlhf.rundir
print([name for name in {(*HEAVY, "numpy", "django")!r} if name in sys.modules])
"""
    assert _run(code) == "[]"
