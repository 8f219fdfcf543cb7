"""What one function calls its things: the names, attributes and texts that a slip of the pen takes for one another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

Role = tuple[str, str]
"""How a name is used: by which kind of node around it, and in which of its fields."""


@dataclass
class FunctionNames:
    """Everything is in the order of the source, so that the same function always proposes the same changes."""

    bound: dict[str, int] = field(default_factory=dict)
    """Parameter or local name → the byte where it is first bound."""
    roles: dict[str, set[Role]] = field(default_factory=lambda: defaultdict(set))
    """Name → how it is used."""
    attributes: dict[tuple[str, Role], list[str]] = field(default_factory=lambda: defaultdict(list))
    """(base, role) → attributes of it: `self` has been asked for these."""
    texts: list[str] = field(default_factory=list)
    """String literals as they are written, docstrings left out."""


def names_of(function: cst.FunctionDef, spans: Mapping[cst.CSTNode, Any]) -> FunctionNames:
    """Read them from a function, given where its nodes are. Cost: one walk."""
    reader = _Reader(spans)
    function.visit(reader)
    return reader.names


def role_of(node: cst.CSTNode, parent: cst.CSTNode) -> Role:
    """How a node is used by the node around it."""
    for name in ("func", "value", "left", "right", "comparator", "test", "iter", "slice", "msg", "operator"):
        if getattr(parent, name, None) is node:
            return type(parent).__name__, name
    return type(parent).__name__, ""


class _Reader(cst.CSTVisitor):
    def __init__(self, spans: Mapping[cst.CSTNode, Any]) -> None:
        self.names = FunctionNames()
        self._spans = spans
        self._above: list[cst.CSTNode] = []
        self._hidden = 0  # how many inner functions, classes and comprehensions are around

    def on_visit(self, node: cst.CSTNode) -> bool:
        parent = self._above[-1] if self._above else node
        if isinstance(node, cst.Annotation):
            return False
        self._note(node, parent)
        self._above.append(node)
        self._hidden += isinstance(node, _INNER_SCOPES) and len(self._above) > 1
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if self._above and self._above[-1] is original_node:
            self._hidden -= isinstance(original_node, _INNER_SCOPES) and len(self._above) > 1
            self._above.pop()

    def _note(self, node: cst.CSTNode, parent: cst.CSTNode) -> None:
        if isinstance(node, cst.Name):
            if _binds(node, self._above):
                if not self._hidden:
                    self.names.bound.setdefault(node.value, self._spans[node].start)
            elif not (isinstance(parent, cst.Attribute) and parent.attr is node):
                self.names.roles[node.value].add(role_of(node, parent))
        elif isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name):
            known = self.names.attributes[node.value.value, role_of(node, parent)]
            if node.attr.value not in known:
                known.append(node.attr.value)
        elif isinstance(node, cst.SimpleString) and not isinstance(parent, cst.Expr):
            self.names.texts.append(node.value)


_INNER_SCOPES = (cst.FunctionDef, cst.Lambda, cst.ClassDef, cst.BaseComp)


def _binds(node: cst.Name, above: Sequence[cst.CSTNode]) -> bool:
    inner: cst.CSTNode = node
    for outer in reversed(above):
        if isinstance(outer, (cst.Param, cst.NamedExpr)):
            return getattr(outer, "name", getattr(outer, "target", None)) is inner
        if isinstance(outer, (cst.For, cst.CompFor, cst.AssignTarget, cst.AnnAssign)):
            return outer.target is inner
        if not isinstance(outer, (cst.Element, cst.StarredElement, cst.Tuple, cst.List)):
            return isinstance(outer, cst.AsName)
        inner = outer
    return False
