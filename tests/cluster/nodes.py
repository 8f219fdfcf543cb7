"""A run on several pretended nodes: real supervisors, one a node, over workers that live and end as a test says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crrl.report.attempt_folder import AttemptFolder, read_json
from crrl.report.run_folder import RunFolder

CONFIG = """
size: tiny
grpo: {{use_vllm: false}}
cluster: {{cluster: slurm, image: none, nodes: {{trainer: {nodes}}}}}
watchdog: {{start_up_s: {start_up_s}, step_s: {step_s}, heartbeat_s: {heartbeat_s}}}
"""
SUPERVISE = """
import json, sys
from crrl.cluster.node import run
from crrl.cluster.place import Place
folder, command, place = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
print(run(folder, command, Place(**place)))
"""
WORKER = """
import os, signal, sys, time
from crrl.train.attendance import attendance_of_environment
from crrl.train.interrupt import StopRequest
from crrl.train.ranks import Ranks
me = attendance_of_environment([sys.argv[1]], Ranks(int(sys.argv[2]), 2))
stop = StopRequest(me.stop_file, is_patient=True)
stop.listen()
me.begin()
heart = me.heartbeat
def end(code, said="done"):
    me.end(code, said)
    raise SystemExit(code)
def work_until_stopped(steps=100000):
    for step in range(1, steps):
        if stop:
            end(75, f"{stop.signal_name} at step {step}")
        heart.done_step(step)
        time.sleep(0.1)
"""
DEADLINE_S = 240.0


@dataclass
class Nodes:
    """The nodes of one run."""

    folder: RunFolder
    count: int
    key: str = "7-0"
    job: str = ""
    supervisors: dict[int, subprocess.Popen[str]] = field(default_factory=dict)

    @property
    def attempt(self) -> AttemptFolder:
        return self.folder.attempt(int(self.folder.read_status()["attempt"]))

    def start(self, node: int, script: str) -> None:
        """Start the supervisor of a node over a worker with this script."""
        command = [sys.executable, "-c", WORKER + script, str(self.folder.path), str(node)]
        restart = int(self.key.rpartition("-")[2])
        place = {
            "node": node, "nodes": self.count, "name": f"n{node}", "job": self.job, "restart": restart, "key": self.key
        }  # fmt: skip
        words = [sys.executable, "-c", SUPERVISE, str(self.folder.path), json.dumps(command), json.dumps(place)]
        self.supervisors[node] = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

    def end(self, node: int) -> tuple[str, int]:
        """What the supervisor of a node printed, and its exit code."""
        output, _ = self.supervisors[node].communicate(timeout=DEADLINE_S)
        return output.strip(), self.supervisors[node].returncode

    def beat(self, node: int) -> dict[str, Any]:
        path = self.attempt.heartbeat("trainer", f"n{node}", node)
        return read_json(path) or {}  # a file that was made just now may still be empty

    def log(self, node: int) -> str:
        return self.folder.log(self.attempt.number, "trainer", f"n{node}").read_text()

    def wait_for_step(self, node: int) -> None:
        wait_for(lambda: self.folder.status.is_file() and self.beat(node).get("step", 0) > 0)


def make_nodes(path: Path, count: int, **limits: float) -> Nodes:
    folder = RunFolder(path)
    path.mkdir()
    given = {"start_up_s": 200, "step_s": 200, "heartbeat_s": 200, **limits}
    folder.config.write_text(CONFIG.format(nodes=count, **given))
    folder.write_status("queued", attempt=1, pid=0, host=os.uname().nodename, verdict="")
    return Nodes(folder, count)


def wait_for(holds: Callable[[], bool], timeout_s: float = DEADLINE_S) -> None:
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    """Whether a process has ended, even if nobody has waited for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
