"""The sandbox: how programs end, what they may not do, what is left behind."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crrl.sandbox import Limits, Outcome, run
from crrl.sandbox.run import _wait_polling

QUICK = Limits(wall_s=10.0, cpu_s=10.0)


def python(code: str, limits: Limits = QUICK, **files: str) -> Outcome:
    return run(["python", "-S", "main.py"], {"main.py": code, **files}, limits)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("print(1)", "passed"),
        ("raise SystemExit(3)", "failed"),
        ("1 / 0", "failed"),
        ("def (:", "failed"),
        ("import os; os.kill(os.getpid(), 11)", "crashed"),
        ("x = [0] * 10**10", "memory"),
    ],
)
def test_how_a_program_ends_is_named(code: str, kind: str) -> None:
    assert python(code).kind == kind


def test_output_and_exit_code_come_back() -> None:
    outcome = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)")
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (7, "out\n", "err\n")


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time; time.sleep(60)",
        "import signal, time\nfor s in (2, 15, 24): signal.signal(s, signal.SIG_IGN)\nwhile True: time.sleep(1)",
        "import os, time\nif os.fork(): time.sleep(60)\nelse: time.sleep(60)",
    ],
)
def test_nothing_outlives_the_time_limit(code: str) -> None:
    started = time.monotonic()
    outcome = python(code, Limits(wall_s=0.5, cpu_s=5.0))
    assert outcome.kind == "timeout"
    assert time.monotonic() - started < 5.0


def test_processor_time_is_a_time_limit_of_its_own() -> None:
    assert python("while True: pass", Limits(wall_s=20.0, cpu_s=1.0)).kind == "timeout"


def test_a_loop_of_forks_does_not_outlive_the_time_limit() -> None:
    code = "import os, time\nfor _ in range(5): os.fork()\nprint(os.getpgid(0), flush=True)\ntime.sleep(60)"
    group = int(python(code, Limits(wall_s=1.0, cpu_s=5.0)).stdout.split()[0])
    assert not alive(group)


def alive(group: int) -> bool:
    """Whether a process of the group still runs; what the kernel kills takes a moment to go."""
    for _ in range(100):
        stats = [stat for stat in map(read_stat, Path("/proc").glob("[0-9]*/stat")) if stat]
        if not any(int(stat[2]) == group and stat[0] != "Z" for stat in stats):
            return False
        time.sleep(0.02)
    return True


def read_stat(place: Path) -> list[str]:
    """State, parent, group, …; empty if the process is gone."""
    try:
        return place.read_text().rpartition(") ")[2].split()
    except OSError:
        return []


def test_waiting_without_a_descriptor_of_the_process_works_too() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "pass"]) as process:
        assert _wait_polling(process.pid, 20.0)
        assert process.wait() == 0
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"]) as process:
        assert not _wait_polling(process.pid, 0.1)
        process.kill()


def test_limits_that_are_lower_already_are_kept() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (5, 5)); from crrl.sandbox import Limits, run\n"
        "print(run(['sh', '-c', 'ulimit -n; ulimit -t'], {}, Limits()).stdout)"
    )
    root = Path(__file__).resolve().parents[2]
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["64", "5"]


def test_children_that_are_left_running_are_killed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"import os, time\nif not os.fork():\n    time.sleep(1.5)\n    open({str(mark)!r}, 'w').close()\n"
    assert python(code).kind == "passed"
    time.sleep(2.0)
    assert not mark.exists()


def test_a_flood_of_output_is_cut_off_and_the_end_of_it_kept() -> None:
    outcome = python("print('x' * 10**6); print('end')", Limits(output_chars=100))
    assert len(outcome.stdout) == 100
    assert outcome.stdout.endswith("x\nend\n")
    assert python("while True: print('x' * 10**6)", Limits(file_mb=1)).kind in ("failed", "crashed")


def test_output_that_is_no_text_comes_back_as_text() -> None:
    assert "\ufffd" in python("import sys; sys.stdout.buffer.write(b'\\xff\\xfe')").stdout


def test_the_environment_is_empty_and_standard_input_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    outcome = python("import os, sys; print(sorted(os.environ)); print(repr(sys.stdin.read()))")
    assert "secret" not in outcome.stdout
    assert "WANDB" not in outcome.stdout
    assert outcome.stdout.endswith("''\n")


def test_a_program_starts_in_a_folder_of_its_own_that_is_removed() -> None:
    outcome = python("import os; print(os.getcwd()); print(sorted(os.listdir()))", **{"a/b.txt": "x"})
    folder, names = outcome.stdout.splitlines()
    assert names == "['a', 'main.py']"
    assert Path(folder).parent == Path(tempfile.gettempdir()).resolve()
    assert not Path(folder).exists()


def test_temporary_files_and_bytecode_do_not_pile_up() -> None:
    code = "import a, os, tempfile; print(tempfile.mkstemp()[1]); print(os.path.exists('__pycache__'))"
    name, has_bytecode = python(code, **{"a.py": ""}).stdout.splitlines()
    assert not Path(name).exists()
    assert has_bytecode == "False"


def test_the_order_of_a_set_is_the_same_every_time() -> None:
    code = "print({str(number) for number in range(20)})"
    assert python(code).stdout == python(code).stdout


def test_a_folder_that_was_made_unreadable_is_removed_too() -> None:
    outcome = python("import os; os.makedirs('a/b'); os.chmod('a', 0); print(os.getcwd())")
    assert not Path(outcome.stdout.strip()).exists()


@pytest.mark.parametrize("path", ["../out", "/tmp/out", "a/../../out", "", "a\0b", "x" * 300, "main.py/x"])
def test_a_file_that_cannot_lie_in_the_folder_is_the_programs_fault(path: str) -> None:
    outcome = run(["python", "-c", "pass"], {"main.py": "", path: "x"}, QUICK)
    assert outcome.kind == "crashed"
    assert not Path("/tmp/out").exists()


def test_text_that_is_no_unicode_is_the_programs_fault() -> None:
    assert python("x = '\ud800'").kind == "failed"


def test_a_command_that_is_not_there_is_our_fault() -> None:
    assert run(["no-such-program"], {}, QUICK).kind == "unavailable"
    assert run([], {}, QUICK).kind == "unavailable"
    assert run(["./run.sh"], {"run.sh": "true\n"}, QUICK).kind == "unavailable"
    assert run(["sh", "run.sh"], {"run.sh": "true\n"}, QUICK).kind == "passed"


def test_programs_run_side_by_side() -> None:
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda number: python(f"print({number})"), range(16)))
    assert [outcome.stdout for outcome in outcomes] == [f"{number}\n" for number in range(16)]


def test_no_file_descriptor_is_left_open() -> None:
    python("pass")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        python("pass")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
