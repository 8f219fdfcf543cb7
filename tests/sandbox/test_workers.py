"""Workers: replaced when they break, closed at the end, usable after a fork, from many threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from crrl.sandbox import Limits, Workers, shared_workers

ROOT = Path(__file__).resolve().parents[2]
LIMITS = Limits(wall_s=5.0)
HELLO = ["python", "-c", "print(1)"]


def test_a_server_that_was_killed_or_stopped_is_replaced_and_the_job_is_done(workers: Workers) -> None:
    workers.run(HELLO, {}, LIMITS)
    for pid in workers.servers():
        os.kill(pid, 9)
    assert workers.run(HELLO, {}, LIMITS).stdout == "1\n"


def test_a_server_that_dies_in_the_middle_of_a_job_is_replaced_and_the_job_is_done() -> None:
    with Workers(1) as workers:
        workers.run(HELLO, {}, LIMITS)
        (first,) = workers.servers()
        threading.Timer(0.3, os.kill, (first, 9)).start()
        outcome = workers.run(["python", "-c", "import time; time.sleep(1); print(2)"], {}, LIMITS)
        assert outcome.stdout == "2\n"
        assert workers.servers() != [first]


def test_nothing_is_left_when_workers_close_or_our_process_dies() -> None:
    with Workers(2) as workers:
        workers.run(HELLO, {}, LIMITS)
        pids = workers.servers()
    assert pids and not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert workers.run(HELLO, {}, LIMITS).kind == "unavailable"
    code = (
        "import os, threading, time\nfrom crrl.sandbox import *\nw = Workers(1)\n"
        "run = lambda c: w.run(['python', '-c', c], {}, Limits(wall_s=60))\nrun('')\nprint(*w.servers(), flush=True)\n"
        "threading.Thread(target=run, args=('import time; time.sleep(60)',)).start()\ntime.sleep(0.5); os.kill(os.getpid(), 9)"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    (pid,) = found.stdout.split()
    assert ends(pid)


def ends(pid: str) -> bool:
    """Whether a process that was told to end does so within a minute: a busy machine may take its time."""
    end = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.05)
    return not Path(f"/proc/{pid}").exists()


def test_shared_workers_end_with_the_process_and_start_anew_after_a_fork() -> None:
    code = (
        "import os\nfrom crrl.sandbox import Limits, shared_workers\nw = shared_workers()\n"
        "hello = lambda: shared_workers().run(['python', '-c', 'print(1)'], {}, Limits()).stdout\nprint(hello(), end='')\n"
        "print(*w.servers(), flush=True)\npid = os.fork()\n"
        "print(hello(), w.run(['python', '-c', 'print(3)'], {}, Limits()).stdout, flush=True)\n"
        "if pid: os.waitpid(pid, 0); print(len(w.servers()))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.count(" 3\n") == 2 and found.stdout.endswith("\n1\n"), found.stdout
    assert ends(found.stdout.split()[1])


def test_there_is_one_set_of_shared_workers() -> None:
    assert shared_workers(None) is shared_workers("namespaces")


def test_output_that_never_ends_costs_our_process_little(workers: Workers) -> None:
    code = "import os\nwhile True: os.write(1, b'x' * 10**6); os.write(3, b'x' * 10**6)"
    outcome = workers.run(["python", "-c", code], {}, Limits(wall_s=3.0, file_mb=32, output_chars=1000))
    assert (len(outcome.stdout), len(outcome.report)) == (1000, 4 << 20)


def test_code_that_was_seen_before_runs_again_and_alike(workers: Workers) -> None:
    command = ["python", "-c", "import sys; print(sys.argv[1]); x = globals().get('x', 0) + 1; print(x)"]
    for number in range(3):
        assert workers.run([*command, str(number)], {}, LIMITS).stdout == f"{number}\n1\n"
