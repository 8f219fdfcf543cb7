"""Bugs of calls: arguments out of order or forgotten, a near function, a call that is missing around a value."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import libcst as cst

from crrl.data.sources.mutations.kinds.registry import bug
from crrl.data.sources.mutations.place import Change, Place

_ANY_ORDER = frozenset(("max", "min", "gcd", "lcm", "hypot", "isinstance", "issubclass", "hasattr", "set", "map"))
"""Where an order of arguments does not matter, or nobody gets it wrong."""
_PAIRS = (
    *(("min", "max"), ("any", "all"), ("floor", "ceil"), ("append", "extend"), ("lstrip", "rstrip")),
    *(("startswith", "endswith"), ("find", "rfind"), ("index", "rindex"), ("split", "rsplit"), ("lower", "upper")),
    *(("partition", "rpartition"), ("keys", "values"), ("values", "items"), ("ljust", "rjust"), ("match", "search")),
    *(("add", "discard"), ("popleft", "pop"), ("appendleft", "append"), ("update", "intersection_update")),
    *(("union", "intersection"), ("isdigit", "isalpha"), ("isupper", "islower"), ("remove", "discard")),
    *(("removeprefix", "removesuffix"), ("bisect_left", "bisect_right"), ("match", "fullmatch"), ("get", "pop")),
    *(("finditer", "findall"), ("is_file", "is_dir"), ("isfile", "isdir"), ("head", "tail"), ("read", "readline")),
    *(
        ("setdefault", "get"),
        ("strip", "rstrip"),
        ("heappush", "heappop"),
        ("prefix", "suffix"),
        ("issubset", "issuperset"),
    ),
)
_NEAR: dict[str, list[str]] = {}
for _one, _other in _PAIRS:
    _NEAR.setdefault(_one, []).append(_other)
    _NEAR.setdefault(_other, []).append(_one)
_WRAPPERS = frozenset(
    ("sorted", "list", "tuple", "set", "frozenset", "dict", "int", "float", "str", "bool", "abs", "reversed", "round")
)
_TIDYING = frozenset(("strip", "lstrip", "rstrip", "lower", "upper", "casefold", "copy", "sort", "title", "decode"))


@bug("swapped-arguments", cst.Call, before="return join(head, tail)", after="return join(tail, head)")
def swapped_arguments(node: cst.Call, place: Place) -> Iterator[Change]:
    """Two neighbouring arguments stand in the wrong order."""
    if place.text(node.func).rpartition(".")[2] in _ANY_ORDER:
        return
    for first, second in pairwise(node.args):
        is_plain = not (first.keyword or second.keyword or first.star or second.star)
        if is_plain and place.text(first) != place.text(second):
            yield place.swap(first, second)


@bug("missing-argument", cst.Call, before="return sorted(xs, key=len)", after="return sorted(xs)")
def missing_argument(node: cst.Call, place: Place) -> Iterator[Change]:
    """An argument that has a default elsewhere has been forgotten."""
    for before, argument in pairwise(node.args):
        if argument.keyword or (argument is node.args[-1] and not argument.star):
            yield place.cut(before, argument)


@bug("wrong-function", cst.Call, before="return text.lstrip()", after="return text.rstrip()")
def wrong_function(node: cst.Call, place: Place) -> Iterator[Change]:
    """A function or method of near meaning is called instead."""
    called = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
    if isinstance(called, cst.Name):
        for near in _NEAR.get(called.value, ()):
            yield place.replace(called, near)


@bug("dropped-call", cst.Call, before="return sorted(names)", after="return names")
def dropped_call(node: cst.Call, place: Place) -> Iterator[Change]:
    """A value is not converted, sorted, copied or tidied as it should be."""
    if isinstance(node.func, cst.Name):
        is_wrapper = node.func.value in _WRAPPERS and len(node.args) == 1 and not node.args[0].star
        if is_wrapper and not isinstance(node.args[0].value, cst.GeneratorExp):
            yield place.replace(node, place.operand(node.args[0].value))
    elif isinstance(node.func, cst.Attribute):
        is_tidying = node.func.attr.value in _TIDYING and not node.args
        if is_tidying and not isinstance(place.parent, cst.Expr):
            yield place.replace(node, place.operand(node.func.value))


@bug("missing-await", cst.Await, before="return await fetch(key)", after="return fetch(key)")
def missing_await(node: cst.Await, place: Place) -> Iterator[Change]:
    """A coroutine is not awaited."""
    yield place.replace(node, place.text(node.expression))
