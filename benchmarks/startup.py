"""How long a command takes to begin: CPU time of ``glassnet --help``, and time to the first step of a training.

python benchmarks/startup.py [--rounds 9]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from glassnet.baselines.machine import describe


def cpu_s(command: list[str]) -> float:
    """User and system time of a command and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def first_step_s(data: str) -> float:
    """Wall time from the start of the command to the first step in the events of its run."""
    run = Path(tempfile.mkdtemp()) / "run"
    command = [sys.executable, "-m", "glassnet", "train", "houses", "--steps", "1", "--run", str(run), "--data", data]
    began = time.time()
    subprocess.run(command, check=True, capture_output=True)
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    stepped = next(event for event in events if event["event"] == "stepped")
    # The events say when the step was done counted from the start of the loop, which the file's own birth marks.
    loop_began = (run / "settings.json").stat().st_mtime
    setup_s = next(event for event in events if event["event"] == "started")["setup_s"]
    return loop_began - began + setup_s + stepped["elapsed_s"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    print(describe(f"n {rounds}"))
    help_s = [cpu_s([sys.executable, "-m", "glassnet", "--help"]) for _ in range(rounds)]
    print(f"glassnet --help: {statistics.median(help_s):.2f} s of CPU time (largest {max(help_s):.2f})")
    choices = ["generated", *(["quickdraw"] if os.environ.get("GLASSNET_DATA") else [])]
    for data in choices:
        seconds = [first_step_s(data) for _ in range(rounds)]
        print(f"first step, --data {data}: {statistics.median(seconds):.2f} s (largest {max(seconds):.2f})")


if __name__ == "__main__":
    main()
