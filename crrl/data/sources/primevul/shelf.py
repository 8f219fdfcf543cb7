"""All rows of the set in a temporary database on disk, so that they can be asked for by commit and by content."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from types import TracebackType
from typing import NamedTuple

from crrl.data.sources.primevul.rows import Row


class Shelved(NamedTuple):
    """A row, where it was read, and the split that it belongs to."""

    row: Row
    where: str
    split: str
    is_of_pairs: bool
    """The file promises that every row has its partner."""


class Shelf:
    """A context manager. Memory does not grow with the number of rows; cost: about 30 µs a row."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA cache_size = -16384")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute(
            "CREATE TABLE rows (id INTEGER PRIMARY KEY, commit_key TEXT, content TEXT, vulnerable INTEGER, split TEXT, "
            "is_of_pairs INTEGER, place TEXT, row TEXT)"
        )

    def __enter__(self) -> Shelf:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def put(self, shelved: Shelved) -> None:
        """Add a row."""
        row = shelved.row
        values = (f"{row.project}@{row.commit}@{shelved.split}", row.content, row.is_vulnerable, shelved.split)
        self._database.execute(
            "INSERT INTO rows (commit_key, content, vulnerable, split, is_of_pairs, place, row) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*values, shelved.is_of_pairs, shelved.where, json.dumps(asdict(row))),
        )

    def close_intake(self) -> None:
        """To be called once every row is in, before any is asked for."""
        self._database.execute("CREATE INDEX by_commit ON rows (commit_key, id)")
        self._database.execute("CREATE INDEX by_content ON rows (content, split, vulnerable)")

    def commits(self) -> Iterator[list[Shelved]]:
        """The rows of each commit within a split, in the order of the commits' first rows."""
        keys = self._database.execute(
            "SELECT commit_key, MIN(id) AS first FROM rows GROUP BY commit_key ORDER BY first"
        )
        for key, _ in keys:
            yield [
                _shelved(*found)
                for found in self._database.execute(f"{_SELECT} WHERE commit_key = ? ORDER BY id", (key,))
            ]

    def has(self, content: str, *, split: str) -> bool:
        """Whether a split holds a function of this content."""
        query = "SELECT 1 FROM rows WHERE content = ? AND split = ? LIMIT 1"
        return self._database.execute(query, (content, split)).fetchone() is not None

    def where_judged(self, content: str, *, vulnerable: bool) -> str:
        """Where a function of this content has this verdict; "" if nowhere."""
        query = "SELECT place FROM rows WHERE content = ? AND vulnerable = ? ORDER BY id LIMIT 1"
        found = self._database.execute(query, (content, vulnerable)).fetchone()
        return str(found[0]) if found else ""

    def weaknesses(self, content: str) -> set[frozenset[str]]:
        """What each commit calls a vulnerable function of this content, as far as it names anything."""
        query = "SELECT commit_key, row FROM rows WHERE content = ? AND vulnerable"
        named: dict[str, set[str]] = defaultdict(set)
        for commit, row in self._database.execute(query, (content,)):
            named[commit].update(json.loads(row)["cwes"])
        return {frozenset(cwes) for cwes in named.values() if cwes}


_SELECT = "SELECT row, place, split, is_of_pairs FROM rows"


def _shelved(row: str, where: str, split: str, is_of_pairs: int) -> Shelved:
    values = json.loads(row)
    return Shelved(Row(**{**values, "cwes": tuple(values["cwes"])}), where, split, bool(is_of_pairs))
