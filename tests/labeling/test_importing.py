"""Imports: every bad line is reported with its number and reason, everything else comes in."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from labeling.conversations import fingerprint
from labeling.exceptions import ImportRefused, NotAllowed
from labeling.importing.languages import guess_language
from labeling.importing.lines import LONGEST_LINE, LineReader
from labeling.models import Demonstration, Project, Prompt, PromptImport
from labeling.services import projects
from labeling.services.import_prompts import ImportReport, PromptDefaults, import_prompts
from labeling.splits import split_of
from tests.factories import ProjectFactory, ResearcherFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return ProjectFactory()


def bring(project: Project, *lines: Any, **more: Any) -> ImportReport:
    """Import lines: bytes and texts as they are, anything else as JSON."""
    raw = [line if isinstance(line, bytes) else line.encode() if isinstance(line, str) else json.dumps(line).encode()
           for line in lines]  # fmt: skip
    stream = io.BytesIO(b"\n".join(raw) + b"\n")
    filename = more.pop("filename", "test.jsonl")
    return import_prompts(actor=more.pop("actor", None), project=project, filename=filename, stream=stream, **more)


def reasons(report: ImportReport) -> dict[int, str]:
    return {refusal.line: refusal.reason for refusal in report.refused}


def test_our_own_format(project: Project) -> None:
    record = {
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi."}],
        "id": "r1", "source": "customer", "key": "org-7", "category": "chat", "language": "fr", "licence": "CC0-1.0",
        "follow_ups": ["And now?"],
    }  # fmt: skip
    report = bring(project, record, {"prompt": "Only a text."})
    assert (report.accepted, report.format, report.refused) == (2, "volant", [])
    first, second = Prompt.objects.order_by("pk")
    assert first.messages == record["messages"] and first.follow_ups == ["And now?"]
    assert (first.external_id, first.source, first.key) == ("r1", "customer", "org-7")
    assert (first.category, first.language, first.licence) == ("chat", "fr", "CC0-1.0")
    assert first.sha256 == fingerprint(first.messages, first.follow_ups)
    assert second.messages == [{"role": "user", "content": "Only a text."}]
    assert (second.source, second.key, second.language) == ("labeler", second.sha256, "en")


def test_defaults_fill_what_a_record_leaves_out(project: Project) -> None:
    defaults = PromptDefaults(source="customer", key="waitlist", category="qa", language="de", licence="MIT")
    bring(project, {"prompt": "a"}, {"prompt": "b", "key": "own", "language": "it"}, defaults=defaults)
    first, second = Prompt.objects.order_by("pk")
    assert (first.source, first.key, first.category, first.language, first.licence) == (
        "customer", "waitlist", "qa", "de", "MIT",
    )  # fmt: skip
    assert (second.key, second.language) == ("own", "it")


def test_the_key_decides_the_split_also_across_imports(project: Project) -> None:
    lines = [{"prompt": f"question {n}", "key": f"key {n % 50}"} for n in range(200)]
    bring(project, *lines[:100])
    bring(project, *lines[100:])
    by_key: dict[str, set[str]] = {}
    for key, split in Prompt.objects.values_list("key", "split"):
        by_key.setdefault(key, set()).add(split)
        assert split == split_of(key, project.valid_share)
    assert len(by_key) == 50 and all(len(splits) == 1 for splits in by_key.values())
    assert {split for splits in by_key.values() for split in splits} == {"train", "valid"}


def test_every_bad_line_is_reported_and_the_good_ones_come_in(project: Project) -> None:
    turn = {"role": "user", "content": "x"}
    report = bring(
        project,
        b"\xef\xbb\xbf" + b'{"prompt": "after the byte order mark"}',
        "",
        "   \t ",
        "not json",
        "[1, 2]",
        '"text"',
        b'{"prompt": "\xff\xfe"}',
        '{"prompt": "nul \\u0000 inside"}',
        '{"prompt": "half \\ud800 pair"}',
        {"messages": []},
        {"messages": [{"role": "robot", "content": "x"}]},
        {"messages": [turn, {"role": "assistant", "content": "x"}]},
        {"messages": [turn, {"role": "system", "content": "late"}, turn]},
        {"messages": [{"role": "user", "content": "  "}]},
        {"messages": [{"role": "user", "content": 7}]},
        {"messages": [{"role": "user", "content": "x", "name": "y"}]},
        {"prompt": "x", "messages": [turn]},
        {"prompt": "x", "surprise": 1},
        {"prompt": "x", "source": "nobody"},
        {"prompt": "x", "key": "k" * 201},
        {"prompt": "x", "id": {"a": 1}},
        {"prompt": "x", "follow_ups": [""]},
        "[" * 100_000,
        b'{"prompt": "' + b"x" * LONGEST_LINE + b'"}',
        {"prompt": "the last good one"},
    )
    assert [p.last_turn for p in Prompt.objects.order_by("pk")] == ["after the byte order mark", "the last good one"]
    said = reasons(report)
    assert sorted(said) == list(range(4, 25)) and report.refused_count == 21
    for line, words in {
        4: "not JSON", 5: "not a JSON object", 6: "not a JSON object", 7: "not UTF-8", 8: "NUL", 9: "Unicode",
        10: "at least one turn", 11: "unknown role 'robot'", 12: "last turn must be the user", 13: "only be the first",
        14: "no text", 15: "no text", 16: "exactly the keys", 17: "either prompt or messages", 18: "surprise",
        19: "nobody", 20: "200", 21: "id must be text", 22: "follow-up has no text", 24: "1 MB",
    }.items():  # fmt: skip
        assert words in said[line], (line, said[line])
    batch = PromptImport.objects.get()
    assert batch.accepted == 2 and len(batch.refused) == 21 and batch.refused[0] == {"line": 4, "reason": said[4]}


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800"])
@pytest.mark.parametrize("name", ["id", "key", "category", "language", "licence", "source", "a%sb"])
def test_what_postgres_cannot_hold_is_refused_wherever_it_stands(project: Project, name: str, text: str) -> None:
    """As an escape, NUL and half a surrogate pair are good UTF-8 and good JSON."""
    name, value = (name % text, "x") if "%" in name else (name, f"x{text}")
    for body in (f'{{"prompt": "Bad.", "{name}": "{value}"}}', f'{{"{name}": "{value}"}}'):
        report = bring(project, body, {"prompt": f"Good beside {body[2:8]}."}, filename=f"broken{chr(0xD800)}.jsonl")
        assert (report.accepted, list(reasons(report))) == (1, [1])
        assert report.batch is not None
        stored = PromptImport.objects.get(pk=report.batch.pk)
        assert [refusal["reason"] for refusal in stored.refused] == [reasons(report)[1]]


def test_a_default_that_postgres_cannot_hold_is_refused(project: Project) -> None:
    with pytest.raises(ImportRefused) as refused:
        bring(project, {"prompt": "Good."}, defaults=PromptDefaults(key="\ud800", licence="a\x00"))
    assert set(refused.value.fields) == {"key", "licence"}


def test_repeated_in_the_file_and_in_the_project(project: Project) -> None:
    assert bring(project, {"prompt": "a"}, {"prompt": "a"}, {"prompt": "b"}).repeated == 1
    again = bring(project, {"prompt": "b"}, {"prompt": "c"}, {"prompt": "a", "follow_ups": ["then"]})
    assert (again.accepted, again.repeated) == (2, 1)
    assert bring(ProjectFactory(), {"prompt": "a"}).accepted == 1, "another project is another matter"


def test_repeats_across_batches_are_found(project: Project) -> None:
    lines = [{"prompt": f"question {n % 700}"} for n in range(1400)]
    report = bring(project, *lines)
    assert (report.accepted, report.repeated) == (700, 700)


def test_a_dry_run_reports_the_same_and_stores_nothing(project: Project) -> None:
    lines = [{"prompt": "a"}, {"prompt": "a"}, "broken", {"prompt": "b", "completion": "B."}]
    defaults = PromptDefaults(with_demonstrations=True)
    dry = bring(project, *lines, dry_run=True, defaults=defaults)
    assert not Prompt.objects.exists() and not PromptImport.objects.exists() and dry.batch is None
    wet = bring(project, *lines, defaults=defaults)
    assert {**dry.as_dict(), "dry_run": False} == wet.as_dict()
    assert (wet.accepted, wet.demonstrations, wet.repeated, wet.refused_count) == (2, 1, 1, 1)


def test_a_crash_in_the_middle_imports_nothing(project: Project) -> None:
    def breaking() -> Iterator[bytes]:
        for n in range(1200):
            yield json.dumps({"prompt": f"question {n}"}).encode()
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        import_prompts(actor=None, project=project, filename="x", lines=breaking())
    assert not Prompt.objects.exists() and not PromptImport.objects.exists()


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"instruction": "Do.", "instances": [{"input": "", "output": "Done."}]}, "self-instruct"),
        ({"question_id": 81, "turns": ["a", "b"]}, "mt-bench"),
        ({"question": "问", "class": "math", "std_answer": "答"}, "belle-eval"),
        ({"prompt": "a"}, "volant"),
    ],
)
def test_the_format_is_found_by_the_keys(project: Project, record: dict[str, Any], name: str) -> None:
    report = bring(project, "broken", {"neither": "fish"}, record)
    assert (report.format, report.accepted) == (name, 1)
    assert "neither" in reasons(report)[2]


def test_self_instruct_makes_a_prompt_an_instance_under_one_key(project: Project) -> None:
    seed = {
        "id": "seed_1",
        "instruction": "Add the numbers.",
        "instances": [{"input": "1 2", "output": "3"}, {"input": "", "output": ""}, {"input": "4 4", "output": "8"}],
        "is_classification": True,
    }
    report = bring(project, seed, defaults=PromptDefaults(with_demonstrations=True))
    assert (report.accepted, report.demonstrations) == (3, 2)
    assert [p.last_turn for p in Prompt.objects.order_by("pk")] == [
        "Add the numbers.\n\n1 2",
        "Add the numbers.",
        "Add the numbers.\n\n4 4",
    ]
    assert set(Prompt.objects.values_list("key", "category", "external_id")) == {("seed_1", "classification", "seed_1")}
    rows = Demonstration.objects.order_by("pk")
    assert [(row.text, row.external_labeler, row.labeler, row.simulated) for row in rows] == [
        ("3", "self-instruct", None, False),
        ("8", "self-instruct", None, False),
    ]


def test_mt_bench_keeps_the_later_turns(project: Project) -> None:
    bring(project, {"question_id": 81, "category": "writing", "turns": ["one", "two", "three"]})
    prompt = Prompt.objects.get()
    assert (prompt.last_turn, prompt.follow_ups) == ("one", ["two", "three"])
    assert (prompt.key, prompt.category) == ("81", "writing")


def test_bad_lines_of_the_other_formats(project: Project) -> None:
    good = {"question_id": 1, "turns": ["a"]}
    said = reasons(bring(project, good, {"question_id": 2, "turns": []}, {"question_id": 3, "turns": ["a", 5]}))
    assert set(said) == {2, 3}
    seed = {"instruction": "x", "instances": [{"input": "", "output": "y"}]}
    said = reasons(
        bring(project, seed, {**seed, "instances": []}, {**seed, "instances": ["x"]}, {**seed, "instruction": None})
    )
    assert set(said) == {2, 3, 4}


def test_unknown_format_or_default_is_refused_as_a_whole(project: Project) -> None:
    with pytest.raises(ImportRefused) as refused:
        bring(project, {"prompt": "a"}, format="csv", defaults=PromptDefaults(source="bot", licence="x" * 81))
    assert set(refused.value.fields) == {"format", "source", "licence"}


def test_labelers_may_not_import(project: Project) -> None:
    with pytest.raises(NotAllowed):
        bring(project, {"prompt": "a"}, actor=UserFactory(member_of=project))


def test_the_validation_share_is_fixed_once_prompts_are_in(project: Project) -> None:
    bring(project, {"prompt": "a"})
    with pytest.raises(projects.ProjectRefused) as refused:
        projects.change_settings(actor=ResearcherFactory(), project=project, valid_share=0.5)
    assert "valid_share" in refused.value.fields


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello there", "en"), ("你好，请写一首诗", "zh"), ("用 Python 写一个 hello world", "zh"), ("", "en"),
        ("What does 春 mean in English?", "en"), ("12345 !!", "en"),
    ],
)  # fmt: skip
def test_the_language_is_guessed_by_the_share_of_han_characters(text: str, language: str) -> None:
    assert guess_language(text) == language


def test_a_huge_line_is_never_held_in_memory() -> None:
    class Endless(io.RawIOBase):
        """100 MB without a line end; remembers the largest piece that was asked for."""

        left, largest = 100_000_000, 0

        def readline(self, size: int | None = -1) -> bytes:
            assert size is not None and size > 0
            self.largest = max(self.largest, size)
            piece = b"x" * min(size, self.left)
            self.left -= len(piece)
            return piece

    source = Endless()
    lines = list(LineReader(source))  # type: ignore[arg-type]
    assert [line.content for line in lines] == [None] and source.largest <= LONGEST_LINE + 1


def test_line_numbers_stay_right_after_a_long_line(project: Project) -> None:
    report = bring(project, b"x" * (2 * LONGEST_LINE), "broken", {"prompt": "good"})
    assert sorted(reasons(report)) == [1, 2] and report.accepted == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (gzip.compress(b'{"prompt": "Hi."}\n'), "compressed"),
        (b"PK\x03\x04 a spreadsheet", "compressed"),
        ('{"prompt": "Hi."}\n'.encode("utf-16"), "UTF-16"),
        ('{"prompt": "Hi."}\n'.encode("utf-16-be"), "UTF-16"),
        ('{"prompt": "Hi."}\n'.encode("utf-32"), "UTF-16 or UTF-32"),
    ],
)
def test_a_file_that_is_no_utf8_text_is_named_once(project: Project, content: bytes, sentence: str) -> None:
    with pytest.raises(ImportRefused) as caught:
        bring(project, content)
    assert sentence in str(caught.value.fields["file"][0])
    assert not PromptImport.objects.exists()


def test_a_key_that_stands_there_twice_is_refused_and_not_chosen_from(project: Project) -> None:
    report = bring(project, '{"prompt": "One.", "prompt": "Two."}', '{"prompt": [{"role": "user", "role": "x"}]}', "{}")
    assert (report.accepted, report.refused_count) == (0, 3)
    assert reasons(report)[1] == "the key prompt stands there twice"
    assert reasons(report)[2] == "the key role stands there twice"


def test_a_reason_never_repeats_the_file(project: Project) -> None:
    report = bring(project, {"prompt": [{"role": "r" * 900_000, "content": "Hi."}]})
    assert report.refused_count == 1
    assert len(reasons(report)[1]) <= 300
    assert len(json.dumps(PromptImport.objects.get().refused)) < 1000
