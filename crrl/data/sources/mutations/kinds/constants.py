"""Bugs of constants: the wrong default, truth value or text."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from crrl.data.sources.mutations.kinds.registry import bug
from crrl.data.sources.mutations.place import Change, Place

_TRUTH = {"True": "False", "False": "True"}
_MAX_OTHER_TEXTS = 2
_USES = (cst.Arg, cst.ComparisonTarget, cst.Comparison, cst.BinaryOperation, cst.Return, cst.Assign, cst.Element)
"""What is around a text that takes part in the work, and not in a message."""


@bug(
    "wrong-default",
    cst.Param,
    before="def f(x, strict=True):\n    return x",
    after="def f(x, strict=False):\n    return x",
)
def wrong_default(node: cst.Param, place: Place) -> Iterator[Change]:
    """A parameter has another default."""
    default = node.default
    if isinstance(default, cst.Name) and default.value in _TRUTH:
        yield place.replace(default, _TRUTH[default.value])
    elif isinstance(default, cst.Integer) and default.value.isdecimal():
        yield place.replace(default, str(int(default.value) + 1))
        if int(default.value) > 0:
            yield place.replace(default, str(int(default.value) - 1))
    elif isinstance(default, cst.SimpleString):
        for text in _near_texts(default, place):
            yield place.replace(default, text)


@bug("wrong-constant", cst.Name, before="found = False", after="found = True")
def wrong_constant(node: cst.Name, place: Place) -> Iterator[Change]:
    """True stands where False belongs, or the other way round."""
    is_endless_loop = isinstance(place.parent, cst.While)
    if node.value in _TRUTH and not is_endless_loop and not isinstance(place.parent, cst.Param):
        yield place.replace(node, _TRUTH[node.value])


@bug("wrong-string", cst.SimpleString, before='return ", ".join(xs)', after='return ",".join(xs)')
def wrong_string(node: cst.SimpleString, place: Place) -> Iterator[Change]:
    """A text has lost a blank, or is another one that the function uses."""
    if isinstance(place.parent, _USES) or _is_receiver(node, place):
        for text in _near_texts(node, place):
            yield place.replace(node, text)


def _is_receiver(node: cst.SimpleString, place: Place) -> bool:
    return isinstance(place.parent, cst.Attribute) and place.parent.value is node


def _near_texts(node: cst.SimpleString, place: Place) -> Iterator[str]:
    start, end = len(node.prefix) + len(node.quote), len(node.value) - len(node.quote)
    inner = node.value[start:end]
    if "\n" in inner:
        return
    if inner != inner.strip(" "):
        yield node.value[:start] + inner.strip(" ") + node.value[end:]
    same_form = [text for text in place.names.texts if text != node.value and _form(text) == _form(node.value)]
    yield from list(dict.fromkeys(same_form))[:_MAX_OTHER_TEXTS]


def _form(literal: str) -> tuple[str, bool]:
    """What a text must share with another one to be taken for it: its prefix, and whether it is a single character."""
    prefix = literal[: min(literal.find(quote) for quote in "'\"" if quote in literal)].lower()
    return prefix, len(literal) - len(prefix) == 3
