"""What shows the values of examples. In a namespace of its own, as the answer's code can find it (`sys.displayhook`)."""

from __future__ import annotations

import sys
from typing import Any

shown: dict[str, Any]
"""The builtins of the examples, which keep the last value as `_`."""


def show(value: Any) -> None:
    """`sys.displayhook` as the interpreter has it, but for the place of `_`."""
    if value is not None:
        shown["_"] = None
        sys.stdout.write(repr(value) + "\n")
        shown["_"] = value
