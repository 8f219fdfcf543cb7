"""The assertions of unittest from a copy of its module that the answer cannot reach, for the tests' own calls of them."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

from crrl.testing.inside.equality import above, asked, at_least, at_most, below, contained, suspects
from crrl.testing.inside.rewrite import _MARK, GUARDS, fresh_builtins

_EQUALITIES = frozenset(
    f"assert{name}"
    for name in "Equal Equals AlmostEqual AlmostEquals ListEqual TupleEqual DictEqual SetEqual SequenceEqual CountEqual "
    "MultiLineEqual".split()
)
_RELATIONS: dict[str, Callable[..., Any]] = {
    "assertIn": contained,
    "assertLess": below,
    "assertLessEqual": at_most,
    "assertGreater": above,
    "assertGreaterEqual": at_least,
}
_KEPT = ("_type_equality_funcs", "longMessage", "maxDiff", "failureException")
_Public = unittest.TestCase


def load_assertions() -> None:
    """Load the copy, and let the tests' code call it. Before any of the answer's code runs."""
    spec = spec_from_file_location("unittest.crrl_case", unittest.case.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    module.__dict__["__builtins__"] = fresh_builtins()
    spec.loader.exec_module(module)
    private = module.TestCase
    last: list[Any] = []  # the test case that asserted last, and its double

    def choose(owner: Any, name: str, has_wildcard: bool) -> Any:
        """What `owner.name` means in a test: unittest's own assertions come from the copy."""
        if not isinstance(owner, _Public) or name not in private.__dict__ or not _is_unittests_own(owner, name):
            return getattr(owner, name)
        if not last or last[0] is not owner:
            case = private()
            for kept in _KEPT:
                setattr(case, kept, getattr(owner, kept))
            last[:] = [owner, case]
        method = getattr(last[1], name)
        return _careful(method, name) if not has_wildcard and (name in _EQUALITIES or name in _RELATIONS) else method

    GUARDS[_MARK + "assert"] = choose


def _is_unittests_own(owner: Any, name: str) -> bool:
    """Whether no class of the tests defines this assertion anew."""
    for kind in type(owner).__mro__:
        if kind is _Public:
            return name not in vars(owner)
        if name in kind.__dict__:
            return False
    return False


def _careful(method: Any, name: str) -> Any:
    def check(first: Any, second: Any, *args: Any, **options: Any) -> None:
        def real() -> bool:
            method(first, second, *args, **options)
            return True

        if next(suspects([first, second]), None) is None:
            real()
        elif name not in _RELATIONS:
            asked(_as_relation(method, args, options), first, second, real)
        elif not _RELATIONS[name](first, second):
            real()  # which says so
            method.__self__.fail(f"{name} does not hold")

    return check


def _as_relation(method: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Callable[[Any, Any], bool]:
    def holds(first: Any, second: Any) -> bool:
        try:
            method(first, second, *args, **options)
        except Exception:
            return False
        return True

    return holds
