"""A server is published once it gives a completion, started again when it does not, and given up with words that name it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crrl.config import from_yaml, to_yaml
from crrl.report.run_folder import RunFolder, write_aside
from crrl.serve.endpoint import read_endpoint

KEEP = """
import functools, sys
import crrl.serve.__main__ as program
orders = sys.argv.pop(1)
def command(config, model, host, port):
    return [sys.executable, "-m", "tests.serve.fake_vllm", orders, host, str(port), model]
program.Keeper = functools.partial(program.Keeper, command=command)
sys.exit(program.main(sys.argv[1:]))
"""
CONFIG = """
model: {model}
lora: {{rank: {rank}}}
serve: {{sync: {sync}, silent_s: 1.5, start_min: {start_min}, restarts: 2}}
"""
DEADLINE_S = 60.0


@dataclass
class Kept:
    """A keeper as a process, over a server that a folder's files command."""

    folder: RunFolder
    orders: Path
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        path = str(self.folder.path)
        words = [sys.executable, "-c", KEEP, str(self.orders), path, "127.0.0.1", "0"]
        variables = {**os.environ, "CRRL_ATTEMPT": "1", "CRRL_NODE": "n0"}
        log = self.folder.log(1, "server", "n0")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stream:
            self.process = subprocess.Popen(words, env=variables, stdout=stream, stderr=subprocess.STDOUT, text=True)

    def order(self, what: str, words: str = "") -> None:
        (self.orders / what).write_text(words)

    @property
    def boot(self) -> int:
        """Which start of the server is published; 0: none."""
        endpoint = read_endpoint(self.folder.attempt(1).endpoint("n0"))
        return endpoint.boot if endpoint else 0

    def starts(self) -> list[list[str]]:
        """Process and model of every start."""
        pids = self.orders / "pids"
        return [line.split() for line in pids.read_text().splitlines()] if pids.is_file() else []

    def wait_for(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + DEADLINE_S
        while not holds():
            assert time.monotonic() < end, self.log()
            time.sleep(0.02)

    def outcome(self) -> dict[str, Any]:
        """How the keeper ended."""
        assert self.process
        code = self.process.wait(DEADLINE_S)
        said: dict[str, Any] = json.loads(self.folder.attempt(1).outcome("server", "n0", 0).read_text())
        assert code == said["code"]
        return said

    def log(self) -> str:
        return self.folder.log(1, "server", "n0").read_text()


def make(path: Path, *, model: str = "/a/model", rank: int = 8, sync: str = "adapter", start_min: float = 1.0) -> Kept:
    folder = RunFolder(path / "run")
    folder.attempt(1).make()
    write_aside(
        folder.config, to_yaml(from_yaml(CONFIG.format(model=model, rank=rank, sync=sync, start_min=start_min)))
    )
    (path / "orders").mkdir()
    return Kept(folder, path / "orders")


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    found = make(tmp_path)
    yield found
    end(found)


def end(kept: Kept) -> None:
    if kept.process and kept.process.poll() is None:
        kept.process.kill()
        kept.process.wait()
        for pid, _ in kept.starts():
            if Path(f"/proc/{pid}").exists():
                os.kill(int(pid), signal.SIGKILL)


def test_a_server_is_published_only_once_a_completion_has_come_back(kept: Kept) -> None:
    kept.order("late")
    kept.start()
    kept.wait_for(lambda: bool(kept.starts()))
    time.sleep(1.5)
    assert kept.boot == 0
    (kept.orders / "late").unlink()
    kept.wait_for(lambda: kept.boot == 1)
    token = kept.folder.attempt(1).token("n0")
    assert token.stat().st_mode & 0o777 == 0o600
    assert token.read_text() not in kept.log()
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert token.read_text().encode() not in process.read_bytes()
        except OSError:
            continue


def test_a_server_that_cannot_start_is_given_up_with_the_cause(kept: Kept) -> None:
    kept.order("dies", "/a/model is not there")
    kept.start()
    outcome = kept.outcome()
    assert outcome["code"] == 1
    assert outcome["said"] == (
        "the server on n0 did not come up: ended with exit code 1; it said: OSError: /a/model is not there"
    )
    assert len(kept.starts()) == 1


def test_a_server_that_is_not_up_in_time_is_given_up(tmp_path: Path) -> None:
    kept = make(tmp_path, start_min=0.05)
    kept.order("late")
    kept.start()
    outcome = kept.outcome()
    assert outcome["code"] == 1
    assert outcome["said"].startswith("the server on n0 did not come up: not up within 0.05 min (serve.start_min)")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_server_that_is_killed_or_stopped_is_started_again(kept: Kept, number: signal.Signals) -> None:
    kept.start()
    kept.wait_for(lambda: kept.boot == 1)
    os.kill(int(kept.starts()[0][0]), number)
    kept.wait_for(lambda: kept.boot == 2)
    assert len(kept.starts()) == 2
    assert not Path(f"/proc/{kept.starts()[0][0]}").exists()


@pytest.mark.parametrize("fault", ["fails", "hangs"])
def test_a_server_that_gives_no_completions_is_started_again_and_in_the_end_given_up(kept: Kept, fault: str) -> None:
    kept.start()
    for boot in (1, 2, 3):
        kept.wait_for(lambda boot=boot: kept.boot == boot)  # type: ignore[misc]
        kept.order(fault)
        kept.wait_for(lambda boot=boot: kept.boot != boot)  # type: ignore[misc]
        (kept.orders / fault).unlink()
    outcome = kept.outcome()
    assert outcome["code"] == 77
    assert outcome["said"].startswith("the server on n0 gave no completion for ")
    assert outcome["said"].endswith("s; it was started again 2 times")


def test_an_engine_that_hangs_is_not_hidden_by_those_that_work(kept: Kept) -> None:
    kept.start()
    kept.wait_for(lambda: kept.boot == 1)
    kept.order(
        "metrics",
        "# TYPE vllm:generation_tokens_total counter\n"
        'vllm:generation_tokens_total{engine="0",model_name="base"} MORE\n'
        'vllm:generation_tokens_total{engine="1",model_name="base"} 3.0\n'
        'vllm:num_requests_running{engine="0",model_name="base"} 2.0\n'
        'vllm:num_requests_running{engine="1",model_name="base"} 1.0\n',
    )
    kept.wait_for(lambda: kept.boot >= 2)
    assert "the server on n0 has an engine, number 1, that made no token for " in kept.log()


def test_requests_to_stop_are_the_trainers_to_follow(kept: Kept) -> None:
    kept.start()
    kept.wait_for(lambda: kept.boot == 1)
    assert kept.process
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        kept.process.send_signal(number)
        os.kill(int(kept.starts()[0][0]), number)  # a scheduler signals every process of a job
    time.sleep(1.5)
    assert kept.process.poll() is None and kept.boot == 1


def test_whole_weights_are_loaded_by_another_start_which_counts_as_no_failure(tmp_path: Path) -> None:
    kept = make(tmp_path, rank=0, sync="files")
    try:
        kept.start()
        for version in (1, 2, 3, 4):
            write_aside(kept.folder.attempt(1).served_model, f"/weights/v{version}\n")
            kept.wait_for(lambda version=version: kept.boot == version)  # type: ignore[misc]
        assert [model for _, model in kept.starts()] == [f"/weights/v{version}" for version in (1, 2, 3, 4)]
    finally:
        end(kept)
