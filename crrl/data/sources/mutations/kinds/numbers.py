"""Bugs of counting: one too many, one too few, the wrong part of a sequence."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from crrl.data.sources.mutations.kinds.registry import bug
from crrl.data.sources.mutations.place import Change, Place


@bug("off-by-one", cst.Integer, cst.Call, before="return items[n - 1]", after="return items[n - 2]")
def off_by_one(node: cst.Integer | cst.Call, place: Place) -> Iterator[Change]:
    """A number, or the end of a range, is one too large or too small."""
    if isinstance(node, cst.Call):
        yield from _range(node, place)
    elif node.value.isdecimal() and not place.inside(cst.Slice, cst.Param):
        value = int(node.value)
        yield place.replace(node, str(value + 1))
        is_negated = isinstance(place.parent, cst.UnaryOperation)
        if value > is_negated:
            yield place.replace(node, str(value - 1))


def _range(node: cst.Call, place: Place) -> Iterator[Change]:
    if place.text(node.func) == "range" and node.args and not node.args[-1].star:
        end = node.args[min(1, len(node.args) - 1)].value
        if not isinstance(end, cst.Integer):
            yield place.replace(end, f"{place.text(end)} - 1")
            yield place.replace(end, f"{place.text(end)} + 1")


@bug("bad-slice", cst.Slice, before="return text[1:]", after="return text[2:]")
def bad_slice(node: cst.Slice, place: Place) -> Iterator[Change]:
    """A slice starts or ends one item off, or has lost a bound or its step."""
    for bound in (node.lower, node.upper):
        if bound is None:
            continue
        if isinstance(bound, cst.Integer):
            yield place.replace(bound, str(int(bound.value) + 1))
        elif not isinstance(bound, cst.UnaryOperation):
            yield place.replace(bound, f"{place.operand(bound)} + 1")
            yield place.replace(bound, f"{place.operand(bound)} - 1")
        if node.step is None:
            yield place.replace(bound, "")
    if node.step is not None and node.second_colon and isinstance(node.second_colon, cst.Colon):
        yield place.replace(node.step, "")
