"""Comparisons of the tests that an answer's objects cannot settle by themselves.

An object that equals everything would pass every `assert f(x) == 3`. Values of built-in types cannot lie, so they are compared at
once. Where a class of the answer has a say, the comparison is asked among others, with values that it must not hold for.
"""

from __future__ import annotations

import operator
import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from types import FunctionType, MappingProxyType, MethodDescriptorType, WrapperDescriptorType
from typing import Any

from crrl.testing.inside.origin import TEST_CODES, is_answer_code
from crrl.testing.inside.verdict import tampered

_SCALARS = frozenset({int, float, str, bytes, bool, type(None), complex})
_LISTS = (list, tuple, set, frozenset)
_CONTAINERS = (*_LISTS, dict)
_MOST_ITEMS = 2_000
_MOST_PROBES = 120
_COMPARISONS = "__eq__ __ne__ __lt__ __gt__ __le__ __ge__ __contains__ __sub__ __rsub__".split()
_BUILT_IN = (WrapperDescriptorType, MethodDescriptorType)
_PROXIES = (weakref.ProxyType, weakref.CallableProxyType, MappingProxyType)
"""Built-in types that compare as the object behind them does."""
_mro, _space, _name, _qualname = (
    type.__dict__[name].__get__ for name in ("__mro__", "__dict__", "__name__", "__qualname__")
)


def suspects(value: Any) -> Iterator[Any]:
    """The objects in a value (built-in containers are opened) whose class may decide a comparison."""
    open_values, seen = [value], 0
    deciding: dict[int, bool] = {}  # by number: a class of the answer's may have a hash of its own
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
        if kind in _LISTS or kind is dict:
            continue
        if id(kind) not in deciding:
            deciding[id(kind)] = _decides(kind)
        if deciding[id(kind)]:
            yield item


def _decides(kind: type) -> bool:
    """Whether a class compares by code of the answer's, hands comparisons on to another object, or is `unittest.mock.ANY`."""
    bases = _mro(kind)
    if kind in _PROXIES or any(_name(base) == "_ANY" for base in bases):
        return True
    return any(_is_foreign(bases, name) for name in _COMPARISONS)


def _is_foreign(bases: tuple[type, ...], name: str) -> bool:
    """Whether the method that Python takes for a comparison is none of the class's own, as a library or the tests define it.

    Python looks into the classes themselves, so a metaclass must not be asked, and calls whatever it finds there: `__eq__ = id`
    equals everything, and so does an `int` with `__eq__ = int.__ge__`.
    """
    for base in bases:
        method: Any = _space(base).get(name)
        if type(method) is FunctionType:
            code = method.__code__
            is_own = not is_answer_code(code) and code.co_qualname == f"{_qualname(base)}.{name}"
            return not is_own and id(code) not in TEST_CODES
        if method is not None:
            is_own = type(method) in _BUILT_IN and method.__objclass__ is base and method.__name__ == name
            return not is_own
    return False


def related(value: Any) -> Iterator[Any]:
    """Values near `value` that differ from it: most of them, what equals `value` does not equal.

    Not all: numbers modulo 2 equal every second one. So who equals most of them does not know the one that is asked for.
    """
    kind = type(value)
    if kind is bool:
        yield not value
    elif kind in (int, float, complex):
        near = [value + step for step in _STEPS]
        # A large float swallows a step, and infinity anything.
        yield from near if value not in near else [1.5 * step for step in _STEPS]
    elif kind in (str, bytes):
        yield from map(kind, _misspelt(value))
    elif kind in (list, tuple):
        for index in range(min(len(value), 20)):
            yield from (kind([*value[:index], other, *value[index + 1 :]]) for other in related(value[index]))
        yield kind([*value, object()])
    elif kind is dict:
        for key in list(value)[:20]:
            yield from ({**value, key: other} for other in related(value[key]))
        yield {**value, object(): 1}
    elif kind in (set, frozenset):
        yield kind([*value, object()])
    elif getattr(kind, "__new__", None) is object.__new__ and getattr(value, "__dict__", None):
        yield _changed(value)


_STEPS = (-3, -2, -1, 1, 2, 3)


def _misspelt(text: Any) -> Iterator[Any]:
    for letter in _drawn(range(97, 123))[:6]:
        place = _drawn(range(len(text) + 1))[0]
        yield text[:place] + (bytes([letter]) if type(text) is bytes else chr(letter)) + text[place:]


