"""The command line of the demo."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from bench.demo.client import Client, DemoError
from bench.demo.everyday import SMOLLM2
from bench.demo.loop import Loop
from bench.demo.platform import Platform
from bench.demo.progress import Progress
from bench.demo.report import Report, improved
from bench.demo.scenario import Scenario
from bench.demo.stories import TINY

SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for scenario in (TINY, SMOLLM2)}


def main() -> int:
    """Run the demo. Exit codes: 0 improved, 1 not improved or a stage failed, 130 stopped by hand."""
    parser = argparse.ArgumentParser(prog="python -m bench.demo", description="The loop without hands.")
    parser.add_argument("--model", choices=sorted(SCENARIOS), default="tiny")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--var", type=Path, default=Path("var/demo"), help="where everything is kept")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _stop)
    progress = Progress()
    try:
        report = play(SCENARIOS[arguments.model], arguments.seed, arguments.var.resolve(), progress)
    except DemoError as error:
        progress.say("the demo stopped")
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        progress.say("stopped by hand; everything was shut down")
        return 130
    print(f"\n{report.table()}")
    if not improved(report.improvement):
        print("\nNot an improvement: the interval of PPO − base does not lie above zero.")
    print(report.save(arguments.var / "report.json"), flush=True)
    return 0 if improved(report.improvement) else 1


def play(scenario: Scenario, seed: int, var: Path, progress: Progress) -> Report:
    """Start the platform, go round the loop once, stop the platform."""
    with progress.stage("start", "platform on a fresh database"):
        platform = Platform(var / "platform")
        platform.start()
    with platform, Client(platform.address) as client:
        researcher = platform.account("researcher")
        client.sign_in(researcher.username, researcher.password)
        progress.say(f"watch it at {platform.address} as {researcher.username}, password {researcher.password}")
        report = Loop(client, platform, scenario, seed, progress).turn()
    progress.seconds["total"] = progress.total
    return report


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
