"""What was found out so far, kept on disk so that a build that was killed goes on where it was.

One file of JSON lines a unit, named by a digest of everything that decides what is found: the code that is broken, its
tests, Python's version, and our own code. A line counts once it is whole.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import crrl
from crrl.cache import cache_root
from crrl.data.sources.mutations.library import Unit, units_of
from crrl.data.sources.mutations.options import MutationsOptions

_HERE = "data/sources/mutations"
_DECIDING = ("collect", "coverage", "judge", "suite", "surroundings")
_OWN_CODE = (*(f"{_HERE}/{name}.py" for name in _DECIDING), "testing/**/*.py", "sandbox/**/*.py")
"""Our own code that decides what is found; kinds of bugs do not, as every mutant is kept under its own text."""


class Journal:
    """Key → what was found. Made for many threads: what one of them is looking for, the others wait for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._known = _read(path)

    @classmethod
    def of(cls, unit: Unit) -> Journal:
        """The journal of a unit as it is now."""
        return cls(cache_root() / "mutations" / f"{unit.name}-{unit_digest(unit)[:24]}.jsonl")

    def get(self, key: str, find: Callable[[], Any]) -> Any:
        """What is known under a key, else what `find` returns, which is then kept. Values are what JSON holds."""
        with self._lock:
            own = self._locks.setdefault(key, threading.Lock())
        with own:
            return self._known[key] if key in self._known else self._keep(key, find())

    def _keep(self, key: str, value: Any) -> Any:
        line = json.dumps([key, value]).encode() + b"\n"
        with self._lock:
            self._known[key] = value
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as out:
                out.write(line)
        return value


def identity(options: MutationsOptions) -> str:
    """Changes whenever the source would yield something else for the same options."""
    digests = "".join(map(unit_digest, units_of(options)))
    return hashlib.sha256(digests.encode()).hexdigest()


def unit_digest(unit: Unit) -> str:
    """Changes with the unit's code, its tests, Python, and what this project does with them."""
    digest = hashlib.sha256(f"{sys.version}\0{_own_digest()}\0{unit.unittests}{unit.pytests}\0".encode())
    for module in unit.modules:
        digest.update(f"{module.path}\0{module.text}\0".encode())
    for name in unit.unittests:
        file = unit.root / f"{name.replace('.', '/')}.py"
        digest.update(file.read_bytes() if file.is_file() else b"")
    for path in unit.pytests:
        digest.update((unit.root / path).read_bytes())
    return digest.hexdigest()


@cache
def _own_digest() -> str:
    root = Path(crrl.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _OWN_CODE for path in root.glob(pattern)):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _read(path: Path) -> dict[str, Any]:
    known: dict[str, Any] = {}
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return known
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) != len(data):  # killed in the middle of a line: cut it off, or the next one would be part of it
        with path.open("r+b") as file:
            file.truncate(len(whole))
    for line in whole.splitlines():
        key, value = json.loads(line)
        known[key] = value
    return known
