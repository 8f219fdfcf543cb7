"""One journal a unit, named by a digest of everything that decides what is found: the code that is broken, its tests and what
lies around them, Python's version, and our own code.
"""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from pathlib import Path

import crrl
from crrl.cache import cache_root
from crrl.data.journal import Journal
from crrl.data.sources.mutations.library import Unit, units_of
from crrl.data.sources.mutations.options import MutationsOptions

_HERE = "data/sources/mutations"
_DECIDING = ("collect", "coverage", "judge", "suite", "surroundings")
_OWN_CODE = (*(f"{_HERE}/{name}.py" for name in _DECIDING), "testing/**/*.py", "sandbox/**/*.py")
"""Our own code that decides what is found; kinds of bugs do not, as every mutant is kept under its own text."""


def journal_of(unit: Unit) -> Journal:
    """The journal of a unit as it is now, for every build that breaks it."""
    return Journal(cache_root() / "mutations" / f"{unit.name}-{unit_digest(unit)[:24]}.jsonl")


def identity(options: MutationsOptions) -> str:
    """Changes whenever the source would yield something else for the same options."""
    digests = "".join(map(unit_digest, units_of(options)))
    return hashlib.sha256(digests.encode()).hexdigest()


def unit_digest(unit: Unit) -> str:
    """Changes with the unit's code, its tests, all else that a folder brings, Python, and what this project does with them."""
    digest = hashlib.sha256(f"{sys.version}\0{_own_digest()}\0{unit.unittests}{unit.pytests}\0".encode())
    for module in unit.modules:
        digest.update(f"{module.path}\0{module.text}\0".encode())
    for name in unit.unittests:
        file = unit.root / f"{name.replace('.', '/')}.py"
        digest.update(file.read_bytes() if file.is_file() else b"")
    for path, text in unit.tree.items():
        digest.update(f"{path}\0{text}\0".encode())
    return digest.hexdigest()


@cache
def _own_digest() -> str:
    root = Path(crrl.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _OWN_CODE for path in root.glob(pattern)):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
