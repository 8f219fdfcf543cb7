"""Which rows of one commit are the same function before and after the repair. Never told by the order of the rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from crrl.data.rows import BadRow, Dropped
from crrl.data.sources.primevul.shelf import Shelved

LEAST_SIMILARITY = 0.5
"""Of a vulnerable function and its repair."""
LEAST_OF_RENAMED = 0.8
"""… where only their likeness says that they belong together."""


class Pair(NamedTuple):
    """One function before and after."""

    vulnerable: Shelved
    fixed: Shelved


def pairs_of(rows: Sequence[Shelved]) -> list[Pair | Dropped | BadRow]:
    """The pairs of one commit, and what became of every other row.

    Two rows are a pair if they have the same name (and file, where several have the name), opposite verdicts, and are alike. Of
    what is left, one vulnerable and one benign function that are alike are taken for a renamed one.
    """
    found: list[Pair | Dropped | BadRow] = []
    left: list[Shelved] = []
    for group in _groups(rows):
        vulnerable = [shelved for shelved in group if shelved.row.is_vulnerable]
        fixed = [shelved for shelved in group if not shelved.row.is_vulnerable]
        if len(vulnerable) == len(fixed) == 1 and similarity(vulnerable[0], fixed[0]) >= LEAST_SIMILARITY:
            found.append(_checked(vulnerable[0], fixed[0]))
        elif len(vulnerable) > 1 and fixed:
            found += [Dropped(shelved.where, "several functions of this name in one commit") for shelved in group]
        else:
            left += group
    rest = [[s for s in left if s.row.is_vulnerable], [s for s in left if not s.row.is_vulnerable]]
    if all(len(half) == 1 for half in rest) and similarity(rest[0][0], rest[1][0]) >= LEAST_OF_RENAMED:
        return [*found, _checked(rest[0][0], rest[1][0])]
    return [*found, *(_alone(shelved) for shelved in left)]


def similarity(one: Shelved, other: Shelved) -> float:
    """The share of their words that two functions have in common, in order. Cost: about 0.1 ms."""
    from rapidfuzz.distance import Indel

    return float(Indel.normalized_similarity(one.row.func.split(), other.row.func.split()))


def _groups(rows: Sequence[Shelved]) -> list[list[Shelved]]:
    """Rows by name; where a name comes more often than twice and files are known, by name and file."""
    by_name: dict[str, list[Shelved]] = defaultdict(list)
    for shelved in rows:
        by_name[shelved.row.name].append(shelved)
    groups: list[list[Shelved]] = []
    for group in by_name.values():
        if len(group) > 2 and all(shelved.row.file_name for shelved in group):
            by_file: dict[str, list[Shelved]] = defaultdict(list)
            for shelved in group:
                by_file[shelved.row.file_name].append(shelved)
            groups += by_file.values()
        else:
            groups.append(group)
    return groups


def _checked(vulnerable: Shelved, fixed: Shelved) -> Pair | BadRow:
    if vulnerable.row.content == fixed.row.content:
        problem = f"contradictory labels: the same function is benign in {fixed.where}, of the same commit"
        return BadRow(vulnerable.where, problem)
    return Pair(vulnerable, fixed)


def _alone(shelved: Shelved) -> Dropped | BadRow:
    commit = shelved.row.commit[:12]
    if shelved.is_of_pairs:
        verdict = "benign" if shelved.row.is_vulnerable else "vulnerable"
        who = shelved.row.name or "this function"
        problem = f"no {verdict} partner of {who} in its commit {commit}, though the file is of pairs"
        return BadRow(shelved.where, f"{problem}: are its columns shuffled?")
    return Dropped(shelved.where, "no partner in its commit")
