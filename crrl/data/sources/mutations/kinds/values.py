"""Bugs of names: another variable, another attribute, results in the wrong order."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from crrl.data.sources.mutations.kinds.registry import bug
from crrl.data.sources.mutations.names import role_of
from crrl.data.sources.mutations.place import Change, Place

_MAX_OTHERS = 2


@bug("wrong-variable", cst.Name, before="return len(xs) - len(ys)", after="return len(xs) - len(xs)")
def wrong_variable(node: cst.Name, place: Place) -> Iterator[Change]:
    """Another variable of the function is used, one that is used alike elsewhere."""
    bound, role = place.names.bound, role_of(node, place.parent)
    if node.value not in bound or role == ("Attribute", "") or isinstance(place.parent, _BINDING):
        return
    here = place.spans[node].start
    alike = [name for name in bound if role in place.names.roles[name] and bound[name] < here]
    others = [name for name in alike if name not in (node.value, "self", "cls")]
    if node.value not in ("self", "cls") and not (isinstance(place.parent, cst.Arg) and place.parent.keyword is node):
        yield from (place.replace(node, name) for name in others[:_MAX_OTHERS])


_BINDING = (cst.Param, cst.AssignTarget, cst.AsName, cst.For, cst.CompFor, cst.NamedExpr, cst.FunctionDef, cst.NameItem)


@bug(
    "wrong-attribute",
    cst.Attribute,
    before="return f(self.low) + f(self.top)",
    after="return f(self.low) + f(self.low)",
)
def wrong_attribute(node: cst.Attribute, place: Place) -> Iterator[Change]:
    """Another attribute of the same object is used, one that the function uses alike elsewhere."""
    if not isinstance(node.value, cst.Name) or isinstance(place.parent, cst.AssignTarget):
        return
    known = place.names.attributes[node.value.value, role_of(node, place.parent)]
    others = [name for name in known if name != node.attr.value]
    yield from (place.replace(node.attr, name) for name in others[:_MAX_OTHERS])


@bug("swapped-targets", cst.Tuple, before="head, tail = parts", after="tail, head = parts")
def swapped_targets(node: cst.Tuple, place: Place) -> Iterator[Change]:
    """Two results are taken apart in the wrong order."""
    parent = place.parent
    is_target = isinstance(parent, (cst.AssignTarget, cst.For, cst.CompFor)) and parent.target is node
    names = [element.value for element in node.elements if isinstance(element, cst.Element)]
    if is_target and len(names) == len(node.elements) >= 2 and all(isinstance(name, cst.Name) for name in names):
        yield place.swap(names[0], names[1])
