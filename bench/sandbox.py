"""Programs a second through the sandbox, cold and warm, beside a bare `python -c` without any; and the batch of a real step.

Bare, cold and warm runs of one kind are taken in turn, so that whatever else the machine does hits all alike. Processor time is
that of the whole run with all its children, and does not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bench.machine import heading
from crrl.sandbox import Limits, Outcome, Workers, run
from crrl.sandbox.levels import choose_level

SHORT = "def add(a, b):\n    return a + b\nassert add(2, 3) == 5\nprint('ok')\n"
PROGRAMS: tuple[tuple[str, list[str], dict[str, str]], ...] = (
    ("python -c", ["python", "-c", SHORT], {}),
    ("python -S script", ["python", "-S", "main.py"], {"main.py": SHORT}),
    ("python -m unittest", ["python", "-m", "unittest", "-q", "t"], {
        "add.py": "def add(a, b):\n    return a + b\n",
        "t.py": "import unittest, add\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(add.add(2, 3), 5)\n",
    }),
)  # fmt: skip
LOOP = "while True: pass"
BUBBLEWRAP_ALONE = ["bwrap", "--unshare-all", "--die-with-parent", *"--ro-bind / / --proc /proc --dev /dev --".split()]
"""Namespaces without limits, filter, folder or report: the least that walls of this kind cost on this machine."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="runs of each kind, one after the other")
    parser.add_argument("--many", type=int, default=1000, help="short programs through all workers at once")
    parser.add_argument("--batch", type=int, default=512, help="completions of a step, a fifth of them infinite loops")
    parser.add_argument("--limit", type=float, default=2.0, help="seconds that a loop of the batch may take")
    given = parser.parse_args()
    print(heading())
    with Workers() as workers:
        print(f"level {workers.level}, {workers.count} workers, {given.runs} runs each")
        goals = [
            *_one_by_one(workers, given.runs),
            _many(workers, given.many),
            _batch(workers, given.batch, given.limit),
        ]
    for goal, is_met in goals:
        print(f"{'met   ' if is_met else 'MISSED'} {goal}")
    return int(not all(is_met for _, is_met in goals))


def _one_by_one(workers: Workers, runs: int) -> list[tuple[str, bool]]:
    print(f"{'program':<20} {'way':<6} {'per s':>7} {'p50':>9} {'p99':>9} {'over bare':>10}")
    goals = []
    for name, command, files in PROGRAMS:
        ways: dict[str, Callable[[], bool]] = {
            "cold": lambda c=command, f=files: run(c, f, Limits()).kind == "passed",  # type: ignore[misc]
            "warm": lambda c=command, f=files: workers.run(c, f, Limits()).kind == "passed",  # type: ignore[misc]
        }
        if not files:
            ways = {
                "bare": lambda c=command: _bare([], c),  # type: ignore[misc]
                "bwrap": lambda c=command: _bare(BUBBLEWRAP_ALONE, c),  # type: ignore[misc]
                **ways,
            }
        times = _in_turn(ways, runs)
        bare = statistics.median(times.get("bare", [0.0]))
        for way, found in times.items():
            p50, p99 = statistics.median(found), sorted(found)[int(0.99 * len(found))]
            over = f"{1000 * (p50 - bare):>7.2f} ms" if bare and way != "bare" else ""
            print(
                f"{name:<20} {way:<6} {1 / p50:>7.0f} {1000 * p50:>6.2f} ms {1000 * p99:>6.2f} ms {over:>10}",
                flush=True,
            )
        if bare:
            over_ms = 1000 * statistics.median(
                cold - plain for cold, plain in zip(times["cold"], times["bare"], strict=True)
            )
            goals.append((f"cold at most 6 ms over bare ({over_ms:.2f} ms, median of pairs)", over_ms <= 6.0))
    return goals


def _bare(before: list[str], command: list[str]) -> bool:
    done = subprocess.run(
        [*before, sys.executable, *command[1:]], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return done.returncode == 0


def _in_turn(ways: dict[str, Callable[[], bool]], runs: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(runs + 2):
        for way, act in ways.items():
            started = time.perf_counter()
            assert act(), way
            if number >= 2:
                times[way].append(time.perf_counter() - started)
    return times


def _many(workers: Workers, count: int) -> tuple[str, bool]:
    """Different short programs, all workers at once."""
    trees = [{"main.py": SHORT + f"assert add({n}, 1) == {n + 1}\n"} for n in range(count)]
    started, used = time.perf_counter(), _processor_s()
    outcomes = _through(workers, [(["python", "-S", "main.py"], tree, Limits()) for tree in trees])
    seconds = time.perf_counter() - started
    assert all(outcome.kind == "passed" for outcome in outcomes)
    rate = count / seconds
    print(
        f"{count} short programs through {workers.count} workers: {rate:.0f}/s, {rate / workers.count:.0f}/s a core; "
        f"our own process {1000 * (_processor_s() - used) / count:.2f} ms of processor time each"
    )
    return (
        f"at least 250 short programs a second and core, warm ({rate / workers.count:.0f})",
        rate / workers.count >= 250,
    )


def _batch(workers: Workers, count: int, limit_s: float) -> tuple[str, bool]:
    loops = count // 5
    limits = Limits(wall_s=limit_s)
    jobs = [
        (
            ["python", "-S", "main.py"],
            {"main.py": LOOP if n % 5 == 0 and n // 5 < loops else SHORT + f"# {n}\n"},
            limits,
        )
        for n in range(count)
    ]
    started = time.perf_counter()
    outcomes = _through(workers, jobs)
    seconds = time.perf_counter() - started
    assert sum(outcome.kind == "timeout" for outcome in outcomes) == loops
    assert sum(outcome.kind == "passed" for outcome in outcomes) == count - loops
    most = 1.2 * limit_s * loops / workers.count
    print(
        f"{count} completions, {loops} of them infinite loops with {limit_s:g} s: {seconds:.1f} s (at most {most:.1f} s)"
    )
    return f"the batch ends in limit × loops / workers + 20 % ({seconds:.1f} of {most:.1f} s)", seconds <= most


def _through(workers: Workers, jobs: list[tuple[list[str], dict[str, str], Limits]]) -> list[Outcome]:
    with ThreadPoolExecutor(workers.count) as pool:
        return list(pool.map(lambda job: workers.run(*job), jobs))


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    choose_level(None)
    sys.exit(main())
