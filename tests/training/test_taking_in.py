"""What a stage writes becomes rows: metrics line by line, results all or nothing; and failures become sentences."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from labeling.models import Project
from tests.factories import CheckpointFactory, PromptFactory, RunFactory
from training.exceptions import BadResult
from training.execution.child import child_environment
from training.execution.failure import explain
from training.execution.ingest import take_in_result
from training.execution.metrics import MetricsReader, read_progress
from training.execution.transitions import Claim, ClaimLost, claim_run
from training.models import Checkpoint, Run, RunInput, RunMetric, RunState, Sample
from training.rlhf.records import Sample as SampleRecord
from training.rlhf.records import record_line
from training.rlhf.rundir import RunDir, write_atomically
from training.storage import artifact, artifact_root, run_path


def start(project: Project, stage: str = "sft") -> tuple[Run, Claim, RunDir]:
    run: Run = RunFactory(project=project, stage=stage)
    Run.objects.filter(pk=run.pk).update(path=run_path(run.pk))
    claim = claim_run(run.pk, worker="gpu@one")
    assert claim is not None
    run.refresh_from_db()
    directory = RunDir(artifact(run.path))
    directory.path.mkdir(parents=True)
    return run, claim, directory


def line(step: int, **values: float) -> bytes:
    return json.dumps({"step": step, "time": 1.5, **values}).encode() + b"\n"


@pytest.mark.django_db
@pytest.mark.usefixtures("artifacts")
class TestMetrics:
    def test_a_partial_last_line_waits_until_it_is_whole(self, project: Project) -> None:
        run, claim, directory = start(project)
        reader = MetricsReader(claim, directory)
        assert reader.take_in() == 0, "no file yet"
        second = line(2, loss=0.25)
        with directory.metrics.open("ab", buffering=0) as stream:
            stream.write(line(1, loss=0.5) + second[:9])
            assert reader.take_in() == 1
            assert reader.take_in() == 0
            stream.write(second[9:-1])
            assert reader.take_in() == 0, "the newline is missing"
            stream.write(b"\n" + line(3, loss=0.125))
            assert reader.take_in() == 2
        assert list(run.metrics.values_list("step", "values")) == [
            (1, {"loss": 0.5}), (2, {"loss": 0.25}), (3, {"loss": 0.125}),
        ]  # fmt: skip
        run.refresh_from_db()
        assert run.metrics_offset == directory.metrics.stat().st_size

    def test_a_resumed_stage_that_forgets_steps_is_followed(self, project: Project) -> None:
        run, claim, directory = start(project)
        directory.metrics.write_bytes(line(1, loss=1) + line(2, loss=2) + line(3, loss=3))
        reader = MetricsReader(claim, directory)
        assert reader.take_in() == 3
        # The same size, another file: what drop_metrics_after leaves, and a new step.
        write_atomically(directory.metrics, (line(1, loss=1) + line(2, loss=7) + line(3, loss=8)).decode())
        assert reader.take_in() == 3
        assert [values["loss"] for values in run.metrics.values_list("values", flat=True)] == [1, 7, 8]

    def test_a_line_that_is_no_metric_is_left_out(self, project: Project) -> None:
        run, claim, directory = start(project)
        directory.metrics.write_bytes(
            b'{"step": 1}\nnonsense\n[]\n{"step": -1, "time": 1}\n{"step": 1e3, "time": 0}\n\xff\n' + line(4, loss=1)
        )
        assert MetricsReader(claim, directory).take_in() == 1
        assert run.metrics.get().step == 4

    def test_a_worker_that_lost_its_run_stores_nothing(self, project: Project) -> None:
        run, claim, directory = start(project)
        directory.metrics.write_bytes(line(1, loss=1))
        Run.objects.filter(pk=run.pk).update(attempts=2)
        with pytest.raises(ClaimLost):
            MetricsReader(claim, directory).take_in()
        assert not RunMetric.objects.exists()


def test_progress_is_the_logs_last(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    assert read_progress(log) == {}
    log.write_text("loading\nstep 1/40  loss 2.1\nstep 7/40  loss 1.9  0.2 s/step\nsaved\nstep ")
    assert read_progress(log) == {"progress_step": 7, "progress_total": 40}


@pytest.mark.django_db
@pytest.mark.usefixtures("artifacts")
class TestResults:
    def test_a_checkpoint_that_is_not_there_undoes_everything(self, project: Project) -> None:
        run, claim, directory = start(project)
        for named in ("checkpoints/step-000002", "../../../etc", None):
            with pytest.raises(BadResult):
                take_in_result(claim, directory, {"state": "succeeded", "checkpoint": named}, log_tail="")
            run.refresh_from_db()
            assert run.state == RunState.RUNNING and run.result is None
        assert not Checkpoint.objects.exists()

    def test_a_converted_model_takes_its_sources_name(self, project: Project) -> None:
        names = []
        for _ in range(2):
            run, claim, directory = start(project, "convert")
            Run.objects.filter(pk=run.pk).update(config={"source": "HuggingFaceTB/SmolLM2-135M"})
            directory.checkpoint(0).mkdir(parents=True)
            take_in_result(claim, directory, {"checkpoint": "checkpoints/step-000000", "steps": 0}, log_tail="")
            names.append(Checkpoint.objects.get(run=run).name)
        assert names == ["smollm2-135m", f"smollm2-135m-{run.pk}"]

    def samples(self, directory: RunDir, *records: SampleRecord) -> dict[str, Any]:
        directory.samples.write_text("".join(record_line(record) for record in records))
        return {"state": "succeeded", "checkpoint": None, "steps": 0}

    def test_samples_are_numbered_within_prompt_and_policy(self, project: Project) -> None:
        run, claim, directory = start(project, "generate")
        policy, prompt = CheckpointFactory(project=project), PromptFactory(project=project)
        RunInput.objects.create(run=run, field="policies", checkpoint=policy)
        names = {"prompt_id": f"prompt-{prompt.pk}", "checkpoint": f"checkpoint-{policy.pk}"}
        result = self.samples(
            directory, SampleRecord(completion="one", **names), SampleRecord(completion="", tokens=[3], **names)
        )
        take_in_result(claim, directory, result, log_tail="")
        assert list(Sample.objects.values_list("number", "text")) == [(0, "one"), (1, "")]

    def test_a_policy_may_say_what_the_database_cannot_hold(self, project: Project) -> None:
        """A byte-level tokenizer knows the NUL, and a barely trained policy samples it."""
        run, claim, directory = start(project, "generate")
        policy, prompt = CheckpointFactory(project=project), PromptFactory(project=project)
        RunInput.objects.create(run=run, field="policies", checkpoint=policy)
        names = {"prompt_id": f"prompt-{prompt.pk}", "checkpoint": f"checkpoint-{policy.pk}"}
        result = self.samples(directory, SampleRecord(completion="Once\x00 there", tokens=[5, 0, 6], **names))
        take_in_result(claim, directory, result, log_tail="")
        assert list(Sample.objects.values_list("text", "tokens")) == [("Once there", [5, 0, 6])]

    def test_samples_of_unknown_prompts_or_policies_undo_everything(self, project: Project) -> None:
        run, claim, directory = start(project, "generate")
        policy, prompt = CheckpointFactory(project=project), PromptFactory(project=project)
        RunInput.objects.create(run=run, field="policies", checkpoint=policy)
        good = {"prompt_id": f"prompt-{prompt.pk}", "checkpoint": f"checkpoint-{policy.pk}", "completion": "x"}
        stranger = PromptFactory()
        for wrong in ({"prompt_id": f"prompt-{stranger.pk}"}, {"checkpoint": "checkpoint-0"}, {"prompt_id": "x"}):
            result = self.samples(directory, SampleRecord(**good), SampleRecord(**{**good, **wrong}))
            with pytest.raises(BadResult, match="unknown"):
                take_in_result(claim, directory, result, log_tail="")
        directory.samples.write_text('{"prompt_id": 1')
        with pytest.raises(BadResult, match="line 1"):
            take_in_result(claim, directory, result, log_tail="")
        assert not Sample.objects.exists() and Run.objects.get(pk=run.pk).state == RunState.RUNNING


@pytest.mark.parametrize(
    ("code", "log", "said"),
    [
        (-9, "step 3/9\n", "memory"),
        (1, "RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory\n", "micro_batch_size"),
        (1, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB\n", "Memory ran out"),
        (2, "reading\nsft: epochs: must be greater than 0\n\n", "epochs: must be greater than 0"),
        (2, "", "without a word"),
        (1, "Traceback\nKeyError: 'x'\n", "KeyError: 'x'"),
        (-signal.SIGSEGV, "step 1/2", "SIGSEGV"),
        (-99, "", "99"),
        (0, "bye", "result.json"),
    ],
)
def test_every_failure_has_a_sentence(code: int, log: str, said: str) -> None:
    assert said in explain("sft", code, log)


def test_no_secret_reaches_the_child() -> None:
    kept = child_environment({
        "DATABASE_URL": "postgres://u:secret@h/d", "CELERY_BROKER_URL": "x", "SECRET_KEY": "x", "VOLANT_VAR": "x",
        "DJANGO_SETTINGS_MODULE": "x", "EMAIL_URL": "x", "CACHE_URL": "x", "AWS_SECRET_ACCESS_KEY": "x",
        "PATH": "/bin", "HF_HOME": "/models", "CUDA_VISIBLE_DEVICES": "0", "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1",
        "PIP_INDEX_URL": "x", "https_proxy": "x", "PGPASSWORD": "x", "HOMEWORK": "x", "PIPELINE_TOKEN": "x",
        "PYTHONPATH": "/src",
    })  # fmt: skip
    assert set(kept) == {
        "PATH", "HF_HOME", "CUDA_VISIBLE_DEVICES", "LC_ALL", "OMP_NUM_THREADS", "PIP_INDEX_URL", "https_proxy",
        "PYTHONPATH", "OMP_WAIT_POLICY", "TOKENIZERS_PARALLELISM", "PYTHONUNBUFFERED", "VOLANT_CACHE",
        "TQDM_MININTERVAL",
    }  # fmt: skip
    assert kept["OMP_WAIT_POLICY"] == "PASSIVE"


def test_what_one_run_fetched_serves_the_next() -> None:
    assert child_environment({})["VOLANT_CACHE"] == str(artifact_root() / "cache")
    assert child_environment({"VOLANT_CACHE": "/models"})["VOLANT_CACHE"] == "/models"


def test_a_full_disk_is_named_even_when_the_log_lost_its_last_words() -> None:
    told = "OSError: [Errno 28] No space left on device"
    assert "disk of the runs is full" in explain("sft", 1, told)
    assert "disk of the runs is full" in explain("sft", 1, "RuntimeError: [enforce fail at inline_container.cc:672] .")
    assert "disk of the runs is full" in explain("sft", 1, "step 3/9", free=4096)
    assert "disk of the runs is full" not in explain("sft", 1, "ZeroDivisionError", free=10**12)
    assert explain("sft", 2, "sft: no demonstration is left", free=4096) == "no demonstration is left"
