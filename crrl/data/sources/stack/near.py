"""Near-duplicates by MinHash: is most of this text the same as of one that was seen before?

What is remembered lies in a temporary database on disk, so memory does not grow with the number of texts. Source: Broder 1997,
"On the resemblance and containment of documents"; banding as in Leskovec et al., Mining of Massive Datasets, chapter 3.
"""

from __future__ import annotations

import re
import sqlite3
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PERMUTATIONS = 64
BANDS = 8
"""Of 8 rows each: texts with a similarity of 0.9 meet with a chance of 0.99, of 0.8 with 0.77, of 0.5 with 0.03."""
SHINGLE = 4
"""Tokens in a row that count as one element."""
Signature = NDArray[np.uint32]
_PRIME = np.uint64((1 << 31) - 1)
_TOKENS = re.compile(r"\w+|[^\w\s]")
_draw = np.random.default_rng(20)
_FACTORS = _draw.integers(1, int(_PRIME), (PERMUTATIONS, 1), dtype=np.uint64)
_SUMMANDS = _draw.integers(0, int(_PRIME), (PERMUTATIONS, 1), dtype=np.uint64)


class Bodies:
    """The functions of the files that gave tasks: those to be written, and all that are shown around them.

    Files of one group, which is the same text, may show each other's: they lie in one split.
    """

    def __init__(self, similarity: float) -> None:
        """Args:
        similarity: share of common elements, in (0, 1], from which on two bodies are nearly the same.
        """
        self._answers = NearTexts(similarity)
        self._shown = NearTexts(similarity)

    def is_known(self, body: Signature, group: str) -> bool:
        """Whether nearly this body was to be written before, or is shown by a task of another file."""
        return bool(self._answers.groups_near(body)) or bool(self._shown.groups_near(body) - {group})

    def show_an_answer(self, bodies: Sequence[Signature], group: str) -> bool:
        """Whether one of a file's functions is nearly what was to be written in another one."""
        return any(self._answers.groups_near(body) - {group} for body in bodies)

    def add_answer(self, body: Signature, group: str) -> None:
        """Remember what a task asks for."""
        self._answers.add(body, group)

    def add_shown(self, bodies: Sequence[Signature], group: str) -> None:
        """Remember all functions of a file that gave tasks."""
        for body in bodies:
            self._shown.add(body, group)

    def close(self) -> None:
        self._answers.close()
        self._shown.close()


class NearTexts:
    """Texts that were added, each with the name of a group, and which of them are almost the same as another.

    Cost with the signature: about 0.1 ms a text of a hundred tokens (bench/stack.py). The file is private, and vanishes with
    the process.
    """

    def __init__(self, similarity: float) -> None:
        """Args: as of `Bodies`."""
        self._least = least_agreement(similarity)
        self._count = 0
        self._database = sqlite3.connect("", isolation_level=None)  # "": a temporary database on disk
        self._database.execute("PRAGMA cache_size = -8192")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE bands (key INTEGER PRIMARY KEY, text INTEGER) WITHOUT ROWID")
        self._database.execute("CREATE TABLE texts (id INTEGER PRIMARY KEY, signature BLOB, name TEXT)")

    def groups_near(self, signature: Signature) -> set[str]:
        """The groups of texts that are nearly the same; of those that are so among themselves, perhaps of the first only."""
        keys = _band_keys(signature)
        marks = ",".join("?" * len(keys))
        found = self._database.execute(
            f"SELECT DISTINCT signature, name FROM bands JOIN texts ON id = text WHERE key IN ({marks})", keys
        )
        return {
            name
            for other, name in found
            if np.count_nonzero(np.frombuffer(other, dtype=np.uint32) == signature) >= self._least
        }

    def add(self, signature: Signature, group: str) -> None:
        """Remember a text by its signature."""
        keys = _band_keys(signature)
        self._count += 1
        added = self._database.executemany(
            "INSERT OR IGNORE INTO bands VALUES (?, ?)", [(key, self._count) for key in keys]
        )
        if added.rowcount:
            self._database.execute("INSERT INTO texts VALUES (?, ?, ?)", (self._count, signature.tobytes(), group))

    def close(self) -> None:
        self._database.close()


def least_agreement(similarity: float) -> float:
    """How many values of two signatures agree in texts that are this similar."""
    return similarity * PERMUTATIONS


def repeated(bodies: Sequence[Signature], similarity: float) -> list[bool]:
    """Of each body, whether another one of the same file is nearly the same."""
    if not bodies:
        return []
    table = np.stack(bodies)
    least = least_agreement(similarity)
    return [bool(np.count_nonzero((table == body).sum(axis=1) >= least) > 1) for body in bodies]


def signature_of(text: str) -> Signature:
    """The smallest hash of a text's shingles under each permutation; blanks and line breaks do not count."""
    tokens = _TOKENS.findall(text)
    shingles = {" ".join(tokens[at : at + SHINGLE]) for at in range(max(1, len(tokens) - SHINGLE + 1))}
    hashes = np.fromiter(
        (zlib.crc32(shingle.encode("utf-8", "surrogatepass")) for shingle in shingles), dtype=np.uint64
    )
    smallest: Signature = ((_FACTORS * (hashes % _PRIME) + _SUMMANDS) % _PRIME).min(axis=1).astype(np.uint32)
    return smallest


def _band_keys(signature: Signature) -> list[int]:
    """One 63-bit number for each band and its values."""
    rows = PERMUTATIONS // BANDS
    keys = []
    for band in range(BANDS):
        part = signature[band * rows : (band + 1) * rows].tobytes()
        keys.append((zlib.crc32(part, band) << 31) ^ zlib.crc32(part[::-1], band + 101))
    return keys
