"""Near-duplicates, exactly: is most of this text the same as of one that was seen before?

Two texts are as similar as the sets of their shingles: common elements over all elements (Jaccard; Broder 1997, "On the
resemblance and containment of documents"). None is missed: texts with a similarity of t or more have one of their first shingles
in common, in any order of all shingles, if of n shingles the first n - ⌈tn⌉ + 1 are taken (prefix filter: Bayardo et al. 2007,
"Scaling up all pairs similarity search", section 4). What is remembered lies in a temporary database on disk, so memory does not
grow with the number of texts.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from math import ceil, floor
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

SHINGLE = 4
"""Tokens in a row that count as one element."""
Shingles = NDArray[np.int64]
"""One number each, without repetition, in their order: long shingles first, as those are in few texts."""
_MAX_LENGTH = np.uint64(127)
_HASH_BITS, _OTHER_BITS = np.uint64(56), np.uint64(8)
_FACTORS = np.array([3, 5, 7, 11], dtype=np.uint64)
_SLACK = 1e-9
"""For products like 0.55 * 20, which is 11.000000000000002."""
_TOKENS = re.compile(r"\w+|[^\w\s]")
_SEVERAL = "*"


class Near(NamedTuple):
    """What is known of the bodies that are nearly the same as one."""

    is_known: bool
    """A task asks for one, or a task of another file shows one."""
    is_asked_elsewhere: bool
    """A task of another file asks for one."""
    same: int
    """The number of the one with the very same shingles; 0: there is none."""


class Bodies:
    """The functions of the files that gave tasks: those to be written, and all that are shown around them.

    Files of one group, which is the same text, may show each other's: they lie in one split.

    Cost with the shingles: about 0.6 ms a body of a hundred tokens (bench/stack.py). The database is private, and vanishes with
    the process.
    """

    def __init__(self, similarity: float) -> None:
        """Args:
        similarity: share of common elements, in (0, 1], from which on two bodies are nearly the same.
        """
        self._similarity = similarity
        self._database = sqlite3.connect("", isolation_level=None)  # "": a temporary database on disk
        self._database.execute("PRAGMA cache_size = -8192")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE bodies (id INTEGER PRIMARY KEY, shingles BLOB, name TEXT, asked INTEGER)")
        self._database.execute(
            "CREATE TABLE firsts (shingle INTEGER, size INTEGER, body INTEGER, PRIMARY KEY (shingle, size, body)) WITHOUT ROWID"
        )
        self._database.execute("BEGIN")  # never committed: what fits the cache is not written at all

    def near(self, body: Shingles, group: str) -> Near:
        """What is known of the bodies that are nearly the same as one of a file."""
        is_known = is_asked_elsewhere = False
        same = 0
        for number, shingles, name, asked in self._candidates(body):
            other = np.frombuffer(shingles, dtype=np.int64)
            if are_near(body, other, self._similarity):
                is_known |= bool(asked) or name != group
                is_asked_elsewhere |= bool(asked) and name != group
                same = number if np.array_equal(body, other) else same
        return Near(is_known, is_asked_elsewhere, same)

    def add(self, body: Shingles, group: str, near: Near, *, is_asked: bool) -> None:
        """Remember a body of a file that gave tasks; `near`: what was known of it. The same body is kept once for all groups."""
        if near.same:
            self._database.execute(
                "UPDATE bodies SET name = CASE name WHEN ? THEN name ELSE ? END, asked = MAX(asked, ?) WHERE id = ?",
                (group, _SEVERAL, is_asked, near.same),
            )
            return
        added = self._database.execute(
            "INSERT INTO bodies (shingles, name, asked) VALUES (?, ?, ?)", (body.tobytes(), group, is_asked)
        )
        firsts = _firsts(body, self._similarity)
        self._database.executemany(
            "INSERT INTO firsts VALUES (?, ?, ?)", [(shingle, len(body), added.lastrowid) for shingle in firsts]
        )

    def close(self) -> None:
        self._database.close()

    def _candidates(self, body: Shingles) -> sqlite3.Cursor:
        firsts = ",".join(map(str, _firsts(body, self._similarity)))
        sizes = _least(len(body), self._similarity), floor(len(body) / self._similarity + _SLACK)
        return self._database.execute(
            "SELECT id, shingles, name, asked FROM bodies WHERE id IN "
            f"(SELECT body FROM firsts WHERE shingle IN ({firsts}) AND size BETWEEN ? AND ?)",
            sizes,
        )


def are_near(one: Shingles, other: Shingles, similarity: float) -> bool:
    """Whether two texts have this share of their shingles in common."""
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common) >= similarity


def repeated(bodies: Sequence[Shingles], similarity: float) -> list[bool]:
    """Of each body, whether another one of the same file is nearly the same."""
    holders: dict[int, list[int]] = defaultdict(list)
    for at, body in enumerate(bodies):
        for shingle in _firsts(body, similarity):
            holders[shingle].append(at)
    pairs = {pair for holding in holders.values() for pair in combinations(holding, 2)}
    near = {at for one, other in pairs if are_near(bodies[one], bodies[other], similarity) for at in (one, other)}
    return [at in near for at in range(len(bodies))]


def shingles_of(text: str) -> Shingles:
    """The shingles of a text; blanks and line breaks do not count."""
    tokens = _TOKENS.findall(text)
    tokens += [""] * (SHINGLE - len(tokens))
    numbers = np.fromiter(map(_number_of, tokens), dtype=np.uint64, count=len(tokens))
    lengths = np.fromiter(map(len, tokens), dtype=np.uint64, count=len(tokens))
    mixed = (sliding_window_view(numbers, SHINGLE) * _FACTORS).sum(
        axis=1
    )  # modulo 2**64, so its high bits are the mixed ones
    shortness = _MAX_LENGTH - np.minimum(sliding_window_view(lengths, SHINGLE).sum(axis=1), _MAX_LENGTH)
    return np.unique(shortness << _HASH_BITS | mixed >> _OTHER_BITS).astype(np.int64)


@lru_cache(maxsize=1 << 14)
def _number_of(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _firsts(body: Shingles, similarity: float) -> list[int]:
    """Of these, any two bodies that are similar have one in common."""
    firsts: list[int] = body[: len(body) - _least(len(body), similarity) + 1].tolist()
    return firsts


def _least(size: int, similarity: float) -> int:
    """How many shingles of a body a similar one has at least."""
    return ceil(similarity * size - _SLACK)
