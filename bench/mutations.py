"""Builds the tasks of `mutations` from nothing and says what came of it: tasks, kinds, oracles, what was dropped, time, memory.

    python -m bench.mutations                              the whole standard library
    python -m bench.mutations --modules json,textwrap      a share of it
    python -m bench.mutations --cache FOLDER               goes on with what an earlier call found out (and times the rest)

Each task was checked while it was built: its reference earns 1.0, the program as it is less. `--check N` asks the reward
itself again, for N tasks spread over all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.data_memory import peak_mb
from bench.machine import heading
from crrl.data.options import BuildOptions
from crrl.data.rows import Dropped, Sourced
from crrl.data.sources.mutations import MutationsOptions, items
from crrl.diffs import make_patch, render_patch
from crrl.rewards import REWARDS
from crrl.sandbox import Workers
from crrl.schema import TaskRow, files_from_rows
from crrl.testing import run_tests, score


class Totals:
    """Counts what a build yields. Holds no task, but for the few that are checked again."""

    def __init__(self, keep_every: int) -> None:
        self.kinds: Counter[str] = Counter()
        self.oracles: Counter[str] = Counter()
        self.origins: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.splits: Counter[str] = Counter()
        self.functions: set[str] = set()
        self.prompts: list[int] = []
        self.kept: list[TaskRow] = []
        self._keep_every = keep_every

    def add(self, task: TaskRow) -> None:
        about = json.loads(task["source"])
        self.kinds[about["kind"]] += 1
        self.oracles[about["oracle"]] += 1
        self.origins[about["origin"]] += 1
        self.functions.add(f"{about['module']}.{about['function']}")
        if self._keep_every and len(self.prompts) % self._keep_every == 0:
            self.kept.append(task)
        self.prompts.append(sum(len(message["content"]) for message in task["prompt"]))

    def lines(self) -> Iterator[str]:
        tasks, lengths = len(self.prompts), sorted(self.prompts)
        yield f"{tasks} tasks of {len(self.functions)} functions in {len(self.origins)} modules and packages"
        yield f"characters of a prompt: median {lengths[tasks // 2]}, longest {lengths[-1]}"
        for name in ("oracles", "kinds", "dropped"):
            yield f"\n{name}"
            counts: Counter[str] = getattr(self, name)
            yield from (f"{count:>7}  {what}" for what, count in counts.most_common())


def checked(tasks: list[TaskRow]) -> Iterator[tuple[float | None, float | None]]:
    """The reward of each task's reference, and the score of its program as it is."""
    with Workers() as workers:
        for task in tasks:
            files = files_from_rows(task["files"])
            patch = render_patch(make_patch(files, files_from_rows(task["reference"])))
            columns: dict[str, Any] = {"files": [task["files"]], "tests": [task["tests"]]}
            (reference,) = REWARDS["tests"]([patch], **columns)
            yield reference, score(run_tests(files, task["tests"], workers.run), task["tests"])


def main() -> None:
    """Build, count, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--modules", default="", help="only these, as in json,textwrap")
    parser.add_argument("--mutants", type=int, default=MutationsOptions().mutants, help="bugs a function")
    parser.add_argument("--cache", default="", help="folder with what an earlier call found out")
    parser.add_argument("--check", type=int, default=100, help="tasks whose reward is asked again")
    asked = parser.parse_args()
    print(heading())
    options = MutationsOptions(modules=tuple(filter(None, asked.modules.split(","))), mutants=asked.mutants)
    totals = Totals(keep_every=max(1, 2000 // asked.check) if asked.check else 0)
    with tempfile.TemporaryDirectory() as fresh:
        os.environ["CRRL_CACHE_DIR"] = asked.cache or fresh
        started = time.perf_counter()
        for item in items(options, BuildOptions(), "all"):
            if isinstance(item, Sourced):
                totals.add(item.task)
            elif isinstance(item, Dropped):
                totals.dropped[item.reason] += 1
        seconds = time.perf_counter() - started
        size = sum(path.stat().st_size for path in Path(os.environ["CRRL_CACHE_DIR"]).rglob("*.jsonl"))
    print("\n".join(totals.lines()))
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"\n{seconds:.0f} s, {seconds * 1000 / len(totals.prompts):.0f} ms a task; what was found out: {size / 1e6:.0f} MB"
    )
    print(f"peak memory: {peak_mb():.0f} MB; the largest process in the sandbox {children.ru_maxrss / 1024:.0f} MB")
    print(f"processor time of the build itself {own.ru_utime + own.ru_stime:.0f} s")
    scores = list(checked(totals.kept[: asked.check]))
    right = sum(reference == 1.0 for reference, _ in scores)
    wrong = sum(broken is not None and broken < 1.0 for _, broken in scores)
    print(
        f"asked again: {right} of {len(scores)} references earn 1.0, {wrong} of {len(scores)} unrepaired programs less"
    )


if __name__ == "__main__":
    main()
