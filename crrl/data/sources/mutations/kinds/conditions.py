"""Bugs of branching: the wrong way, a guard or a branch that is not there."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from crrl.data.sources.mutations.kinds.registry import bug
from crrl.data.sources.mutations.place import Change, Place

_OPPOSITE: dict[type[cst.CSTNode], str] = {
    cst.Equal: "!=",
    cst.NotEqual: "==",
    cst.In: "not in",
    cst.NotIn: "in",
    cst.Is: "is not",
    cst.IsNot: "is",
}
_LEAVES = (cst.Return, cst.Raise, cst.Continue, cst.Break)
_MAX_GUARD_STATEMENTS = 3


@bug(
    "inverted-condition",
    *(cst.Comparison, cst.UnaryOperation, cst.If, cst.IfExp, cst.CompIf),
    before="if x is None:\n    x = []",
    after="if x is not None:\n    x = []",
)
def inverted_condition(
    node: cst.Comparison | cst.UnaryOperation | cst.If | cst.IfExp | cst.CompIf, place: Place
) -> Iterator[Change]:
    """A condition holds exactly when it should not."""
    if isinstance(node, cst.Comparison):
        if len(node.comparisons) == 1 and (opposite := _OPPOSITE.get(type(node.comparisons[0].operator))):
            yield place.replace(node.comparisons[0].operator, opposite)
    elif isinstance(node, cst.UnaryOperation):
        if isinstance(node.operator, cst.Not):
            yield place.replace(node, place.operand(node.expression))
    elif isinstance(node.test, (cst.Name, cst.Attribute, cst.Call, cst.Subscript)):
        yield place.replace(node.test, f"not {place.text(node.test)}")


@bug("dropped-guard", cst.If, before="if not xs:\n    return 0\nreturn max(xs)", after="return max(xs)")
def dropped_guard(node: cst.If, place: Place) -> Iterator[Change]:
    """The check that leaves early (return, raise, continue, break) is not there."""
    body = node.body.body
    last = body[-1]
    leaves = isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], _LEAVES)
    if node.orelse is None and leaves and len(body) <= _MAX_GUARD_STATEMENTS and not isinstance(place.parent, cst.If):
        yield place.remove_statement(node)


@bug(
    "dropped-branch",
    *(cst.Else, cst.If),
    before="if a:\n    b = 1\nelse:\n    b = 2",
    after="if a:\n    b = 1",
)
def dropped_branch(node: cst.Else | cst.If, place: Place) -> Iterator[Change]:
    """An `else` or the last `elif` is not there."""
    if isinstance(place.parent, cst.If) and place.parent.orelse is node and not getattr(node, "orelse", None):
        yield place.remove_lines(node)


@bug(
    "dropped-except",
    *(cst.Try, cst.ExceptHandler),
    before="try:\n    f()\nexcept (KeyError, IndexError):\n    pass",
    after="try:\n    f()\nexcept KeyError:\n    pass",
)
def dropped_except(node: cst.Try | cst.ExceptHandler, place: Place) -> Iterator[Change]:
    """One of several exceptions is not handled."""
    if isinstance(node, cst.Try):
        for handler in node.handlers if len(node.handlers) > 1 else ():
            yield place.remove_lines(handler)
    elif isinstance(node.type, cst.Tuple):
        for element in node.type.elements[:2]:
            whole = place.operand(node.type)
            start = place.spans[node.type.lpar[0] if node.type.lpar else node.type].start
            yield Change(start, start + len(whole.encode()), place.text(element.value))


@bug("swapped-branches", cst.IfExp, before="return a if ok else b", after="return b if ok else a")
def swapped_branches(node: cst.IfExp, place: Place) -> Iterator[Change]:
    """A conditional expression gives the one value where it should give the other."""
    yield place.swap(node.body, node.orelse)
