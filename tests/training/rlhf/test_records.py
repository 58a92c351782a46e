"""The JSON Lines records: what is refused, and that lines and splits are stable."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.rlhf.records import (
    Comparison,
    Demonstration,
    Prompt,
    RecordError,
    Sample,
    Text,
    check_messages,
    parse_record,
    read_records,
    record_line,
    split_of,
    write_records,
)

USER = {"role": "user", "content": "Hi"}
PAIR: dict[str, Any] = {"prompt": [USER], "completions": ["a", "b"], "ranks": [1, 2]}
FOUR: dict[str, Any] = {"prompt": [USER], "completions": ["a", "b", "c", "d"], "ranks": [1, 2, 3, 4]}
texts = st.text(min_size=1, max_size=20).filter(str.strip).map(lambda t: t.encode("utf-8", "ignore").decode() or "x")
ranks = st.lists(st.integers(1, 12), min_size=2, max_size=12)


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "at least one turn"),
        ("Hi", "at least one turn"),
        ([{"role": "user"}], "turn 1 must have exactly"),
        ([{"role": "user", "content": "Hi", "name": "x"}], "turn 1 must have exactly"),
        ([{"role": "bot", "content": "Hi"}], "unknown role 'bot'"),
        ([{"role": "user", "content": " \n"}], "turn 1 has no text"),
        ([{"role": "user", "content": 5}], "turn 1 has no text"),
        ([USER, {"role": "system", "content": "Be kind"}, USER], "only be the first"),
        ([USER, {"role": "assistant", "content": "Hello"}], "last turn must be the user's"),
    ],
)
def test_bad_conversations_are_refused(messages: Any, reason: str):
    with pytest.raises(RecordError, match=reason):
        check_messages(messages)


def test_a_conversation_may_have_a_system_turn_and_many_turns():
    messages = [{"role": "system", "content": "Be kind"}, USER, {"role": "assistant", "content": "Hello"}, USER]
    assert check_messages(messages) == messages


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (Demonstration, [], "must be a JSON object"),
        (Demonstration, {"prompt": [USER]}, "'completion' is missing"),
        (Demonstration, {"prompt": [USER], "completion": "  "}, "completion is empty"),
        (Demonstration, {"prompt": [USER], "completion": "a", "answer": "b"}, "unknown key 'answer'"),
        (Comparison, {"prompt": [USER], "completions": ["a"], "ranks": [1]}, "2 to 12 completions, not 1"),
        (Comparison, {"prompt": [USER], "completions": ["a"] * 13, "ranks": [1] * 13}, "2 to 12 completions, not 13"),
        (Comparison, {"prompt": [USER], "completions": ["a", "b"], "ranks": [1]}, "2 completions but 1 ranks"),
        (Comparison, {"prompt": [USER], "completions": ["a", "b"], "ranks": [0, 1]}, "whole numbers from 1"),
        (Comparison, {"prompt": [USER], "completions": ["a", "b"], "ranks": [True, 1]}, "whole numbers from 1"),
        (Comparison, {"prompt": [USER], "completions": ["a", "b"], "ranks": [1.5, 1]}, "whole numbers from 1"),
        (Comparison, {"prompt": [USER], "completions": "ab", "ranks": [1, 2]}, "must be a list of texts"),
        (Comparison, {"prompt": [USER], "completions": ["a", None], "ranks": [1, 2]}, "must be a list of texts"),
        (Demonstration, {"prompt": [USER], "completion": "a", "weight": -1}, "weight must be a number"),
        (Demonstration, {"prompt": [USER], "completion": "a", "weight": "2"}, "weight must be a number"),
        (Comparison, {"prompt": [USER], "completions": ["a", "b"], "ranks": 5}, "ranks must be a list"),
        (Comparison, {"prompt": [USER], "completions": ["a", "b"], "ranks": None}, "ranks must be a list"),
        (Comparison, {"prompt": [USER], "completions": ["a", "b"], "ranks": [1, 10**30]}, "whole numbers from 1"),
        (Comparison, {"prompt": [USER], "completions": ["a", "b"], "ranks": [1, 2], "finished": 3}, "true and false"),
        (
            Comparison,
            {"prompt": [USER], "completions": ["a", "b"], "ranks": [1, 2], "finished": "ab"},
            "true and false",
        ),
        (Comparison, {"prompt": [USER], "completions": ["a", "\ud800"], "ranks": [1, 2]}, "completion 2 has broken"),
        (Comparison, {"prompt": [USER], "completions": ["a", "b"], "ranks": [1, 2], "source": None}, "source must be"),
        (Demonstration, {"prompt": [USER], "completion": "a", "id": 5}, "id must be text, not '5'"),
        (Demonstration, {"prompt": [USER], "completion": "x\udfff"}, "completion has broken Unicode .character 2"),
        (Prompt, {"prompt": [{"role": "user", "content": "\ud83d"}]}, "turn 1 has broken Unicode"),
        (Prompt, {"prompt": [USER], "key": None}, "key must be text"),
        (Text, {"text": "\ud800"}, "text has broken Unicode"),
        (Comparison, {**PAIR, "strength": 2}, "strength must be a whole number"),
        (Comparison, {**PAIR, "strength": 5, "strength_levels": 4}, "strength must be a whole number"),
        (Comparison, {**PAIR, "strength": True, "strength_levels": 4}, "strength must be a whole number"),
        (Comparison, {**PAIR, "strength": 0, "strength_levels": 4}, "0 for a tie"),
        (Comparison, {**PAIR, "ranks": [1, 1], "strength": 1, "strength_levels": 3}, "0 for a tie"),
        (Comparison, {**FOUR, "strength": 1, "strength_levels": 3}, "belongs to a pair"),
        (Text, {"text": None}, "text is empty"),
        (Prompt, {}, "'prompt' is missing"),
        (Text, {"id": "1"}, "'text' is missing"),
    ],
)
def test_bad_records_are_refused(kind: Any, value: Any, reason: str):
    with pytest.raises(RecordError, match=reason):
        parse_record(kind, value)


def test_the_finished_marks_must_fit():
    with pytest.raises(RecordError, match="finished marks"):
        Comparison(prompt=[USER], completions=["a", "b"], ranks=[1, 2], finished=[True])


def test_a_strength_belongs_to_a_pair_and_to_an_edit_above_it():
    for ranks, strength in (([1, 2], 3), ([2, 2], 0), ([3, 1, 2], 1), ([2, 1, 2], 0)):
        record = Comparison([USER], ["a", "b", "c"][: len(ranks)], ranks, strength=strength, strength_levels=4)
        assert parse_record(Comparison, json.loads(record_line(record))) == record
    assert "strength" not in record_line(Comparison(**PAIR)), "records without one keep their bytes"


@given(ranks)
def test_pairs_are_the_strict_preferences(order):
    comparison = Comparison(prompt=[USER], completions=["x"] * len(order), ranks=order)
    pairs = comparison.pairs()
    assert len(set(pairs)) == len(pairs)
    assert all(order[i] < order[j] for i, j in pairs)
    count, ties = len(order), sum(order.count(r) * (order.count(r) - 1) // 2 for r in set(order))
    assert len(pairs) == count * (count - 1) // 2 - ties


@given(st.builds(Demonstration, prompt=texts.map(lambda t: [{"role": "user", "content": t}]), completion=texts))
def test_a_line_is_canonical_and_read_back(record):
    line = record_line(record)
    assert line.count("\n") == 1
    assert parse_record(Demonstration, json.loads(line)) == record
    assert record_line(parse_record(Demonstration, json.loads(line))) == line


def test_files_are_hashed_as_written_and_keep_any_script(tmp_path: Path):
    records = [
        Prompt(prompt=[{"role": "user", "content": c}], id=str(i)) for i, c in enumerate(["狐狸", "été\n2", "a\u2028b"])
    ]
    count, digest = write_records(tmp_path / "p.jsonl", records)
    content = (tmp_path / "p.jsonl").read_bytes()
    assert (count, digest) == (3, hashlib.sha256(content).hexdigest())
    assert "狐狸".encode() in content
    assert list(read_records(Prompt, tmp_path / "p.jsonl")) == records


def test_a_bad_line_is_named_with_its_number(tmp_path: Path):
    good = record_line(Text("a"))
    (tmp_path / "t.jsonl").write_text(good + "\n" + '{"text": \n' + good)
    with pytest.raises(RecordError, match=r"t\.jsonl line 3: "):
        list(read_records(Text, tmp_path / "t.jsonl"))


def test_a_line_that_is_not_utf8_is_named(tmp_path: Path):
    (tmp_path / "t.jsonl").write_bytes(record_line(Text("a")).encode() + b'{"text": "\xff"}\n')
    with pytest.raises(RecordError, match=r"t\.jsonl line 2: .*utf-8"):
        list(read_records(Text, tmp_path / "t.jsonl"))


def test_a_sample_keeps_its_ids():
    sample = Sample(prompt_id="p", completion="", id="p/sft/0", tokens=[5, 2], finish_reason="stop")
    assert parse_record(Sample, json.loads(record_line(sample))) == sample


@given(st.text(max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_never_moves_a_key_out_of_valid(key, one, other):
    small, large = sorted((one, other))
    if split_of(key, small) == "valid":
        assert split_of(key, large) == "valid"
    assert split_of(key, 0) == "train"
    assert split_of(key, 1) == "valid"


def test_the_split_is_fixed_for_ever_and_takes_its_share():
    """Written down once: another answer would move people's data between the splits of old datasets."""
    expected = {"a": "train", "b": "valid", "x": "valid", "customer-7": "train", "story-1-0001": "train"}
    assert {key: split_of(key, 0.5) for key in expected} == expected
    shares = sum(split_of(f"key-{i}", 0.1) == "valid" for i in range(20_000)) / 20_000
    assert abs(shares - 0.1) < 0.007


def test_what_an_editor_or_a_mistake_leaves_is_read_or_said(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + record_line(Text("a")).encode().replace(b"\n", b"\r\n"))
    assert list(read_records(Text, path)) == [Text("a")]
    path.write_bytes(b"[" * 100_000 + b"\n")
    with pytest.raises(RecordError, match=r"t\.jsonl line 1: nested too deeply"):
        list(read_records(Text, path))
    path.write_text('{"text": ' + "1" * 5000 + "}\n")
    with pytest.raises(RecordError, match=r"t\.jsonl line 1: "):
        list(read_records(Text, path))
    with pytest.raises(
        RecordError, match=r"missing\.jsonl cannot be read .No such file or directory.: put the records"
    ):
        list(read_records(Text, tmp_path / "missing.jsonl"))
