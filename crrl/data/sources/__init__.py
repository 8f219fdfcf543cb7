"""Where tasks come from, by name. One file a source; each is an iterator, whatever its size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from crrl.data.options import BuildOptions
from crrl.data.rows import Item, Sourced
from crrl.data.sources import commits, jsonl, mutations, toy


@dataclass(frozen=True)
class Source:
    """One source: what it is told, what it yields, and whether its splits are its own."""

    name: str
    about: str
    options_type: type
    items: Callable[[Any, BuildOptions, str], Iterator[Item]]
    """(its options, the build's options, split) → rows in a fixed order."""
    identity: Callable[[Any], str]
    """Changes whenever what it would yield does, the options aside."""
    splits: tuple[str, ...] = ()
    """The splits it makes itself; empty: every row is hashed into one of the build's."""


@dataclass(frozen=True)
class ToyOptions:
    """The `toy` source needs only what every source is told: rows and seed."""


TOY_ROWS = 1000


def _toy_items(_: ToyOptions, asked: BuildOptions, split: str) -> Iterator[Item]:
    for task in toy.tasks(split, rows=asked.rows or TOY_ROWS, seed=asked.seed):
        yield Sourced(task, task["task_id"])


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            name="jsonl",
            about="a file of task rows, or of before/after pairs; .gz too",
            options_type=jsonl.JsonlOptions,
            items=lambda options, asked, split: jsonl.items(options),
            identity=jsonl.identity,
        ),
        Source(
            name="commits",
            about="bug-fix commits of a local git repository",
            options_type=commits.CommitsOptions,
            items=lambda options, asked, split: commits.items(options),
            identity=commits.identity,
        ),
        Source(
            name="toy",
            about="small Python functions with one injected bug and tests",
            options_type=ToyOptions,
            items=_toy_items,
            identity=lambda options: "",
            splits=toy.SPLITS,
        ),
        Source(
            name="mutations",
            about="real Python code with one injected bug and the tests that notice it; default: the standard library",
            options_type=mutations.MutationsOptions,
            items=mutations.items,
            identity=mutations.identity,
            splits=mutations.SPLITS,
        ),
    )
}
