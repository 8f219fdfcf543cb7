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
LEAST_OF_RENAMED = 0.8
"""… where only their likeness says that they belong together."""
AGAIN = "the same function with the same verdict as in an earlier row of its commit"
SEVERAL = "several functions of this name in one commit"
REWRITTEN = "a function and its repair have less than half of their words in common"

_Said = tuple[str, bool]
"""A function's content and its verdict."""


class Pair(NamedTuple):
    """One function before and after."""

    vulnerable: Shelved
    fixed: Shelved


def pairs_of(rows: Sequence[Shelved]) -> list[Pair | Dropped | BadRow]:
    """The pairs of one commit, and what became of every other row.

    Rows that say the same count once. Two rows are a pair if they have the same name (and file, where several have the name),
    opposite verdicts, and are alike. Of what is left, one vulnerable and one benign function that are alike are taken for a
    renamed one.
    """
    found: list[Pair | Dropped | BadRow] = []
    left: list[Shelved] = []
    paired: set[_Said] = set()
    for several in _groups(_with_all_weaknesses(rows)):
        group = _each_once(several)
        found += [Dropped(shelved.where, AGAIN) for shelved in several if shelved not in group]
        reason = _why_no_pair(group)
        if reason is None:
            left += group
        elif not reason and not paired.issuperset(map(_said, group)):
            paired.update(map(_said, group))
            found.append(_checked(*_by_verdict(group)))
        else:
            found += [Dropped(shelved.where, reason or AGAIN) for shelved in group]
    found += [Dropped(shelved.where, AGAIN) for shelved in left if _said(shelved) in paired]
    left = [shelved for shelved in left if _said(shelved) not in paired]
    if _are_opposite(left) and similarity(*left) >= LEAST_OF_RENAMED:
        return [*found, _checked(*_by_verdict(left))]
    return [*found, *(_alone(shelved) for shelved in left)]


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


def _each_once(rows: Sequence[Shelved]) -> list[Shelved]:
    first: dict[_Said, Shelved] = {}
    for shelved in rows:
        first.setdefault(_said(shelved), shelved)
    return list(first.values())


def _why_no_pair(group: Sequence[Shelved]) -> str | None:
    """Why the different functions of one name make no pair; "" if they do; None if they say nothing of it."""
    if _are_opposite(group) and similarity(*group) >= LEAST_SIMILARITY:
        return ""
    if len({shelved.row.is_vulnerable for shelved in group}) == 1 or not group[0].row.name:
        return None
    return REWRITTEN if _are_opposite(group) else SEVERAL


def _are_opposite(rows: Sequence[Shelved]) -> bool:
    return sorted(shelved.row.is_vulnerable for shelved in rows) == [False, True]


def _by_verdict(rows: Sequence[Shelved]) -> tuple[Shelved, Shelved]:
    """Two opposite rows, the vulnerable one first."""
    one, other = rows
    return (one, other) if one.row.is_vulnerable else (other, one)


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
