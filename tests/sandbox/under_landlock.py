"""Run by test_landlock.py as an ordinary user who can make no namespaces."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from crrl.errors import SandboxError
from crrl.sandbox import Limits, Outcome, Workers, require, run
from crrl.sandbox.inside import landlock
from crrl.sandbox.levels import choose_level
from tests.sandbox.corpus import CASES, Case
from tests.sandbox.hostile import HOSTILE, NEXT, PREAMBLE
from tests.sandbox.test_hostile import TEXT, running

LIMITS = Limits(wall_s=1.0, cpu_s=3.0, memory_mb=512, processes=20, file_mb=4, folder_mb=16, folder_files=1000)


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(1, level="landlock") as made:
        yield made


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as abstract:
        number = listener.getsockname()[1]
        abstract.bind(f"\0crrl-test-{number}")
        abstract.listen()
        yield number


def python(workers: Workers, code: str, *arguments: str, limits: Limits = LIMITS) -> Outcome:
    return workers.run(["python", "-S", "main.py", *arguments], {"main.py": code}, limits)


def test_it_is_the_best_level_here() -> None:
    assert choose_level(None) == "landlock"
    with pytest.raises(SandboxError, match="namespaces"):
        require("namespaces")
    assert run(["python", "-c", ""], {}, LIMITS, level="namespaces").kind == "unavailable"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_program_of_the_corpus_ends_as_it_must_warm(case: Case, workers: Workers) -> None:
    assert not case.differs(workers.run(case.command, case.tree(), case.limits, stdin=case.stdin))


@pytest.mark.parametrize("case", CASES[:12], ids=lambda case: case.name)
def test_programs_of_the_corpus_end_as_they_must_cold(case: Case) -> None:
    assert not case.differs(run(case.command, case.tree(), case.limits, stdin=case.stdin, level="landlock"))


# What no rule of Landlock says; each is shown below.
OPEN = {"disk flood", "100,000 files", "leaving something for the next"}


@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in OPEN])
def test_is_contained(name: str, workers: Workers, tmp_path: Path, port: int) -> None:
    canary = tmp_path / "canary"
    canary.write_text(TEXT)
    before = canary.stat()
    token = uuid.uuid4().hex
    arguments = (str(canary), str(port), str(os.getpid()), token)
    servers = workers.servers()
    outcome = python(workers, PREAMBLE + HOSTILE[name], *arguments)
    escaped = {line for line in outcome.stdout.splitlines() if line.startswith("ESCAPED")}
    # Modes and owners are said to be changed, and are not.
    assert escaped <= {"ESCAPED change", "ESCAPED chown"}, outcome
    assert outcome.kind != "unavailable", outcome
    assert canary.read_text() == TEXT
    assert (canary.stat().st_mode, canary.stat().st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    assert not running(token)
    assert not children_of(workers.servers())
    after = python(workers, PREAMBLE + NEXT, *arguments)
    assert after.kind == "passed" and "ESCAPED" not in after.stdout, after
    assert set(servers) <= set(workers.servers())


def children_of(servers: list[int]) -> list[str]:
    return [text for pid in servers if (text := Path(f"/proc/{pid}/task/{pid}/children").read_text().strip())]


def test_the_total_size_and_the_number_of_files_are_not_limited(workers: Workers) -> None:
    code = "for n in range(1200): open(f's{n}', 'w').close()\nfor n in range(5): open(f'f{n}', 'wb').write(b'x' * (4 << 20))"
    assert python(workers, code, limits=Limits(file_mb=4, folder_mb=16, folder_files=1000)).kind == "passed"


def test_what_it_wrote_beside_its_folder_is_removed(workers: Workers) -> None:
    outcome = python(
        workers, "import os; open('../left', 'w').close(); os.chmod('..', 0); print(os.path.abspath('..'))"
    )
    base = Path(outcome.stdout.strip())
    assert outcome.kind == "passed" and base.is_dir()
    assert list(base.iterdir()) == []


def test_names_sizes_and_dates_outside_can_be_seen(workers: Workers, tmp_path: Path) -> None:
    (tmp_path / "canary").write_text(TEXT)
    code = f"import os; print(os.stat({str(tmp_path / 'canary')!r}).st_size, os.path.exists('/proc/{os.getpid()}'))"
    assert python(workers, code).stdout == f"{len(TEXT)} True\n"


def test_processes_are_counted_with_all_of_the_user(workers: Workers) -> None:
    code = "import os, time\nfor n in range(500):\n    print(n, flush=True)\n    os.fork() or time.sleep(9)"
    count = int(python(workers, code, limits=Limits(processes=10)).stdout.split()[-1])
    assert 10 <= count < 500


def test_modes_are_said_to_be_changed_and_are_not(workers: Workers) -> None:
    code = "import os; m = os.stat('main.py').st_mode; os.chmod('main.py', 0); print(os.stat('main.py').st_mode == m)"
    assert python(workers, code).stdout == "True\n"


def test_shared_memory_is_refused(workers: Workers) -> None:
    assert "Error" in python(workers, "import multiprocessing; multiprocessing.Lock()").stderr


def test_a_file_that_may_be_read_cannot_be_emptied_by_opening_it(workers: Workers) -> None:
    code = "import os\ntry: os.open(os.__file__, os.O_RDONLY | os.O_TRUNC)\nexcept OSError as e: print(e.errno)"
    assert python(workers, code).stdout in ("1\n", "13\n")


def test_below_abi_6_signals_reach_nobody_else() -> None:
    code = (
        "import os, signal, sys, time\nfrom crrl.sandbox.inside import kernel, seccomp\n"
        "kernel.forbid_new_privileges(); child = os.fork()\nif not child: time.sleep(9)\n"
        "kernel.load_filter(seccomp.render_filter(seccomp.own_signals_only(os.getpid())))()\n"
        "for pid in (child, os.getppid(), -1):\n    try: os.kill(pid, 0); print('reached')\n    except PermissionError: pass\n"
        "os.kill(os.getpid(), 0); os.kill(0, 9)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, start_new_session=True)
    assert (found.returncode, found.stdout) == (-9, "")


@pytest.mark.parametrize("version", range(1, min(landlock.abi(), 6) + 1))
def test_rules_for_older_kernels_contain_too(version: int, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom crrl.sandbox.inside import kernel, landlock, seccomp\n"
        f"landlock.abi = lambda: {version}\n"
        "rules = landlock.build_ruleset(['/usr', '/lib', *sys.path], [sys.argv[1]], ['/dev/null'])\n"
        "kernel.forbid_new_privileges(); landlock.restrict_self(rules)\n"
        "open(sys.argv[1] + '/own', 'w').write('x'); open('/dev/null', 'w').write('x')\n"
        "for path, mode in (('/etc/passwd', 'r'), (sys.argv[1] + '-not', 'w')):\n"
        "    try: open(path, mode); print('reached', path)\n    except PermissionError: pass\n"
    )
    found = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert found.stdout == ""


def test_a_supervisor_that_is_killed_is_replaced(workers: Workers) -> None:
    python(workers, "")
    os.kill(workers.servers()[0], 9)
    assert python(workers, "print(1)").stdout == "1\n"


def test_cold_runs_leave_no_folder() -> None:
    before = sorted(entry for entry in os.listdir("/tmp") if entry.startswith("crrl-"))
    run(["python", "-c", "open('x', 'w')"], {"a/b": "c"}, LIMITS, level="landlock")
    run(["python", "-c", "open('x', 'w')"], {"a/b": "c"}, LIMITS, level="limits")
    assert sorted(entry for entry in os.listdir("/tmp") if entry.startswith("crrl-")) == before


def test_the_level_of_limits_kills_what_is_left_too() -> None:
    token = uuid.uuid4().hex
    code = "import os, time\nfor _ in range(2):\n    if os.fork(): os._exit(0)\n    os.setsid()\ntime.sleep(60)"
    assert run(["python", "-c", code, token], {}, LIMITS, level="limits").kind == "passed"
    time.sleep(0.1)
    assert not running(token)
