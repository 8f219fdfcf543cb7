"""Where tasks come from, by name. One file a source; each is an iterator, whatever its size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from crrl.data.journal import Journal
from crrl.data.options import BuildOptions
from crrl.data.rows import Item, Sourced
from crrl.data.sources import commits, jsonl, mutations, primevul, stack, swe, toy
from crrl.schema import KINDS, Kind, pair_of


@dataclass(frozen=True)
class Source:
    """One source: what it is told, what it yields, and whether its splits are its own."""

    name: str
    about: str
    options_type: type
    items: Callable[[Any, BuildOptions, str, Kind, Journal], Iterator[Item]]
    """(its options, the build's options, split, kind, where it may keep what it finds out) → rows in a fixed order."""
    identity: Callable[[Any], str]
    """Changes whenever what it would yield does, the options aside."""
    splits: tuple[str, ...] = ()
    """The splits it makes itself; empty: every row is hashed into one of the build's."""
    kinds: tuple[Kind, ...] = KINDS
    """The kinds of task that it can hold."""
    may_have_tests: bool = True
    """False: none of its tasks ever has tests, whatever it reads."""
    reads_rows: bool = False
    """Its path is a file of rows, or a folder of them: files that a build could write over."""


@dataclass(frozen=True)
class ToyOptions:
    """The `toy` source needs only what every source is told: rows and seed."""


TOY_ROWS = 1000


def _toy_items(_: ToyOptions, asked: BuildOptions, split: str, kind: Kind, journal: Journal) -> Iterator[Item]:
    for task in toy.tasks(split, rows=asked.rows or TOY_ROWS, seed=asked.seed, kind=kind):
        yield Sourced(task, task["task_id"], pair_of(task["source"]))


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            name="jsonl",
            about="a file of task rows, or of before/after pairs; .gz too",
            options_type=jsonl.JsonlOptions,
            items=lambda options, *_: jsonl.items(options),
            identity=jsonl.identity,
            reads_rows=True,
        ),
        Source(
            name="commits",
            about="bug-fix commits of a local git repository",
            options_type=commits.CommitsOptions,
            items=lambda options, *_: commits.items(options),
            identity=commits.identity,
            may_have_tests=False,
            kinds=("repair",),
        ),
        Source(
            name="toy",
            about="made for the model tiny: small functions to repair or to write, lines of C to judge",
            options_type=ToyOptions,
            items=_toy_items,
            identity=lambda options: "",
            splits=toy.SPLITS,
        ),
        Source(
            name="mutations",
            about="real Python code with one injected bug and the tests that notice it; default: the standard library",
            options_type=mutations.MutationsOptions,
            items=lambda options, asked, split, *_: mutations.items(options, asked, split),
            identity=mutations.identity,
            splits=mutations.SPLITS,
            kinds=("repair",),
        ),
        Source(
            name="stack",
            about="Python functions to write from their docstrings; default: the standard library",
            options_type=stack.StackOptions,
            items=lambda options, asked, split, kind, journal: stack.items(options, journal),
            identity=stack.identity,
            reads_rows=True,
            kinds=("implement",),
        ),
        Source(
            name="primevul",
            about="functions of C and C++ before and after the repair of a vulnerability",
            options_type=primevul.PrimevulOptions,
            items=lambda options, asked, split, kind, _: primevul.items(options, asked, split, kind),
            identity=primevul.identity,
            reads_rows=True,
            splits=primevul.SPLITS,
            may_have_tests=False,
            kinds=("classify", "repair"),
        ),
        Source(
            name="swe",
            about="issues of repositories and their fixes: SWE-Gym, SWE-bench, SWE-bench_Multilingual",
            options_type=swe.SweOptions,
            items=lambda options, asked, split, kind, journal: swe.items(options, journal),
            identity=swe.identity,
            reads_rows=True,
            may_have_tests=False,
            kinds=("repair",),
        ),
    )
}


def source_named(name: str) -> tuple[str, Kind | None]:
    """(source, kind) that a name says: `primevul-repair` is the repairs of `primevul`. ("", None) if it is no source's."""
    if name in SOURCES:
        return name, None
    stem, _, ending = name.rpartition("-")
    kind = next((known for known in KINDS if known == ending), None)
    return (stem, kind) if kind and stem in SOURCES else ("", None)
