"""The Python files of a folder that are its own code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_NO_CODE = frozenset({"site-packages", "dist-packages", "__pycache__", "node_modules", "build", "dist"})


def python_files(folder: Path) -> Iterator[Path]:
    """Yields them in a fixed order, without what is hidden, built, or installed: of virtual environments nothing."""
    for place, folders, names in os.walk(folder):
        if "pyvenv.cfg" in names:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _NO_CODE)
        for name in sorted(names):
            file = Path(place, name)
            if name.endswith(".py") and not name.startswith(".") and file.is_file():
                yield file
