"""The `stack` source: Python functions with good docstrings, to be written anew."""

from __future__ import annotations

from collections.abc import Iterator

from crrl.data.journal import Journal
from crrl.data.rows import Item
from crrl.data.sources.stack.options import StackOptions

__all__ = ["StackOptions", "identity", "items"]


def items(options: StackOptions, journal: Journal) -> Iterator[Item]:
    """As `build.items`, loaded when it is asked for: launch.py knows every source."""
    from crrl.data.sources.stack import build

    return build.items(options, journal)


def identity(options: StackOptions) -> str:
    """As `code_files.identity`."""
    from crrl.data.sources.stack import code_files

    return code_files.identity(options)
