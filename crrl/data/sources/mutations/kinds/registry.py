"""What a kind of bug is, and the table of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar, cast

import libcst as cst

from crrl.data.sources.mutations.place import Change, Place

Propose = Callable[[cst.CSTNode, Place], Iterator[Change]]
Node = TypeVar("Node", bound=cst.CSTNode)


@dataclass(frozen=True)
class BugKind:
    """One kind of bug: how it is called, where it can be, what it looks like."""

    name: str
    about: str
    """One sentence, from the docstring of its function."""
    nodes: tuple[type[cst.CSTNode], ...]
    """The nodes of a program that it looks at."""
    before: str
    after: str
    """An example: a line or two of a function, right and broken."""
    propose: Propose
    """(node, place) → every change that puts this bug there."""


KINDS: dict[str, BugKind] = {}
"""Name → kind, in the order in which the modules of this package define them."""


def bug(name: str, *nodes: type[Node], before: str, after: str) -> Callable[..., Callable[..., Iterator[Change]]]:
    """Make a kind of bug of a function (node, place) → changes; its docstring says what the bug is."""

    def register(propose: Callable[[Node, Place], Iterator[Change]]) -> Callable[[Node, Place], Iterator[Change]]:
        about = (propose.__doc__ or "").strip().partition("\n")[0]
        KINDS[name] = BugKind(name, about, nodes, before, after, cast(Propose, propose))
        return propose

    return register
