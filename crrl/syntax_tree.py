"""Python's syntax trees, in many threads at once."""

from __future__ import annotations

import ast
import time

_TRIES = 100
MAX_DEPTH = 80
"""Levels of a tree that whoever calls itself for each may count on, of the 1000 calls that Python allows: LibCST makes up to 10 a
level. Of 13,344 files of the standard library and of packages 6 are deeper, all tables and generated formulas."""


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


def is_too_deep(tree: ast.AST) -> bool:
    """Whether a tree is deeper than MAX_DEPTH, as that of a sum of a hundred terms is. Cost: a third of parsing."""
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return False
    return True
