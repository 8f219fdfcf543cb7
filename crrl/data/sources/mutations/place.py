"""Where in a program a bug can be put: the text of its nodes, what is around them, and how a change is written.

A change replaces bytes of the source and nothing else, so that everything around the bug stays as it was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst
from libcst.metadata import CodeSpan

from crrl.data.sources.mutations.names import FunctionNames

_ATOMS = (
    *(cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.BaseNumber, cst.SimpleString, cst.FormattedString),
    *(cst.List, cst.Dict, cst.Set, cst.ListComp, cst.DictComp, cst.SetComp),
)


@dataclass(frozen=True)
class Change:
    """Bytes `start` to `end` of a module's UTF-8 source become `text`."""

    start: int
    end: int
    text: str

    def apply(self, source: bytes) -> str:
        """The changed source."""
        return (source[: self.start] + self.text.encode() + source[self.end :]).decode()


@dataclass
class Place:
    """A node's surroundings while a module is walked. One object, whose `above` changes with the walk."""

    source: bytes
    spans: Mapping[cst.CSTNode, Any]
    """Node → its CodeSpan; without blanks and parentheses around it."""
    names: FunctionNames
    """What the function that is being walked calls its things."""
    above: list[cst.CSTNode] = field(default_factory=list)
    """The nodes around the current one, the module first."""

    @property
    def parent(self) -> cst.CSTNode:
        return self.above[-1]

    def text(self, node: cst.CSTNode) -> str:
        """The node as it is written, without parentheses around it."""
        span: CodeSpan = self.spans[node]
        return self.source[span.start : span.start + span.length].decode()

    def operand(self, node: cst.BaseExpression) -> str:
        """The node as it can stand anywhere in an expression: in its parentheses, or in new ones if it needs them."""
        if node.lpar:
            first, last = self.spans[node.lpar[0]], self.spans[node.rpar[-1]]
            return self.source[first.start : last.start + last.length].decode()
        text = self.text(node)
        return text if isinstance(node, _ATOMS) else f"({text})"

    def whole(self, node: cst.BaseExpression) -> str:
        """As `operand`, without new parentheses: for a node that replaces one of at least its own binding strength."""
        return self.operand(node) if node.lpar else self.text(node)

    def replace(self, node: cst.CSTNode, text: str) -> Change:
        """The change that writes `text` for a node."""
        span: CodeSpan = self.spans[node]
        return Change(span.start, span.start + span.length, text)

    def swap(self, first: cst.CSTNode, second: cst.CSTNode) -> Change:
        """The change that exchanges two nodes, what stands between them staying; `first` comes before `second`."""
        one, two = self.spans[first], self.spans[second]
        between = self.source[one.start + one.length : two.start].decode()
        return Change(one.start, two.start + two.length, self.text(second) + between + self.text(first))

    def cut(self, start: cst.CSTNode, end: cst.CSTNode) -> Change:
        """The change that removes everything after `start` up to the end of `end`."""
        one, two = self.spans[start], self.spans[end]
        return Change(one.start + one.length, two.start + two.length, "")

    def remove_lines(self, node: cst.CSTNode) -> Change:
        """The change that removes a statement or branch: whole lines, with the comments directly above them."""
        span: CodeSpan = self.spans[node]
        start = self.source.rfind(b"\n", 0, span.start) + 1
        end = self.source.find(b"\n", span.start + len(self.text(node).rstrip().encode()))
        while (above := self._line_above(start)) and self.source[above:start].lstrip().startswith(b"#"):
            start = above
        return Change(start, len(self.source) if end < 0 else end + 1, "")

    def remove_statement(self, node: cst.CSTNode) -> Change:
        """As `remove_lines`, but a statement that stands alone in its block becomes `pass`."""
        if len(getattr(self.parent, "body", ())) > 1:
            return self.remove_lines(node)
        return self.replace(node, "pass")

    def inside(self, *kinds: type[cst.CSTNode]) -> bool:
        """Whether a node of one of these kinds is around, within the function."""
        return any(isinstance(node, kinds) for node in self.above)

    def loops(self) -> Sequence[cst.For | cst.While]:
        """The loops around the current node, the innermost last."""
        return [node for node in self.above if isinstance(node, (cst.For, cst.While))]

    def _line_above(self, start: int) -> int:
        return self.source.rfind(b"\n", 0, max(0, start - 1)) + 1 if start else 0
