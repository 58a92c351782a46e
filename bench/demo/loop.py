"""The researcher's part of the demo: one turn of the loop, step by step, through the API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.demo import labelers
from bench.demo.client import Client, DemoError
from bench.demo.platform import Account, Platform
from bench.demo.progress import Progress
from bench.demo.report import Report
from bench.demo.scenario import Scenario
from bench.demo.statistics import bootstrap_mean, mean_by_prompt, paired_difference

SAMPLES_EACH = 2
"""Outputs of each of the two policies for a prompt: K = 4."""


@dataclass
class Loop:
    """What the demo has made so far. The methods are the steps, in the order of `turn`."""

    client: Client
    platform: Platform
    scenario: Scenario
    seed: int
    progress: Progress
    project: str = ""
    people: list[Account] = field(default_factory=list)
    checkpoints: dict[str, int] = field(default_factory=dict)
    """base, sft, reward, ppo → checkpoint id."""
    open_tasks: int = 0
    """Tasks that nobody has answered yet."""
    counts: dict[str, int] = field(default_factory=dict)
    """Records by kind and round."""

    def turn(self) -> Report:
        """Go round once: collect, train, answer again, collect again, measure."""
        size = self.scenario.sizes
        self.set_up()
        with self.progress.stage("base", "base model") as said:
            self.checkpoints["base"] = self.find_base()
            said.append(self.scenario.base)
        self.collect("write", 1)
        demonstrations = self.freeze("sft")
        self.train("sft", demonstrations, {"model": "base"})
        self.answer("sample_1", "base", "sft", {"split": "train", "limit": size.compared}, round_number=1)
        self.answer("sample_1", "base", "sft", {"split": "valid", "limit": size.compared_valid}, round_number=1)
        self.collect("compare", 1)
        judged = self.train("reward", self.freeze("rm"), {"model": "sft"})
        practised = self.freeze("ppo", {"split": "train", "fresh_only": True, "sources": ["labeler"]})
        learned = self.train("ppo", practised, {"model": "sft", "reward_model": "reward", "reference": "sft"})
        again = self.second_round()
        scores = self.held_out()
        averages = {name: mean_by_prompt(pairs) for name, pairs in scores.items()}
        return Report(
            model=self.scenario.name,
            seed=self.seed,
            top=self.scenario.top,
            policies={name: bootstrap_mean(list(values.values()), seed=self.seed) for name, values in averages.items()},
            improvement=paired_difference(averages["ppo"], averages["base"], seed=self.seed),
            improvement_on_sft=paired_difference(averages["ppo"], averages["sft"], seed=self.seed),
            reward_accuracy=figure(judged, "accuracy"),
            reward_accuracy_round_2=figure(again, "accuracy"),
            kl=figure(learned, "kl"),
            seconds=self.progress.seconds,
            counts=self.counts,
            held_out=len(averages["base"]),
        )

    def set_up(self) -> None:
        """Create the project, its simulated people and its prompts, and open round 1."""
        with self.progress.stage("set_up", "project, people, prompts") as said:
            self.project = f"demo-{self.scenario.name}"
            self.client.post("projects/", {
                "name": self.scenario.title, "slug": self.project, "guidelines": self.scenario.guidelines,
                "outputs_per_comparison": 2 * SAMPLES_EACH, "valid_share": self.scenario.sizes.valid_share,
                "overlap_share": 0,  # one judgement a task: the figures count tasks
            })  # fmt: skip
            admin = self.platform.account("admin")
            with Client(self.platform.address) as office:
                office.sign_in(admin.username, admin.password)
                self.people = [self.hire(office, name) for name in self.scenario.labelers]
            self.client.post(f"projects/{self.project}/rounds/")
            accepted = self.bring(self.scenario.sizes.written, batch=1)
            self.open_write_tasks()
            accepted += self.bring(self.scenario.sizes.prompts, batch=2)
            said += [f"{len(self.people)} simulated labelers", f"{accepted} prompts"]

    def hire(self, office: Client, name: str) -> Account:
        """As an administrator, make a simulated labeler's account, a member of the project."""
        account = Account(f"sim-{name.lower()}", f"simulated {name} labels stories {self.seed}")
        made = office.post("people/", {
            "username": account.username, "password": account.password, "display_name": f"{name} (simulated)",
            "role": "labeler", "is_simulated": True, "projects": [self.project],
        })  # fmt: skip
        if made.get("is_simulated") is not True:
            raise DemoError(f"the account {account.username} is not marked simulated")
        return account

    def bring(self, count: int, *, batch: int) -> int:
        """Import prompts. A refused or repeated line is an error here: the demo writes them itself."""
        lines = self.scenario.prompts(count, batch, self.seed)
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        report = self.client.post(f"projects/{self.project}/imports/", {"text": text, "format": "volant"})
        if report["accepted"] != len(lines):
            raise DemoError(f"of {len(lines)} prompts {report['accepted']} came in: {report['refused'][:3]}")
        return int(report["accepted"])

    def find_base(self) -> int:
        """Return the base checkpoint's id, made by a convert run when the platform does not ship it."""
        if self.scenario.convert:
            run = self.run("convert", {"source": self.scenario.convert})
            return checkpoint_of(run)
        known = {row["name"]: row["id"] for row in self.client.listed("checkpoints/", project=self.project)}
        if self.scenario.base not in known:
            raise DemoError(f"the platform offers no base model “{self.scenario.base}”, only {sorted(known)}")
        return int(known[self.scenario.base])

    def open_write_tasks(self) -> None:
        """Put up the write tasks of round 1: all training prompts that there are so far."""
        wanted = {"limit": self.scenario.sizes.written, "split": "train"}
        opened = self.client.post(f"projects/{self.project}/tasks/write/", wanted)
        self.open_tasks += opened["tasks"]

    def collect(self, kind: str, round_number: int) -> None:
        """Let the people work until nothing is left, and check that every open task was answered once."""
        name, what = ("write", "demonstrations") if kind == "write" else ("rank", "rankings")
        with self.progress.stage(f"{name}_{round_number}", f"{what}, round {round_number}") as said:
            done = labelers.work_until_done(
                self.platform.address,
                self.people,
                project=self.project,
                kind=kind,
                scenario=self.scenario,
                seed=self.seed,
            )
            answered = sum(done.values())
            if answered != self.open_tasks:
                raise DemoError(f"{self.open_tasks} {kind} tasks were open, {answered} were answered: {done}")
            self.counts[f"{what}_round_{round_number}"] = answered
            self.open_tasks = 0
            said.append(f"{answered} by {len(done)} labelers")

    def freeze(self, kind: str, query: Mapping[str, Any] | None = None) -> int:
        """Freeze a dataset, check that its labels are marked simulated, and return its id."""
        dataset = self.client.post(f"projects/{self.project}/datasets/", {"kind": kind, "query": dict(query or {})})
        if kind in ("sft", "rm"):
            self.check_simulated(dataset["id"])
        return int(dataset["id"])

    def check_simulated(self, dataset: int) -> None:
        """Read the frozen records back: every one must say that a program made it."""
        files = self.client.get(f"datasets/{dataset}/")["manifest"]["files"]
        for name in files:
            records = [json.loads(line) for line in self.client.text(f"datasets/{dataset}/files/{name}").splitlines()]
            unmarked = [record["id"] for record in records if record.get("simulated") is not True]
            if unmarked:
                raise DemoError(f"{len(unmarked)} records of {name} are not marked simulated, first {unmarked[0]}")

    def run(
        self, stage: str, settings: Mapping[str, Any], *, dataset: int | None = None,
        inputs: Mapping[str, Sequence[str]] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Ask for a run and wait for its end."""
        body: dict[str, Any] = {
            "stage": stage,
            "config": self.scenario.settings(stage, self.seed, **settings),
            "inputs": {name: [self.checkpoints[c] for c in chosen] for name, chosen in (inputs or {}).items()},
        }
        if dataset is not None:
            body["dataset"] = dataset
        run = self.client.post(f"projects/{self.project}/runs/", body)
        return self.client.wait_for(run["id"])

    def train(self, stage: str, dataset: int, inputs: Mapping[str, str]) -> dict[str, Any]:
        """Run a stage that learns, and remember its checkpoint under the stage's name."""
        with self.progress.stage(stage, f"{stage.upper() if stage != 'reward' else 'reward model'} run") as said:
            run = self.run(stage, {}, dataset=dataset, inputs={name: [chosen] for name, chosen in inputs.items()})
            self.checkpoints[stage] = checkpoint_of(run)
            said.append(f"{run['progress_step']} steps")
        return run

    def answer(self, stage: str, old: str, new: str, query: Mapping[str, Any], *, round_number: int) -> None:
        """Let two policies answer fresh prompts, and put their outputs up for ranking in a round."""
        with self.progress.stage(stage, f"outputs of {old} and {new}, {query['split']} prompts") as said:
            dataset = self.freeze("ppo", {"fresh_only": True, **query})
            settings = {"split": query["split"], "samples_per_prompt": SAMPLES_EACH}
            run = self.run("generate", settings, dataset=dataset, inputs={"policies": [old, new]})
            published = self.client.post(f"runs/{run['id']}/publish/", {"round": round_number})
            self.open_tasks += published["tasks"]
            said.append(f"{published['tasks']} compare tasks in round {published['round']}")

    def second_round(self) -> dict[str, Any]:
        """New prompts come in; SFT and PPO answer them; people rank; the reward model is measured on that."""
        size = self.scenario.sizes
        self.client.post(f"projects/{self.project}/rounds/1/close/")
        self.bring(size.later_prompts, batch=3)
        self.client.post(f"projects/{self.project}/rounds/")
        query = {"split": "train", "limit": size.compared_again, "sources": ["customer"]}
        self.answer("sample_2", "sft", "ppo", query, round_number=2)
        self.collect("compare", 2)
        with self.progress.stage("score", "reward model on round 2") as said:
            run = self.run("score", {"split": "train"}, dataset=self.freeze("rm", {"rounds": [2]}),
                           inputs={"model": ["reward"]})  # fmt: skip
            said.append(f"{figure(run, 'accuracy'):.1%} of pairs")
        return run

    def held_out(self) -> dict[str, list[tuple[str, float]]]:
        """Let base, SFT and PPO answer the same validation prompts; return (prompt, oracle score) pairs by policy."""
        names = ["base", "sft", "ppo"]
        with self.progress.stage("held_out", "base, SFT and PPO on held-out prompts") as said:
            fresh = {"split": "valid", "fresh_only": True, "sources": ["labeler"]}
            dataset = self.freeze("ppo", {**fresh, "limit": self.scenario.sizes.held_out})
            settings = {"split": "valid", "samples_per_prompt": 1}
            run = self.run("generate", settings, dataset=dataset, inputs={"policies": names})
            asked = {p["id"]: p["messages"] for p in self.client.listed(f"projects/{self.project}/prompts/")}
            name_of = {self.checkpoints[name]: name for name in names}
            scores: dict[str, list[tuple[str, float]]] = {name: [] for name in names}
            for sample in self.client.listed(f"runs/{run['id']}/samples/"):
                messages = asked[sample["prompt"]]
                points = self.scenario.oracle(messages, sample["text"], sample["finish_reason"] == "stop")
                scores[name_of[sample["checkpoint"]]].append((messages[-1]["content"], points))
            said.append(f"{len(scores['base'])} prompts")
        return scores


def figure(run: Mapping[str, Any], name: str) -> float:
    """Return a final metric of a run, or say that it has none."""
    value = run["result"]["metrics"].get(name)
    if value is None:
        raise DemoError(f"run {run['id']} ({run['stage']}) reports no {name}")
    return float(value)


def checkpoint_of(run: Mapping[str, Any]) -> int:
    if not run.get("checkpoint"):
        raise DemoError(f"run {run['id']} ({run['stage']}) left no checkpoint")
    return int(run["checkpoint"])
