"""Comparisons of the tests that an answer's objects cannot settle by themselves.

An object that equals everything would pass every `assert f(x) == 3`. Values of built-in types cannot lie, so they are compared at
once. Where a class of the answer has a say, a comparison that holds is tried again with values that it must not hold for.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterator
from typing import Any

from crrl.testing.inside.origin import is_answer_function
from crrl.testing.inside.verdict import tampered

_SCALARS = frozenset({int, float, str, bytes, bool, type(None), complex})
_LISTS = (list, tuple, set, frozenset)
_MOST_ITEMS = 2_000


def suspects(value: Any) -> Iterator[Any]:
    """The objects in a value (built-in containers are opened) whose class may decide a comparison."""
    open_values, seen = [value], 0
    while open_values:
        item = open_values.pop()
        kind = type(item)
        seen += 1
        if kind in _SCALARS:
            continue
        if seen < _MOST_ITEMS and isinstance(item, _LISTS):
            open_values.extend(item)
        elif seen < _MOST_ITEMS and isinstance(item, dict):
            open_values.extend(item)
            open_values.extend(item.values())
        if kind not in _LISTS and kind is not dict and _decides(kind):
            yield item


def _decides(kind: type) -> bool:
    """Whether a class compares by the answer's own code, or is `unittest.mock.ANY`."""
    if kind.__name__ == "_ANY":
        return True
    return any(
        is_answer_function(getattr(kind, name, None))
        for name in ("__eq__", "__lt__", "__gt__", "__le__", "__ge__", "__contains__", "__sub__", "__rsub__")
    )


def others(value: Any) -> Iterator[Any]:
    """Values that what equals `value` must not equal: each differs from it in one place, or has nothing to do with it."""
    kind = type(value)
    if kind is bool:
        yield not value
    elif kind in (int, float, complex):
        yield value + 1
        yield value * 3 - 7
    elif kind in (str, bytes):
        yield value + value[:1] + (b"?" if kind is bytes else "?")
    elif kind in (list, tuple):
        for index in range(min(len(value), 20)):
            for other in others(value[index]):
                yield kind([*value[:index], other, *value[index + 1 :]])
        yield kind([*value, object()])
    elif kind is dict:
        for key in list(value)[:20]:
            for other in others(value[key]):
                yield {**value, key: other}
        yield {**value, object(): 1}
    elif kind in (set, frozenset):
        yield kind([*value, object()])
    yield object()


def unrelated() -> list[Any]:
    """Values that no honest object equals, drawn anew each time."""
    number = int.from_bytes(os.urandom(6), "big") + 1000
    return [object(), number, float(number) + 0.5, f"{number:x}", [number], (number,), {number: number}]


def _lies(holds: Callable[[Any, Any], Any], mine: Any, other: Any) -> bool:
    """Whether a comparison that holds for `mine` and `other` also holds where it must not."""
    if next(suspects(mine), None) is None:
        return False
    probes = [*unrelated(), *others(other)]
    probes.sort(key=lambda _: os.urandom(2))  # the answer must not know which comparison counts
    return any(_holds(holds, mine, probe) for probe in probes)


def _holds(holds: Callable[[Any, Any], Any], left: Any, right: Any) -> bool:
    try:
        return bool(holds(left, right))
    except Exception:
        return False


def _swapped(holds: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda right, left: holds(left, right)


def refuse_liars(holds: Callable[[Any, Any], Any], left: Any, right: Any) -> None:
    """End the run if a side of an equality that holds is an object that lies."""
    if _lies(holds, left, right) or _lies(_swapped(holds), right, left):
        tampered("an object equals what it must not equal")


def same(left: Any, right: Any) -> Any:
    """`left == right` in a test."""
    outcome = left == right
    kind = type(left)
    if outcome is False or (kind in _SCALARS and type(right) is kind):
        return outcome
    if outcome is not True and next(suspects([left, right]), None) is None:
        return outcome  # a library's array, say
    if outcome:
        refuse_liars(operator.eq, left, right)
    return outcome


def contained(item: Any, container: Any) -> Any:
    """`item in container` in a test."""
    if item not in container:
        return False
    if isinstance(container, (list, tuple)) and next(suspects(item), None) is not None:
        return any(item is other or same(item, other) for other in container)
    if any(_holds(lambda left, right: right in left, container, probe) for probe in unrelated()):
        tampered("a container holds what it must not hold")
    return True


def _ordered(name: str, contrary: str) -> Callable[[Any, Any], Any]:
    compare, opposite = getattr(operator, name), getattr(operator, contrary)

    def ordered(left: Any, right: Any) -> Any:
        outcome = compare(left, right)
        if outcome is False or next(suspects([left, right]), None) is None:
            return outcome
        if outcome and _holds(opposite, left, right):
            tampered("an object is smaller and larger than another one")
        return outcome

    return ordered


below, at_most, above, at_least = (
    _ordered(*names) for names in ("lt gt".split(), "le gt".split(), "gt lt".split(), "ge lt".split())
)
