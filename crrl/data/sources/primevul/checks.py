"""Is the set what it says? Files of pairs hold pairs, and repairs add code."""

from __future__ import annotations

from collections import Counter

from crrl.data.rows import Dropped
from crrl.data.sources.primevul.options import PrimevulOptions
from crrl.data.sources.primevul.pairs import LONE, Pair, pairs_of
from crrl.data.sources.primevul.shelf import Shelf, Shelved
from crrl.errors import DataError

_ENOUGH_PAIRS = 50
"""For telling by the lengths whether verdicts are inverted."""
_MOST_LONE = 0.4
"""Of the rows of a file of pairs. Shuffled verdicts leave half of the rows without a partner, any other shuffled column more."""


def check(shelf: Shelf, options: PrimevulOptions) -> None:
    """Raises DataError for a file of pairs that holds few, and for verdicts that look inverted.

    Repairs add code more often than they take it away. Where it is the other way round, the verdicts are.
    """
    rows: Counter[str] = Counter()
    lone: dict[str, list[Shelved]] = {}
    longer = shorter = 0
    for commit in shelf.commits():
        of_pairs = {shelved.where: shelved for shelved in commit if shelved.is_of_pairs}
        rows.update(map(_file_of, of_pairs))
        for found in pairs_of(commit):
            if isinstance(found, Pair):
                longer += len(found.fixed.row.func) > len(found.vulnerable.row.func)
                shorter += len(found.fixed.row.func) < len(found.vulnerable.row.func)
            elif isinstance(found, Dropped) and found.reason == LONE and found.where in of_pairs:
                lone.setdefault(_file_of(found.where), []).append(of_pairs[found.where])
    for file, alone in lone.items():
        if len(alone) > _MOST_LONE * rows[file]:
            raise DataError(_shuffled(alone[0], len(alone), rows[file]))
    if options.verdicts == "check" and longer + shorter >= _ENOUGH_PAIRS and shorter > longer:
        raise DataError(
            f"{options.path}: verdicts look inverted: the benign function is the shorter one in {shorter} of "
            f"{longer + shorter} pairs, and repairs mostly add code; verdicts=inverted turns them round, verdicts=as-named "
            "takes them as they are"
        )


def _file_of(where: str) -> str:
    return where.rpartition(" row ")[0]


def _shuffled(first: Shelved, alone: int, rows: int) -> str:
    verdict = "benign" if first.row.is_vulnerable else "vulnerable"
    who = first.row.name or "this function"
    return (
        f"{first.where}: no {verdict} partner of {who} in its commit {first.row.commit[:12]}, as of {alone} of the "
        f"{rows} rows of its file, though the file is of pairs: are its columns shuffled?"
    )
