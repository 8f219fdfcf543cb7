"""The `primevul` source: functions of C and C++ before and after the repair of a vulnerability, to classify or to repair."""

from __future__ import annotations

from collections.abc import Iterator

from crrl.data.options import BuildOptions
from crrl.data.rows import Item
from crrl.data.sources.primevul.options import PrimevulOptions
from crrl.schema import Kind

SPLITS = ("train", "heldout", "all")

__all__ = ["SPLITS", "PrimevulOptions", "identity", "items"]


def items(options: PrimevulOptions, asked: BuildOptions, split: str, kind: Kind) -> Iterator[Item]:
    """As `build.items`, loaded when it is asked for: launch.py knows every source."""
    from crrl.data.sources.primevul import build

    return build.items(options, asked, split, kind)


def identity(options: PrimevulOptions) -> str:
    """As `build.identity`."""
    from crrl.data.sources.primevul import build

    return build.identity(options)
