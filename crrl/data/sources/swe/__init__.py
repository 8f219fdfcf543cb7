"""The `swe` source: issues of repositories with the fix that closed them, as repairs over several files."""

from __future__ import annotations

from collections.abc import Iterator

from crrl.data.journal import Journal
from crrl.data.rows import Item
from crrl.data.sources.swe.options import SweOptions

__all__ = ["SweOptions", "identity", "items"]


def items(options: SweOptions, journal: Journal) -> Iterator[Item]:
    """As `build.items`, loaded when it is asked for: launch.py knows every source."""
    from crrl.data.sources.swe import build

    return build.items(options, journal)


def identity(options: SweOptions) -> str:
    """As `build.identity`."""
    from crrl.data.sources.swe import build

    return build.identity(options)