def _changed(value: Any) -> Any:
    """An object like this one, with every attribute another one."""
    copy = object.__new__(type(value))
    for name, inner in vars(value).items():
        copy.__dict__[name] = next(related(inner), object())
    return copy


def unrelated() -> list[Any]:
    """Values that no honest object equals."""
    return [object(), [object()], (object(),), {"": object()}]


def _strangers() -> list[Any]:
    """Values that no honest container holds, drawn anew each time."""
    number = int.from_bytes(os.urandom(6), "big") + 1000
    return [object(), number, float(number) + 0.5, f"{number:x}", (number,)]


def _drawn(items: Iterable[Any]) -> list[Any]:
    return sorted(items, key=lambda _: os.urandom(4))


def _holds(holds: Callable[[Any, Any], Any], left: Any, right: Any) -> bool:
    try:
        return bool(holds(left, right))
    except Exception:
        return False


def asked(holds: Callable[[Any, Any], Any], left: Any, right: Any, real: Callable[[], Any]) -> Any:
    """The outcome of a comparison, asked among others for which it must not hold, so that nobody can tell which one counts.

    Args:
        holds: the comparison, for any pair of values.
        left, right: what the tests compare; at least one of them has a class that decides.
        real: the comparison of the two; what it raises is raised.

    Ends the run if it holds, and holds as well for what has nothing to do with the other side, or for most of what is near it.
    """
    sides = []
    if next(suspects(left), None) is not None:
        sides.append((right, lambda probe: _holds(holds, left, probe)))
    if next(suspects(right), None) is not None:
        sides.append((left, lambda probe: _holds(holds, probe, right)))
    questions = [(kind, probe, ask) for other, ask in sides for kind, probe in _probes(other)]
    order = _drawn(range(len(questions)))
    # Never first or last of what is alike: the first answer could be remembered, and the last be concluded from the others.
    alike = [place for place, index in enumerate(order) if questions[index][0] == "near"]
    first, last = (alike[0], alike[-1]) if len(alike) > 1 else (0, len(order) - 1)
    turn = first + 1 + _drawn(range(max(1, last - first)))[0]
    found: dict[str, list[bool]] = {"near": [], "far": []}
    outcome: Any = None
    for place, index in enumerate(order):
        if place == turn:
            outcome = real()
        kind, probe, ask = questions[index]
        found[kind].append(ask(probe))
    if turn >= len(order):
        outcome = real()
    if outcome and (any(found["far"]) or 2 * sum(found["near"]) > len(found["near"])):
        tampered("an object equals what it must not equal")
    return outcome


def _probes(other: Any) -> Iterator[tuple[str, Any]]:
    yield from (("near", probe) for probe in islice(related(other), _MOST_PROBES))
    yield from (("far", probe) for probe in unrelated())


def same(left: Any, right: Any) -> Any:
    """`left == right` in a test."""
    if (type(left) in _SCALARS and type(right) in _SCALARS) or next(suspects([left, right]), None) is None:
        return left == right
    return asked(operator.eq, left, right, lambda: left == right)


def different(left: Any, right: Any) -> Any:
    """`left != right` in a test."""
    if (type(left) in _SCALARS and type(right) in _SCALARS) or next(suspects([left, right]), None) is None:
        return left != right
    # What `!=` says counts, whatever `==` would say.
    return not asked(lambda one, other: not (one != other), left, right, lambda: not (left != right))  # noqa: SIM202


def contained(item: Any, container: Any) -> Any:
    """`item in container` in a test."""
    if type(container) in _CONTAINERS:
        if next(suspects(item), None) is None and next(suspects(container), None) is None:
            return item in container
        return any(item is other or same(item, other) for other in list(container))
    if any(_holds(lambda left, right: right in left, container, probe) for probe in _strangers()) and item in container:
        tampered("a container holds what it must not hold")
    return item in container


def missing(item: Any, container: Any) -> Any:
    """`item not in container` in a test."""
    return not contained(item, container)


def chain(count: int, *parts: Any) -> Any:
    """`a < b == c` in a test: so many comparisons, then the values. All of them are computed, as a test means it."""
    outcome: Any = True
    for index, compare in enumerate(parts[:count]):
        outcome = compare(parts[count + index], parts[count + index + 1])
        if not outcome:
            break
    return outcome


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
