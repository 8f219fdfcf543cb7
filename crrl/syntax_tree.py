"""Python's syntax trees, in many threads at once."""

from __future__ import annotations

import ast
import time

_TRIES = 100


def parse_python(text: str) -> ast.Module:
    """`ast.parse`, made for threads. Raises SyntaxError and ValueError as that does.

    Before 3.11.5 Python counts the depth of trees for all threads together, and may find a mismatch (SystemError) where there is
    none; another try finds none.
    """
    for _ in range(_TRIES):
        try:
            return ast.parse(text)
        except SystemError:
            time.sleep(0.001)
    return ast.parse(text)
