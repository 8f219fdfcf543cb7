"""What takes the place of `TestCase._callTestMethod`. Beside loader.py, in the same namespace without secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ask: Callable[[tuple[Any, ...]], Any]
run_sync: Callable[[Any, Any], Any]
run_async: Callable[[Any, Any], Any]


def call_test_method(self: Any, method: Any) -> None:
    """`TestCase._callTestMethod`: the test's own code came to its end, whatever is made of that afterwards."""
    run_sync(self, method)
    ask(("returned", method))


def call_async_test_method(self: Any, method: Any) -> None:
    """The same for `IsolatedAsyncioTestCase`."""
    run_async(self, method)
    ask(("returned", method))
