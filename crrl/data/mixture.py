"""Several sources as one: `mutations:0.5,commits:../project:0.3,primevul-repair:DIR:0.2`.

At every point the tasks of each part are what its share says, to about one task (or one pair of tasks): the next comes from
the part that lags behind most. A task counts if no part has given its content or its id before. The mixture ends where a part
that is due has no more, so the shares hold to the end. Nothing is drawn.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crrl.data.journal import Journal
from crrl.data.options import BuildOptions, known_options, pick_options
from crrl.data.paths import local_path
from crrl.data.rows import ELSEWHERE, Dropped, Found, Item, SeenKeys
from crrl.data.side_by_side import SideBySide, due_part
from crrl.errors import ConfigError
from crrl.schema import KINDS, Kind

if TYPE_CHECKING:
    from crrl.data.plan import Plan

_PART = re.compile(r"(?P<source>[^,]+?):(?P<share>[0-9]*\.?[0-9]+(?:e-?[0-9]+)?)")
MIXTURE = "mixture"
SAME_ID = "same task_id as an earlier row"
OF_THE_WHOLE = ("rows", "skip_bad", "cache_dir")
"""Options of a build that no part has of its own."""


@dataclass(frozen=True)
class MixtureOptions:
    """The parts of a mixture."""

    parts: tuple[Plan, ...]
    shares: tuple[float, ...]


def is_mixture(source: str) -> bool:
    """Whether a source is written as several: with commas, and it is no file's path."""
    return "," in source and not local_path(source).is_file()


def mixture_plan(
    given: str, make_plan: Callable[..., Plan], *, kind: Kind | str, split: str, options: Mapping[str, Any]
) -> Plan:
    """The plan of a mixture. An option `NAME.option` is for the part of that name, others for every part that knows them.

    Raises ConfigError for a part without a share, shares that do not sum to 1, or an option that no part knows.
    """
    from crrl.data.plan import Plan
    from crrl.data.sources import Source

    parts = [_part(part.strip(), given) for part in given.split(",")]
    shares = [share for _, share in parts]
    if abs(sum(shares) - 1) > 1e-6:
        raise ConfigError(f"the shares of {given} sum to {sum(shares):g}; they must sum to 1")
    plans = []
    for source, _ in parts:
        own = _options_of(source, options)
        plans.append(make_plan(source, kind=kind, split=split, options={**own, "rows": 0}))
    _refuse_unused(options, [source for source, _ in parts])
    build = {name: value for name, value in options.items() if name in vars(plans[0].options)}
    mixture = Source(
        name=MIXTURE,
        about="several sources",
        options_type=MixtureOptions,
        items=lambda chosen, asked, split, kind, journal: _items(chosen, asked.rows, journal),
        identity=_identity,
        splits=("train", "heldout", "all"),
        kinds=KINDS,
    )
    chosen = MixtureOptions(tuple(plans), tuple(shares))
    return Plan(mixture, chosen, plans[0].kind, split, pick_options(BuildOptions, build))


def counts_of(shares: Sequence[float], total: int) -> list[int]:
    """How many tasks each share is of `total`: rounded so that they sum to it (largest remainders first)."""
    exact = [share * total for share in shares]
    counts = [math.floor(value + 1e-9) for value in exact]
    by_rest = sorted(range(len(exact)), key=lambda index: (counts[index] - exact[index], index))
    for index in by_rest[: total - sum(counts)]:
        counts[index] += 1
    return counts


def _items(options: MixtureOptions, rows: int, journal: Journal) -> Iterator[Item]:
    with ExitStack() as stack:
        ids = stack.enter_context(closing(SeenKeys()))
        read = stack.enter_context(closing(SideBySide(options.parts, options.shares, journal)))
        parts = [stack.enter_context(closing(read.items(place))) for place in range(len(options.parts))]
        taken = [0] * len(parts)
        most = counts_of(options.shares, rows) if rows else [sys.maxsize] * len(parts)
        while open_parts := [index for index in range(len(parts)) if taken[index] < most[index]]:
            index = due_part(options.shares, taken, open_parts)
            name = options.parts[index].source.name
            for item in parts[index]:
                if isinstance(item, Found):
                    if any(part.task["task_id"] in ids for part in item.parts):
                        yield from (Dropped(part.where, f"{name}: {SAME_ID}") for part in item.parts)
                        continue
                    break
                is_own = isinstance(item, Dropped) and item.reason not in ELSEWHERE
                yield Dropped(item.where, f"{name}: {item.reason}") if is_own else item
            else:
                return
            if taken[index] + len(item.parts) > most[index]:
                most[index] = taken[index]  # its share is odd, and it holds pairs
            else:
                taken[index] += len(item.parts)
                for part in item.parts:
                    ids.add(part.task["task_id"])
                yield item


def _identity(options: MixtureOptions) -> str:
    from crrl.data.dataset import cache_key

    return json.dumps([[share, cache_key(plan)] for plan, share in zip(options.parts, options.shares, strict=True)])


def _part(part: str, given: str) -> tuple[str, float]:
    match = _PART.fullmatch(part)
    if match is None or not float(match["share"]) > 0:
        raise ConfigError(
            f"{part!r} in {given!r}: each part of a mixture is SOURCE:SHARE, as in mutations:0.5,commits:DIR:0.5"
        )
    return match["source"], float(match["share"])


def _options_of(source: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a part: what it knows, and what is for it alone."""
    from crrl.data.sources import SOURCES

    names = _names_of(source)
    known = known_options(BuildOptions, SOURCES[names[-1]].options_type)
    own = {key: value for key, value in options.items() if key in known}
    return own | {
        key.partition(".")[2]: value for key, value in options.items() if key.partition(".")[0] in names and "." in key
    }


def _names_of(source: str) -> tuple[str, str]:
    """What a part is called before an option's dot: `primevul-repair` or `primevul`; the path of a file is of `jsonl`."""
    from crrl.data.sources import source_named

    name = source.partition(":")[0]
    return name, source_named(name)[0] or "jsonl"


def _refuse_unused(options: Mapping[str, Any], parts: Sequence[str]) -> None:
    used: set[str] = set()
    for source in parts:
        own = _options_of(source, options)
        used |= own.keys() | {f"{name}.{key}" for name in _names_of(source) for key in own}
    for key in options:
        if key not in used:
            raise ConfigError(
                f"unknown data option {key!r}; no part of the mixture knows it (NAME.option is for one part only)"
            )
        if (whole := key.partition(".")[2]) in OF_THE_WHOLE:
            raise ConfigError(f"{key}: {whole} is for the whole mixture; write {whole}=… without the name of a part")
