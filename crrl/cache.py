"""Where what can be made again is kept: built datasets, the tiny model."""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path:
    """The folder in CRRL_CACHE_DIR, else `crrl` in XDG_CACHE_HOME or ~/.cache. It may not exist yet."""
    if given := os.environ.get("CRRL_CACHE_DIR"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crrl"
