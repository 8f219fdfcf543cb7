"""From the options to tasks: units one after the other, their functions in parallel, everything in one fixed order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from threading import Event

from crrl.cores import cores
from crrl.data.groups import group_key
from crrl.data.in_order import in_order
from crrl.data.journal import Journal
from crrl.data.options import BuildOptions
from crrl.data.rows import Dropped, Item, Sourced, split_of
from crrl.data.sources.mutations.candidates import body_key, candidates, different_programs
from crrl.data.sources.mutations.coverage import Oracle, tests_of
from crrl.data.sources.mutations.journal import journal_of
from crrl.data.sources.mutations.judge import UNNOTICED, Bench, Verdict, bench_for, judge
from crrl.data.sources.mutations.library import Module, Unit, units_of
from crrl.data.sources.mutations.mutants import Function, Mutant, functions_of, module_problem, mutants_of
from crrl.data.sources.mutations.options import MutationsOptions
from crrl.data.sources.mutations.suite import Suite, suites_for
from crrl.data.sources.mutations.surroundings import Surroundings, surroundings
from crrl.data.sources.mutations.tasks import task_of
from crrl.data.window import UNCLEAR
from crrl.sandbox import Workers
from crrl.testing import Runner

_TRIES = 3
"""Mutants that are tried for each one that is wanted."""
_UNITS_AHEAD = 3
_FUNCTIONS_AHEAD = 8
"""For each worker: a slow function holds up what comes after it by so many."""


@dataclass(frozen=True)
class _Work:
    """One function to break, with all that is known about it."""

    unit: Unit
    module: Module
    function: Function
    suites: list[Suite]
    mutants: list[Mutant]
    around: Surroundings


@dataclass(frozen=True)
class _Found:
    """One mutant: a task to be, or why it is none."""

    where: str
    dropped: str = ""
    unit: Unit | None = None
    bench: Bench | None = None
    mutant: Mutant | None = None
    verdict: Verdict | None = None


def items(options: MutationsOptions, asked: BuildOptions, split: str) -> Iterator[Item]:
    """Yields tasks and what was dropped, the same in the same order for the same seed, options and Python.

    Raises ConfigError or DataError if there is nothing to break, SandboxError if nothing can be run here.
    """
    units = units_of(options)
    random.Random(f"mutations {asked.seed}").shuffle(units)
    workers = options.workers or cores()
    stop = Event()
    with ExitStack() as stack:
        run = stack.enter_context(Workers(workers)).run
        pools = [ThreadPoolExecutor(workers, thread_name_prefix=name) for name in ("units", "functions")]
        for pool in pools:
            stack.callback(pool.shutdown, cancel_futures=True)
        stack.callback(stop.set)  # runs first: whoever has enough waits only for what is being run
        chosen = partial(_is_in_split, options, asked, split)
        prepared = in_order(pools[0], (partial(_prepare, unit, chosen, run) for unit in units), ahead=_UNITS_AHEAD)
        jobs = _jobs(prepared, options, asked.seed, run, stop)
        for found in in_order(pools[1], jobs, ahead=_FUNCTIONS_AHEAD * workers):
            yield from (_item(one, options) for one in found)


def _jobs(
    prepared: Iterator[tuple[list[_Found], list[_Work], Journal]],
    options: MutationsOptions,
    seed: int,
    run: Runner,
    stop: Event,
) -> Iterator[Callable[[], list[_Found]]]:
    for dropped, works, journal in prepared:
        yield partial(list, dropped)
        random.Random(f"functions {seed}").shuffle(works)
        for work in works:
            yield partial(_break, work, options.mutants, seed, run, journal, stop)


def _prepare(
    unit: Unit, chosen: Callable[[Module, Function], bool], run: Runner
) -> tuple[list[_Found], list[_Work], Journal]:
    """Run a unit's tests, find the functions that they cover and every bug that could be put into those."""
    journal = journal_of(unit)
    tests = tests_of(unit, run, journal)
    dropped, works = [], []
    for module in unit.modules:
        if problem := module_problem(module.text):
            dropped.append(_Found(module.name, problem))
            continue
        around = surroundings(unit, module)
        covered: list[tuple[Function, list[Suite]]] = []
        for function in _functions(module):
            where = f"{module.name}.{function.name}"
            suites = suites_for(function, module, tests)
            if around is None:
                dropped.append(_Found(where, "function: its package is too large to bring along"))
            elif not suites:
                dropped.append(_Found(where, "function: no test or example covers it"))
            elif chosen(module, function):
                covered.append((function, suites))
        if around is None:
            continue
        wanted = frozenset(function.name for function, _ in covered)
        mutants = list(mutants_of(module.text, wanted)) if wanted else []
        for function, suites in covered:
            own = [mutant for mutant in mutants if mutant.function == function.name]
            works.append(_Work(unit, module, function, suites, own, around))
    return dropped, works, journal


