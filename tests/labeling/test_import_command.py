"""`manage.py import`, and the real files of the development data pack."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from labeling.models import Demonstration, Prompt
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db

DATA = Path(os.environ.get("VOLANT_DATA") or Path(settings.BASE_DIR).parent / "shared" / "data")
needs_data = pytest.mark.skipif(
    not (DATA / "prompts").is_dir(), reason="set VOLANT_DATA to the directory of the development data pack"
)


def run_import(*arguments: str) -> tuple[dict[str, Any], str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("import", *arguments, "--json", stdout=out, stderr=err)
    return json.loads(out.getvalue().splitlines()[-1]), err.getvalue()


@needs_data
@pytest.mark.parametrize(
    ("file", "format", "tasks", "language"),
    [
        ("self_instruct_seed_tasks.jsonl", "self-instruct", 175, "en"),
        ("belle_zh_seed_tasks.jsonl", "self-instruct", 175, "zh"),
        ("mt_bench_question.jsonl", "mt-bench", 80, "en"),
        ("mt_bench_zh_question.jsonl", "mt-bench", 80, "zh"),
        ("belle_zh_eval_set.jsonl", "belle-eval", 1000, "zh"),
    ],
)
def test_the_data_pack_comes_in_whole(file: str, format: str, tasks: int, language: str) -> None:
    ProjectFactory()
    report, _err = run_import(
        "auto", str(DATA / "prompts" / file), "--licence", "see LICENSES", "--with-demonstrations"
    )
    assert report["format"] == format and report["refused"] == []
    records = [json.loads(line) for line in (DATA / "prompts" / file).open(encoding="utf-8") if line.strip()]
    assert len(records) == tasks
    instances = sum(len(record.get("instances", [None])) for record in records)
    assert report["prompts"] + report["repeated"] == instances
    assert Prompt.objects.count() == report["prompts"]
    assert Demonstration.objects.count() == report["demonstrations"]
    languages = list(Prompt.objects.values_list("language", flat=True))
    assert languages.count(language) / len(languages) > 0.9
    assert set(Prompt.objects.values_list("split", flat=True)) == {"train", "valid"}
    if format == "mt-bench":
        assert report["prompts"] == 80 and all(len(prompt.follow_ups) == 1 for prompt in Prompt.objects.all())
    if format == "self-instruct":
        assert report["demonstrations"] == report["prompts"]
    if format == "belle-eval":
        assert Prompt.objects.values("category").distinct().count() == 10


def test_the_last_line_is_one_json_object_and_refusals_are_named(tmp_path: Path) -> None:
    ProjectFactory(slug="only")
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "a"}\nbroken\n{"prompt": "a"}\n')
    report, err = run_import("volant", str(path))
    assert (report["prompts"], report["repeated"], report["demonstrations"]) == (1, 1, 0)
    assert [refusal["line"] for refusal in report["refused"]] == [2]
    assert "line 2: not JSON" in err


def test_a_dry_run_stores_nothing(tmp_path: Path) -> None:
    ProjectFactory(slug="only")
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "a"}\n')
    report, _err = run_import("auto", str(path), "--dry-run", "--project", "only")
    assert report["prompts"] == 1 and report["dry_run"] is True and not Prompt.objects.exists()


def test_what_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--project; there are: none yet"):
        run_import("auto", "prompts.jsonl")
    ProjectFactory(slug="one")
    with pytest.raises(CommandError, match="No such file"):
        run_import("auto", str(tmp_path / "missing.jsonl"))
    ProjectFactory(slug="two")
    with pytest.raises(CommandError, match="one, two"):
        run_import("auto", str(tmp_path / "missing.jsonl"))
