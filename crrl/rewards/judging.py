"""How the `tests` reward judges the programs of a step: all at once, each once, within one deadline.

`configure` sets how, for the whole process; a run calls it at its start (crrl.train.run). Without it the defaults hold.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from crrl.cores import cores
from crrl.errors import SandboxError
from crrl.rewards.counts import Counts, Found
from crrl.rewards.kept_results import KeptResults
from crrl.sandbox import LEVELS, Level, Workers, shared_workers
from crrl.sandbox.levels import missing
from crrl.schema import Files, TestsRow
from crrl.testing import TestRun, run_tests, score

TRIES = 2
"""A sandbox that could not run a program is asked once more before the answer counts as not judged."""
SPARE = 1.2
"""What programs that use their whole time limit take beyond it: starting and clearing up after them."""
WORST_LEVEL: Level = LEVELS[-1]


@dataclass(frozen=True)
class Settings:
    """How programs are judged; `crrl.config.SandboxConfig` says what each means.

    The defaults are those of a run, but for `max_unavailable_share`: used as a library, the reward gives None and never
    raises for it. `deadline_s` is the least that a batch is given: see `Judge.judge`.
    """

    level: Level = "landlock"
    deadline_s: float = 600.0
    workers: int = 0
    max_unavailable_share: float = 1.0


@dataclass(frozen=True)
class Job:
    """One program to test: the answer's files, those before the repair, the task's tests; `key` is equal for equal jobs."""

    key: bytes
    tree: Files
    before: Files
    tests: TestsRow


class _UnderWay(NamedTuple):
    """A program that was started on, and how long it may take in one try."""

    found: Future[Found]
    timeout_s: float


class Judge:
    """Judges batches of programs under one set of settings. Safe to call from several threads.

    Args:
        settings: how.
        results: what is known from before, and where what is found is kept; None: the cache folder.
        workers: what runs programs; None: by the settings, started when the first program must run.
    """

    def __init__(
        self, settings: Settings, *, results: KeptResults | None = None, workers: Workers | None = None
    ) -> None:
        self.settings = settings
        self._level: Level | None = None
        self._own_workers = workers
        self.results = results or KeptResults()
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._under_way: dict[bytes, _UnderWay] = {}

    @property
    def level(self) -> Level:
        """The best level that this machine offers. Raises SandboxError if that is less than the settings accept."""
        if self._level is None:
            self._level = best_level(self.settings.level)
        return self._level

    def begin(self, jobs: Mapping[bytes, Job]) -> None:
        """Start on programs that `judge` will be asked for, and return at once."""
        for key, job in jobs.items():
            if self.results.get(key) is None:
                self._start(job)

    def judge(self, jobs: Mapping[bytes, Job]) -> tuple[dict[bytes, float | None], Counts]:
        """The score of each program, or None if it could not be judged by the deadline.

        The deadline is `deadline_s`, but never less than these programs, and those begun before them, take if each uses its
        whole time limit in every try. So no answer can choose None, for itself or for others: only a sandbox that hangs can.

        Cost: the programs' own time over the workers; nothing for those that are known, what is left for those begun.
        """
        started = time.monotonic()
        with self._lock:
            begun = jobs.keys() & self._under_way.keys()
        known = {key: score for key in jobs.keys() - begun if (score := self.results.get(key)) is not None}
        futures = {self._start(job): key for key, job in jobs.items() if key not in known}
        done, late = wait(futures, timeout=max(0.0, started + self._deadline_s() - time.monotonic()))
        for future in late:
            future.cancel()  # one that runs ends at its own time limit, and is kept for the next step that asks
        with self._lock:
            self._under_way = {key: one for key, one in self._under_way.items() if not one.found.done()}
        found = {futures[future]: future.result() for future in done}  # a bug of ours is not swallowed
        counts = Counts.of(found.values(), cached=len(known), late=len(late))
        counts.seconds = time.monotonic() - started
        return {
            **known,
            **{futures[future]: None for future in late},
            **{key: one.score for key, one in found.items()},
        }, counts

    def _start(self, job: Job) -> Future[Found]:
        workers = self._workers()
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.settings.workers or cores(), thread_name_prefix="crrl-tests")
            if job.key not in self._under_way:
                found = self._pool.submit(self._run, job, workers)
                self._under_way[job.key] = _UnderWay(found, job.tests["timeout_s"])
            return self._under_way[job.key].found

    def _deadline_s(self) -> float:
        """Seconds within which everything that is under way now must be done."""
        with self._lock:
            limits = [one.timeout_s for one in self._under_way.values() if not one.found.done()]
        if not limits:
            return self.settings.deadline_s
        rounds = ceil(len(limits) / min(self.settings.workers or cores(), self._workers().count))
        return max(self.settings.deadline_s, rounds * TRIES * max(limits) * SPARE)

    def _run(self, job: Job, workers: Workers) -> Found:
        for _ in range(TRIES):
            test_run = run_tests(job.tree, job.tests, workers.run, before=job.before)
            found = score(test_run, job.tests)
            if found is not None and not _was_killed(test_run):
                break
        kind = test_run.outcome.kind
        # A busy machine may have been late, or short of memory: such a result is not kept, and the next step asks again.
        if found is not None and kind not in ("timeout", "memory") and not _was_killed(test_run):
            self.results.put(job.key, found)
        return Found(found, is_timeout=kind == "timeout", reason=test_run.outcome.stderr)

    def _workers(self) -> Workers:
        with self._lock:
            if self._own_workers is None and not self.settings.workers:
                return shared_workers(self.level)
            if self._own_workers is None:
                self._own_workers = Workers(self.settings.workers, level=self.level)
            return self._own_workers

    def check(self, not_judged: int, asked: int, counts: Counts) -> None:
        """Raise SandboxError if more of a batch could not be judged than the settings allow."""
        share = not_judged / asked if asked else 0.0
        if share > self.settings.max_unavailable_share:
            raise SandboxError(
                f"{not_judged} of {asked} answers could not be judged by their tests: {counts.unavailable} programs the sandbox "
                f"could not run ({counts.reason.strip()[-200:] or 'none'}), {counts.late} were not done in "
                f"{counts.seconds:.0f} s; see python -m crrl.sandbox --check, or raise --sandbox.deadline-s or "
                f"--sandbox.max-unavailable-share {self.settings.max_unavailable_share:g}"
            )


def _was_killed(test_run: TestRun) -> bool:
    """Whether SIGKILL ended the run: perhaps the program's own, perhaps the machine's: asked once more, never kept."""
    return test_run.outcome.exit_code == -signal.SIGKILL and test_run.outcome.kind != "timeout"


def best_level(least: Level) -> Level:
    """The best level of this machine. Raises SandboxError, in one line with what to do, if it is less than `least`."""
    accepted = LEVELS[: LEVELS.index(least) + 1]
    for level in accepted:
        if not missing(level):
            return level
    why = "; ".join(f"{level}: {missing(level)}" for level in accepted)
    fix = "apt-get install bubblewrap"
    if least != WORST_LEVEL:
        fix += f", or accept less: --sandbox.level {WORST_LEVEL} keeps programs from neither your files nor the network"
    raise SandboxError(f"no sandbox of level {least} or better here ({why}); {fix}")


_judge = Judge(Settings())


def configure(settings: Settings) -> None:
    """Set how this process judges from now on."""
    install(Judge(settings))


def install(judge: Judge) -> None:
    """Let this judge score from now on."""
    global _judge
    _judge = judge


def current_judge() -> Judge:
    """The judge of this process."""
    return _judge
