"""Bugs of control flow: a return, a statement or a loop's exit that is missing or another one."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from crrl.data.sources.mutations.kinds.registry import bug
from crrl.data.sources.mutations.place import Change, Place

_NEAR_ERRORS = {
    "KeyError": "IndexError",
    "IndexError": "KeyError",
    "ValueError": "TypeError",
    "TypeError": "ValueError",
    "AttributeError": "KeyError",
    "LookupError": "KeyError",
    "StopIteration": "IndexError",
    "OverflowError": "ValueError",
    "UnicodeError": "UnicodeDecodeError",
    "UnicodeEncodeError": "UnicodeDecodeError",
    "UnicodeDecodeError": "UnicodeEncodeError",
    "OSError": "FileNotFoundError",
    "EOFError": "ValueError",
    "NotImplementedError": "TypeError",
}


@bug("missing-return", cst.Return, before="return render(x)", after="render(x)")
def missing_return(node: cst.Return, place: Place) -> Iterator[Change]:
    """A value is worked out and not returned."""
    if isinstance(node.value, (cst.Call, cst.Await)):
        yield place.replace(node, place.text(node.value))


@bug(
    "break-continue",
    *(cst.Break, cst.Continue),
    before="for x in xs:\n    if x:\n        break",
    after="for x in xs:\n    if x:\n        continue",
)
def break_continue(node: cst.Break | cst.Continue, place: Place) -> Iterator[Change]:
    """A loop goes on where it should end, or ends where it should go on."""
    loops = place.loops()
    if isinstance(node, cst.Continue):
        yield place.replace(node, "break")
    elif loops and isinstance(loops[-1], cst.For):  # a `while` might not end
        yield place.replace(node, "continue")


@bug("missing-statement", cst.SimpleStatementLine, before="xs.append(x)\nreturn xs", after="return xs")
def missing_statement(node: cst.SimpleStatementLine, place: Place) -> Iterator[Change]:
    """A step has been forgotten: a call for its effect, or a change of a variable."""
    if len(node.body) != 1:
        return
    step = node.body[0]
    is_call = isinstance(step, cst.Expr) and isinstance(step.value, cst.Call)
    is_change = isinstance(step, cst.AugAssign) or (
        isinstance(step, cst.Assign) and isinstance(step.targets[0].target, (cst.Attribute, cst.Subscript))
    )
    if is_call or (is_change and not any(isinstance(loop, cst.While) for loop in place.loops())):
        yield place.remove_statement(node)


@bug(
    "wrong-exception",
    *(cst.Raise, cst.ExceptHandler),
    before="try:\n    x = d[k]\nexcept KeyError:\n    x = 0",
    after="try:\n    x = d[k]\nexcept IndexError:\n    x = 0",
)
def wrong_exception(node: cst.Raise | cst.ExceptHandler, place: Place) -> Iterator[Change]:
    """A near exception is raised or handled instead."""
    named = node.type if isinstance(node, cst.ExceptHandler) else node.exc
    error = named.func if isinstance(named, cst.Call) else named
    if isinstance(error, cst.Name) and error.value in _NEAR_ERRORS:
        yield place.replace(error, _NEAR_ERRORS[error.value])


@bug("wrong-yield", cst.From, before="yield from parts", after="yield parts")
def wrong_yield(node: cst.From, place: Place) -> Iterator[Change]:
    """An iterable is yielded as one item."""
    if isinstance(place.parent, cst.Yield):
        yield place.replace(node, place.text(node.item))
