"""Each hostile program is contained, cold and warm; nothing of it is left; the same workers go on answering."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from crrl.sandbox import Limits, Workers
from tests.sandbox.conftest import Run
from tests.sandbox.hostile import HOSTILE, NEXT, PREAMBLE

LIMITS = Limits(wall_s=1.0, cpu_s=3.0, memory_mb=512, processes=20, file_mb=4, folder_mb=16, folder_files=1000)
TEXT = "of the host"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A listener of the host's, and an abstract socket beside it."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as abstract:
        number = listener.getsockname()[1]
        abstract.bind(f"\0crrl-test-{number}")
        abstract.listen()
        yield number


@pytest.fixture(scope="module", autouse=True)
def secret() -> Iterator[None]:
    os.environ["CRRL_TEST_SECRET"] = "secret"
    yield
    del os.environ["CRRL_TEST_SECRET"]


@pytest.mark.parametrize("name", HOSTILE)
def test_is_contained(name: str, runs: Run, workers: Workers, tmp_path: Path, port: int) -> None:
    canary = tmp_path / "canary"
    canary.write_text(TEXT)
    before = canary.stat()
    token = uuid.uuid4().hex
    command = ["python", "-S", "main.py", str(canary), str(port), str(os.getpid()), token]
    started = time.monotonic()
    outcome = runs(command, {"main.py": PREAMBLE + HOSTILE[name]}, LIMITS)
    assert time.monotonic() - started < 15.0
    assert outcome.kind != "unavailable", outcome
    assert "ESCAPED" not in outcome.stdout
    assert len(outcome.stdout) <= LIMITS.output_chars and len(outcome.report) <= 4 << 20
    assert canary.read_text() == TEXT
    assert (canary.stat().st_mode, canary.stat().st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    assert not [entry for entry in os.listdir("/tmp") if entry.startswith(("escaped", "left"))]
    assert not running(token)
    assert jobs_of(workers) == []
    after = workers.run(command, {"main.py": PREAMBLE + NEXT}, LIMITS)
    assert after.kind == "passed" and "ESCAPED" not in after.stdout and after.stdout.endswith("[]\n"), after
    # Not "unavailable, and then replaced": the very same server answers.
    assert workers.run(["python", "-c", "print(1)"], {}, LIMITS).stdout == "1\n"


def test_the_server_is_never_replaced_by_what_a_program_does(tmp_path: Path, port: int) -> None:
    with Workers(1, level="namespaces") as workers:
        workers.run(["python", "-c", ""], {}, LIMITS)
        (first,) = workers.servers()
        for name in ("killing everything", "fork bomb", "limits and priority of its server", "memory of its parent"):
            workers.run(
                ["python", "main.py", str(tmp_path), str(port), "1"], {"main.py": PREAMBLE + HOSTILE[name]}, LIMITS
            )
        assert first in workers.servers()


def running(token: str) -> list[str]:
    """Processes of this machine whose command line holds the token."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if token.encode() in entry.read_bytes():
                found.append(str(entry))
        except OSError:
            continue
    return found


def jobs_of(workers: Workers) -> list[int]:
    """Processes in the pid namespaces of the workers' servers, without the servers."""
    servers = workers.servers()
    spaces = {os.readlink(f"/proc/{pid}/ns/pid") for pid in servers}
    return [
        int(pid) for pid in os.listdir("/proc") if pid.isdecimal() and int(pid) not in servers and space(pid) in spaces
    ]


def space(pid: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""
