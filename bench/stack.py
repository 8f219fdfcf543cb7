"""The `stack` source: how many functions a second, whether every task is sound, whether memory stays flat.

    python -m bench.stack                    # the standard library; then memory from 10^3 to 10^6 rows
    python -m bench.stack --rows 1000 10000  # memory for these numbers only

Processor time on one core. Soundness is asked of every task: the masked file parses and holds one placeholder, and the
reference's patch applies and earns 1.0 of every reward.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

from bench.machine import heading
from crrl.data.build import Report, build_tasks, make_plan
from crrl.evaluate.baselines import reference_answer
from crrl.rewards import REWARDS
from crrl.schema import TaskRow

LEAST_PER_SECOND = 500
FLAT_MB = 40
"""Resident memory that 1000 times the rows may add: caches of sqlite and the allocator's slack."""


def main() -> int:
    """Print what was measured; 1 if a promise is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="*", default=[1000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_of:
        print(json.dumps(measure_memory(arguments.memory_of)))
        return 0
    warnings.simplefilter("ignore")
    print(heading())
    met = [standard_library(), flat_memory(arguments.rows)]
    return 0 if all(met) else 1


def standard_library() -> bool:
    """Build every task of the standard library, then look at each."""
    met = True
    for doctests in (0, 1):
        report, started = Report(), time.process_time()
        plan = make_plan("stack", kind="implement", split="all", options={"doctests": doctests, "workers": 1})
        tasks = list(build_tasks(plan, report))
        spent = time.process_time() - started
        read = sum(count for reason, count in report.dropped.items() if reason.startswith("function")) + report.kept
        tested = sum(bool(task["tests"]["command"]) for task in tasks)
        speed = read / spent
        print(
            f"doctests={doctests}: {read} functions, {report.kept} tasks, {tested} with tests, {speed:.0f} functions a second"
        )
        met &= doctests == 1 or speed >= LEAST_PER_SECOND
    for reason, count in report.dropped.most_common():
        print(f"  {count:6d} dropped: {reason}")
    unsound = [f"{task['task_id']}: {problem}" for task in tasks if (problem := unsoundness(task))]
    print(f"{len(tasks) - len(unsound)} of {len(tasks)} tasks are sound")
    for line in unsound[:10]:
        print(f"  {line}")
    print(f"{'met' if met else 'MISSED'} {LEAST_PER_SECOND} functions a second without running examples")
    return met and not unsound


def unsoundness(task: TaskRow) -> str:
    """What is wrong with a task; "" if nothing is."""
    before, after = task["files"][0]["text"], task["reference"][0]["text"]
    try:
        ast.parse(before)
    except SyntaxError as error:
        return f"the masked file does not parse: {error}"
    if before.count("# TODO: implement ") - after.count("# TODO: implement ") != 1:
        return "not one placeholder"
    answer = reference_answer(task) or ""
    for name in ("similarity", "applies", "format", "syntax", *(["tests"] if task["tests"]["command"] else [])):
        columns = {column: [task[column]] for column in ("files", "reference", "tests")}  # type: ignore[literal-required]
        if (score := REWARDS[name]([answer], **columns)[0]) != 1.0:
            return f"the reference earns {score} of {name}"
    return ""


def flat_memory(counts: list[int]) -> bool:
    """Build rows of generated functions, each number in a process of its own."""
    peaks = []
    for count in counts:
        command = [sys.executable, "-m", "bench.stack", "--memory-of", str(count)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": "0"}
        )
        found = json.loads(done.stdout.splitlines()[-1])
        peaks.append(found["peak_mb"])
        print(
            f"{count:8d} rows: {found['kept']} kept, {found['seconds']:.0f} s, peak {found['peak_mb']:.0f} MB",
            flush=True,
        )
    is_flat = not peaks or max(peaks) - peaks[0] <= FLAT_MB
    print(f"{'met' if is_flat else 'MISSED'} memory grows by at most {FLAT_MB} MB")
    return is_flat


def measure_memory(count: int) -> dict[str, float]:
    """Peak resident memory of a build over `count` rows, each with one function that is kept."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.jsonl")
        with path.open("w") as out:
            for number in range(count):
                out.write(json.dumps({"content": _function(number), "path": f"m{number}.py", "lang": "Python"}) + "\n")
        report, started = Report(), time.process_time()
        plan = make_plan(
            "stack", kind="implement", split="all", options={"path": str(path), "doctests": 0, "workers": 1}
        )
        for _ in build_tasks(plan, report):
            pass
        spent = time.process_time() - started
    return {
        "kept": report.kept,
        "seconds": spent,
        "peak_mb": _peak_mb(),
    }


def _peak_mb() -> float:
    """Of this program alone: what getrusage says begins with the memory of whoever started it."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def _function(number: int) -> str:
    """A function that is like no other: its names and numbers are drawn from its own number."""
    words = [f"v{(number * factor) % 99991}" for factor in (1, 7, 31, 131, 523)]
    a, b, c, d, e = words
    return (
        f"def f{number}({a}, {b}):\n"
        f'    """Work out how the values of {a} relate to those of {b}, with weight {number}, and say it."""\n'
        f"    {c} = [{a} * {number % 9973} + {d} for {d} in {b}]\n"
        f"    for {e} in {c}:\n"
        f"        if {e} % {number % 89 + 2} == {number % 53}:\n"
        f"            {a} += {e} - {number % 7919}\n"
        f"        else:\n"
        f"            {b}.append({e} + {a})\n"
        f"    return {a}, {c}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
