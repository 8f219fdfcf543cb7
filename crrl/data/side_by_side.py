"""Several plans read side by side, for a mixture: which of two rows of equal content is the earlier one depends on no split.

What a split takes of a part depends on where the part's tasks lie. Were rows read only as they are taken, a row of one part
would come before its equal in another part in one split and after it in the other, and both splits could hold it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

from crrl.data.journal import Journal
from crrl.data.rows import (
    ELSEWHERE,
    Found,
    Item,
    SeenKeys,
    Single,
    Sourced,
    Together,
    single_as_dict,
    single_from_dict,
)

if TYPE_CHECKING:
    from crrl.data.plan import Plan


class SideBySide:
    """What becomes of the rows of each part; parts that make their splits themselves are read on their own.

    The others are read in the order of a mixture of both splits. What is read before its part asks for it waits in a temporary
    file: memory stays flat.
    """

    def __init__(self, plans: Sequence[Plan], shares: Sequence[float], journal: Journal) -> None:
        from crrl.data.build import judged_rows

        self._journals = [journal.part(str(place)) for place in range(len(plans))]
        self._plans, self._seen, self._waiting = plans, SeenKeys(), _Waiting()
        self._rows = [judged_rows(plan, own, self._seen) for plan, own in zip(plans, self._journals, strict=True)]
        self._shared = [place for place, plan in enumerate(plans) if plan.split not in plan.source.splits]
        self._open = list(self._shared)
        whole = sum(shares[place] for place in self._shared)
        self._shares = [share / whole if whole else share for share in shares]
        self._found = [0] * len(plans)

    def items(self, place: int) -> Generator[Item, None, None]:
        """What becomes of the rows of one part, in their order."""
        from crrl.data.build import checked_items

        items = self._items(place) if place in self._shared else self._rows[place]
        yield from checked_items(self._plans[place], items, self._journals[place])

    def close(self) -> None:
        """End the sources and forget what waits."""
        for rows in self._rows:
            rows.close()
        self._seen.close()
        self._waiting.close()

    def _items(self, place: int) -> Iterator[Item]:
        while True:
            if item := self._waiting.take(place):
                yield item
                continue
            if place not in self._open:
                return
            due = due_part(self._shares, self._found, self._open)
            item = next(self._rows[due], None)
            if item is None:
                self._open.remove(due)
                continue
            self._found[due] += _tasks_in(item)
            if due == place:
                yield item
            else:
                self._waiting.put(due, item)


def due_part(shares: Sequence[float], taken: Sequence[int], open_parts: Sequence[int]) -> int:
    """Of the parts that are open, the one that lags behind its share most, given how many tasks each has had.

    Where all are open and give one task at a time, after n tasks none of k parts is a whole task ahead of its share of n. So
    none is k - 1 tasks behind; of two parts none is one. Among uneven shares it can be a little more than one.
    """
    total = sum(taken) + 1
    return max(open_parts, key=lambda index: (shares[index] * total - taken[index], -index))


def _tasks_in(item: Item) -> int:
    """Tasks of any split, so that the number is the same whichever is built."""
    if isinstance(item, Found):
        return len(item.parts)
    return int(item.reason in ELSEWHERE)


class _Waiting:
    """Items of parts, first in, first out. The file is private and vanishes when the object is closed or the process ends."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)  # "": a temporary database on disk
        self._database.execute("PRAGMA cache_size = -4096")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE waiting (number INTEGER PRIMARY KEY, part INTEGER, item TEXT)")
        self._database.execute("CREATE INDEX parts ON waiting (part, number)")

    def put(self, part: int, item: Item) -> None:
        singles: Sequence[Single] = item.parts if isinstance(item, Together) else [item]
        text = json.dumps([single_as_dict(single) for single in singles])
        self._database.execute("INSERT INTO waiting (part, item) VALUES (?, ?)", (part, text))

    def take(self, part: int) -> Item | None:
        """The first item of a part; None if none waits."""
        asked = "SELECT number, item FROM waiting WHERE part = ? ORDER BY number LIMIT 1"
        row = self._database.execute(asked, (part,)).fetchone()
        if row is None:
            return None
        self._database.execute("DELETE FROM waiting WHERE number = ?", row[:1])
        singles = [single_from_dict(values) for values in json.loads(row[1])]
        together = tuple(single for single in singles if isinstance(single, Sourced))
        return Together(together) if len(together) > 1 else singles[0]

    def close(self) -> None:
        self._database.close()
