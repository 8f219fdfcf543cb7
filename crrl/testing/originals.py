"""Which installed files does a tree stand for? A task about a broken `textwrap.py` must not find the right one."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.util import cache_from_source
from pathlib import Path

_PLACES = ("stdlib", "purelib", "platlib")


@lru_cache(maxsize=1024)
def originals(paths: Sequence[str]) -> list[str]:
    """The installed files of the same paths, as source and compiled, and the folders that they lie in. Cost: a look each."""
    return sorted({str(found.resolve()) for path in paths for found in _twins(path)})


def _twins(path: str) -> Iterator[Path]:
    for place in _PLACES:
        file = Path(sysconfig.get_path(place)) / path
        if path.endswith(".py") and os.path.isfile(file):  # noqa: PTH113 (Path.is_file raises for a name that is too long)
            yield from (file, Path(cache_from_source(str(file))), file.parent)
