"""The `mutations` source: real Python code with one realistic bug, and the tests that notice it (docs/mutations.md)."""

from __future__ import annotations

from collections.abc import Iterator

from crrl.data.options import BuildOptions
from crrl.data.rows import Item
from crrl.data.sources.mutations.options import MutationsOptions

SPLITS = ("train", "heldout", "all")

__all__ = ["SPLITS", "MutationsOptions", "identity", "items"]


def items(options: MutationsOptions, asked: BuildOptions, split: str) -> Iterator[Item]:
    """As `build.items`, loaded when it is asked for: libcst alone takes 0.3 s, and launch.py knows every source."""
    from crrl.data.sources.mutations import build

    return build.items(options, asked, split)


def identity(options: MutationsOptions) -> str:
    """As `journal.identity`."""
    from crrl.data.sources.mutations import journal

    return journal.identity(options)