def _functions(module: Module) -> list[Function]:
    """The functions of a module whose names are unique: one of a property's three would be taken for another."""
    functions = functions_of(module.text)
    names = [function.name for function in functions]
    return [function for function in functions if names.count(function.name) == 1]


def _break(work: _Work, wanted: int, seed: int, run: Runner, journal: Journal, stop: Event) -> list[_Found]:
    """Try mutants of one function until enough are noticed by its tests."""
    where = f"{work.module.name}.{work.function.name}"
    ready: dict[Oracle, Bench | str] = {}

    def bench_of(suite: Suite) -> Bench | str:
        if suite.oracle not in ready:
            ready[suite.oracle] = bench_for(work.module, work.function, suite, work.around, run, journal)
        return ready[suite.oracle]

    lines = frozenset[int]().union(*(suite.lines for suite in work.suites))
    drawn = candidates(work.module, work.function, work.mutants, lines=lines, seed=seed)
    found: list[_Found] = []
    kept = tries = 0
    for mutant, problem in different_programs(work.module, work.function, drawn):
        if kept == wanted or tries == _TRIES * wanted or stop.is_set():
            break
        if problem:
            found.append(_Found(where, f"mutant: {problem}"))
            continue
        tries += 1
        one = _try(work, mutant, bench_of, run, journal)
        if one is None:
            return [_Found(where, problem) for problem in ready.values() if isinstance(problem, str)][:1]
        kept += not one.dropped
        found.append(one)
    return found


def _try(
    work: _Work, mutant: Mutant, bench_of: Callable[[Suite], Bench | str], run: Runner, journal: Journal
) -> _Found | None:
    """What the function's tests say about a mutant, those of docstrings if no other notices it. None: nothing can be said."""
    where = f"{work.module.name}.{work.function.name}"
    found = None
    for suite in work.suites:
        bench = bench_of(suite)
        if isinstance(bench, Bench):
            verdict = judge(bench, mutant, run, journal)
            found = _Found(where, verdict["dropped"], work.unit, bench, mutant, verdict)
            if verdict["dropped"] != UNNOTICED:
                break
    return found


def _item(found: _Found, options: MutationsOptions) -> Item:
    if found.dropped or not (found.unit and found.bench and found.mutant and found.verdict):
        return Dropped(found.where, found.dropped)
    task = task_of(found.unit, found.bench, found.mutant, found.verdict, window_chars=options.window_chars)
    if task is None:
        return Dropped(found.where, UNCLEAR)
    return Sourced(task, found.where, _group(options, found.bench.module, found.bench.function))


def _is_in_split(
    options: MutationsOptions, asked: BuildOptions, split: str, module: Module, function: Function
) -> bool:
    """By a hash of the function's code (or of its module's name): copies of a function are never in both splits."""
    return split in ("all", split_of(group_key(_group(options, module, function)), asked.heldout_share))


def _group(options: MutationsOptions, module: Module, function: Function) -> str:
    return body_key(module, function) if options.split_by == "function" else module.name
