"""Whoever works in parallel gives what one alone would have given."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from crrl.data.in_order import in_processes, in_threads
from crrl.errors import CrrlError, DataError
from tests.data.test_stack_source import BODY, DOCSTRING, build

ROOT = Path(__file__).resolve().parents[2]


def squared(number: int, wait_s: float = 0.0) -> tuple[int, int]:
    time.sleep(wait_s)
    print("what a job prints is no result")
    return number * number, os.getpid()


def refusing(number: int) -> int:
    raise DataError(f"row {number}")


def dying() -> None:
    os._exit(7)


@pytest.mark.parametrize("ways", [in_processes, in_threads])
def test_results_come_in_the_order_of_the_jobs(ways: Callable[..., Iterator[Any]]) -> None:
    jobs = [partial(squared, number, 0.05 if number % 7 == 0 else 0.0) for number in range(40)]
    assert [square for square, _ in ways(jobs, 2)] == [number * number for number in range(40)]


def test_processes_are_others_and_one_worker_is_this_one() -> None:
    own = {pid for _, pid in in_processes([partial(squared, 1)], 1)}
    others = {pid for _, pid in in_processes([partial(squared, number) for number in range(30)], 2)}
    assert own == {os.getpid()}
    assert os.getpid() not in others
    for pid in others:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_no_more_jobs_are_asked_for_than_workers_need() -> None:
    asked: list[int] = []

    def jobs() -> Iterator[partial[Any]]:
        for number in range(1000):
            asked.append(number)
            yield partial(squared, number)

    results = in_processes(jobs(), 2)
    assert next(results)[0] == 0
    assert len(asked) <= 2 * 8 + 1
    results.close()  # type: ignore[attr-defined]


def test_what_a_job_raises_is_raised_here() -> None:
    with pytest.raises(DataError, match="row 3"):
        list(in_processes([partial(squared, 1), partial(refusing, 3)], 2))


def test_a_process_that_dies_is_told_and_not_waited_for() -> None:
    with pytest.raises(CrrlError, match="ended with code 7"):
        list(in_processes([partial(dying), partial(squared, 1)], 2))


def test_a_script_without_a_guard_builds_in_parallel(tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"m{number}.py").write_text(f"def f{number}(xs):\n{DOCSTRING}{BODY}")
    script = tmp_path / "script"
    script.write_text(
        "from crrl.data.build import Report, build_tasks, make_plan\n"
        f"options = {{'path': {str(tmp_path)!r}, 'doctests': 0, 'near_duplicates': 0, 'workers': 2}}\n"
        "plan = make_plan('stack', kind='implement', split='all', options=options)\n"
        "print(sum(1 for _ in build_tasks(plan, Report())))\n"
    )
    done = subprocess.run([sys.executable, str(script)], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["6"]


def test_stack_gives_the_same_whatever_the_number_of_workers(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"m{number}.py").write_text(f"def f{number % 5}(xs):\n{DOCSTRING}{BODY}" * (1 + number % 3))
    one, two = (build(tmp_path, doctests=0, workers=workers) for workers in (1, 2))
    assert one == two
    assert one[0]
