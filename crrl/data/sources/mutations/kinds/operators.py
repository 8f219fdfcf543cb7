"""Bugs of operators: a near one in its place, operands in the wrong order, one operand forgotten."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from crrl.data.sources.mutations.kinds.registry import bug
from crrl.data.sources.mutations.place import Change, Place

_BOUNDARY: dict[type[cst.CSTNode], str] = {
    cst.LessThan: "<=",
    cst.LessThanEqual: "<",
    cst.GreaterThan: ">=",
    cst.GreaterThanEqual: ">",
}
_DIRECTION: dict[type[cst.CSTNode], str] = {
    cst.LessThan: ">",
    cst.LessThanEqual: ">=",
    cst.GreaterThan: "<",
    cst.GreaterThanEqual: "<=",
}
_ARITHMETIC: dict[type[cst.CSTNode], tuple[str, ...]] = {
    cst.Add: ("-",),
    cst.Subtract: ("+",),
    cst.Multiply: ("+", "//"),
    cst.Divide: ("//", "*"),
    cst.FloorDivide: ("/", "%"),
    cst.Modulo: ("//",),
    cst.Power: ("*",),
}
_BITWISE: dict[type[cst.CSTNode], str] = {
    cst.BitAnd: "|",
    cst.BitOr: "&",
    cst.BitXor: "|",
    cst.LeftShift: ">>",
    cst.RightShift: "<<",
}
_AUGMENTED: dict[type[cst.CSTNode], tuple[str, ...]] = {
    cst.AddAssign: ("-=", "="),
    cst.SubtractAssign: ("+=",),
    cst.MultiplyAssign: ("+=",),
    cst.BitOrAssign: ("&=", "="),
    cst.BitAndAssign: ("|=",),
    cst.LeftShiftAssign: (">>=",),
    cst.RightShiftAssign: ("<<=",),
    cst.FloorDivideAssign: ("/=", "%="),
    cst.ModuloAssign: ("//=",),
}
_ORDERED = (cst.Subtract, cst.Divide, cst.FloorDivide, cst.Modulo, cst.Power, cst.LeftShift, cst.RightShift)
_TEXTS = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)


@bug("comparison-boundary", *_BOUNDARY, before="if n < limit:\n    n = 0", after="if n <= limit:\n    n = 0")
def comparison_boundary(node: cst.BaseCompOp, place: Place) -> Iterator[Change]:
    """A comparison takes in the bound itself, or leaves it out."""
    yield place.replace(node, _BOUNDARY[type(node)])


@bug("comparison-direction", *_DIRECTION, before="return a if a > b else b", after="return a if a < b else b")
def comparison_direction(node: cst.BaseCompOp, place: Place) -> Iterator[Change]:
    """A comparison points the wrong way."""
    if not isinstance(place.above[-2], cst.While) and not isinstance(place.above[-3], cst.While):  # it would not end
        yield place.replace(node, _DIRECTION[type(node)])


@bug("arithmetic-operator", cst.BinaryOperation, before="return total / n", after="return total // n")
def arithmetic_operator(node: cst.BinaryOperation, place: Place) -> Iterator[Change]:
    """A sum is a difference, a division a whole one, and the like."""
    if not isinstance(node.left, _TEXTS) and not isinstance(node.right, _TEXTS):
        for text in _ARITHMETIC.get(type(node.operator), ()):
            yield place.replace(node.operator, text)


@bug("bitwise-operator", cst.BinaryOperation, before="return flags & mask", after="return flags | mask")
def bitwise_operator(node: cst.BinaryOperation, place: Place) -> Iterator[Change]:
    """Bits are joined where they should be masked, or shifted the wrong way."""
    if text := _BITWISE.get(type(node.operator)):
        yield place.replace(node.operator, text)


@bug("augmented-assignment", cst.AugAssign, before="total += x", after="total -= x")
def augmented_assignment(node: cst.AugAssign, place: Place) -> Iterator[Change]:
    """A value is changed by the wrong operator, or replaced where it should grow."""
    target = place.text(node.target)
    if not any(isinstance(loop, cst.While) and target in place.text(loop.test) for loop in place.loops()):
        for text in _AUGMENTED.get(type(node.operator), ()):
            yield place.replace(node.operator, text)


@bug("swapped-operands", cst.BinaryOperation, before="return end - start", after="return start - end")
def swapped_operands(node: cst.BinaryOperation, place: Place) -> Iterator[Change]:
    """The operands of an operator whose order matters stand in the wrong order."""
    is_join = isinstance(node.operator, cst.Add) and (isinstance(node.left, _TEXTS) != isinstance(node.right, _TEXTS))
    is_format = isinstance(node.operator, cst.Modulo) and isinstance(node.left, _TEXTS)
    if is_join or (isinstance(node.operator, _ORDERED) and not is_format):
        sign = place.text(node.operator)
        yield place.replace(node, f"{place.operand(node.right)} {sign} {place.operand(node.left)}")


@bug("boolean-operator", cst.And, cst.Or, before="if a and b:\n    a = b", after="if a or b:\n    a = b")
def boolean_operator(node: cst.And | cst.Or, place: Place) -> Iterator[Change]:
    """`and` stands where `or` belongs, or the other way round."""
    yield place.replace(node, "or" if isinstance(node, cst.And) else "and")


@bug("missing-condition", cst.BooleanOperation, before="if xs and xs[0]:\n    f()", after="if xs:\n    f()")
def missing_condition(node: cst.BooleanOperation, place: Place) -> Iterator[Change]:
    """One of the conditions joined by `and` or `or` has been forgotten."""
    yield place.replace(node, place.operand(node.left))
    yield place.replace(node, place.operand(node.right))
