"""Which rows of one commit are the same function before and after the repair. Never told by the order of the rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from crrl.data.rows import BadRow, Dropped
from crrl.data.sources.primevul.rows import in_order
from crrl.data.sources.primevul.shelf import Shelved

LEAST_SIMILARITY = 0.5
"""Of a vulnerable function and its repair."""
AGAIN = "the same function with the same verdict as in an earlier row of its commit"
SEVERAL = "several functions of this name in one commit"
REWRITTEN = "a function and its repair have less than half of their words in common"
LONE = "no partner of its name in its commit"

_Said = tuple[str, bool]
"""A function's content and its verdict."""
_Likeness = tuple[bool, float]
_UNLIKE: _Likeness = (False, 0.0)


class Pair(NamedTuple):
    """One function before and after."""

    vulnerable: Shelved
    fixed: Shelved


def pairs_of(rows: Sequence[Shelved]) -> list[Pair | Dropped | BadRow]:
    """The pairs of one commit, and what became of every other row.

    Rows that say the same count once. Two rows are a pair if they have the same name and opposite verdicts, and each is of all
    such rows the one that is most like the other: by their file first, then by their words.
    """
    first: dict[_Said, Shelved] = {}
    by_name: dict[str, list[Shelved]] = defaultdict(list)
    found: list[Pair | Dropped | BadRow] = []
    for shelved in _with_all_weaknesses(rows):
        if first.setdefault(_said(shelved), shelved) is shelved:
            by_name[shelved.row.name].append(shelved)
        else:
            found.append(Dropped(shelved.where, AGAIN))
    for name, group in by_name.items():
        found += _pairs_of_name(group) if name else [Dropped(shelved.where, LONE) for shelved in group]
    return found


def similarity(one: Shelved, other: Shelved) -> float:
    """The share of their words that two functions have in common, in order. Cost: about 0.1 ms."""
    from rapidfuzz.distance import Indel

    return float(Indel.normalized_similarity(one.row.func.split(), other.row.func.split()))


def _said(shelved: Shelved) -> _Said:
    return shelved.row.content, shelved.row.is_vulnerable


def _with_all_weaknesses(rows: Sequence[Shelved]) -> list[Shelved]:
    """The rows, each with the weaknesses of all rows of the commit that say the same."""
    named: dict[_Said, set[str]] = defaultdict(set)
    for shelved in rows:
        named[_said(shelved)].update(shelved.row.cwes)
    return [shelved._replace(row=replace(shelved.row, cwes=in_order(named[_said(shelved)]))) for shelved in rows]


def _pairs_of_name(group: Sequence[Shelved]) -> list[Pair | Dropped | BadRow]:
    vulnerable = [shelved for shelved in group if shelved.row.is_vulnerable]
    fixed = [shelved for shelved in group if not shelved.row.is_vulnerable]
    if not vulnerable or not fixed:
        return [Dropped(shelved.where, LONE) for shelved in group]
    likeness = [[_likeness(one, other) for other in fixed] for one in vulnerable]
    best_fixed = [_only_best(row) for row in likeness]
    best_vulnerable = [_only_best(column) for column in zip(*likeness, strict=True)]
    pairs = {one: other for one, other in enumerate(best_fixed) if other is not None and best_vulnerable[other] == one}
    left = [shelved for at, shelved in enumerate(vulnerable) if at not in pairs]
    left += [shelved for at, shelved in enumerate(fixed) if at not in pairs.values()]
    reason = REWRITTEN if len(group) == 2 else SEVERAL
    return [
        *(_checked(vulnerable[one], fixed[other]) for one, other in pairs.items()),
        *(Dropped(shelved.where, reason) for shelved in left),
    ]


def _likeness(one: Shelved, other: Shelved) -> _Likeness:
    words = similarity(one, other)
    same_file = bool(one.row.file_name) and one.row.file_name == other.row.file_name
    return (same_file, words) if words >= LEAST_SIMILARITY else _UNLIKE


def _only_best(values: Sequence[_Likeness]) -> int | None:
    """Where the largest value stands; None if two are the largest, or none is any."""
    best = max(values)
    return values.index(best) if best != _UNLIKE and values.count(best) == 1 else None


def _checked(vulnerable: Shelved, fixed: Shelved) -> Pair | BadRow:
    if vulnerable.row.content == fixed.row.content:
        problem = f"contradictory labels: the same function is benign in {fixed.where}, of the same commit"
        return BadRow(vulnerable.where, problem)
    return Pair(vulnerable, fixed)
