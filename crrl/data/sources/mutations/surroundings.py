"""What lies around a task's file so that its tests import it and not the installed one, and what the tests bring."""

from __future__ import annotations

import ast
from typing import NamedTuple

from crrl.data.sources.mutations.library import MAX_BROUGHT_BYTES, Module, Unit, is_test
from crrl.schema import Files
from crrl.syntax_tree import parse_python

_FIND_THE_REST = '__path__ = __import__("pkgutil").extend_path(__path__, __name__)\n'
"""In a package's `__init__.py`: what this folder lacks is taken from the installed package."""


class Surroundings(NamedTuple):
    """What lies around a module."""

    program: Files
    """Further files of the task's tree."""
    tests: Files
    """Files that its tests bring, over whatever the answer does to them."""


def surroundings(unit: Unit, module: Module) -> Surroundings | None:
    """What must lie around a module; None if it would be too large.

    A single installed module needs nothing: the current folder comes first on the path. A module in an installed package needs
    the `__init__.py` of the packages around it, each with a line that finds the other modules where they are installed; a
    package's own `__init__.py` needs all its neighbours. The tests bring those: an answer that could change them could ask
    for the installed module instead. A folder that is installed nowhere is the task's tree, and its tests are the tests'.
    """
    found = _in_package(unit, module) if unit.installed else _in_folder(unit, module)
    size = sum(map(len, (*found.program.values(), *found.tests.values()))) if found else 0
    return found if size <= MAX_BROUGHT_BYTES else None


def _in_folder(unit: Unit, module: Module) -> Surroundings:
    others = {path: text for path, text in unit.tree.items() if path != module.path}
    tests = {path: text for path, text in others.items() if is_test(path)}
    return Surroundings({path: text for path, text in others.items() if path not in tests}, tests)


def _in_package(unit: Unit, module: Module) -> Surroundings | None:
    parents = module.name.split(".")[: None if module.path.endswith("/__init__.py") else -1]
    inits = ["/".join(parents[: depth + 1]) + "/__init__.py" for depth in range(len(parents))]
    brought = {path: _with_the_rest((unit.root / path).read_text()) for path in inits if path != module.path}
    if module.path.endswith("/__init__.py"):
        folder = module.file.parent
        if any((inner / "__init__.py").is_file() for inner in folder.iterdir()):
            return None
        others = [file for file in sorted(folder.glob("*.py")) if file != module.file]
        brought |= {file.relative_to(unit.root).as_posix(): file.read_text() for file in others}
    return Surroundings({}, brought)


def _with_the_rest(text: str) -> str:
    """The text of an `__init__.py` with `_FIND_THE_REST` where code may begin: after docstring and `__future__`."""
    line = 0
    for statement in parse_python(text).body:
        is_docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not is_docstring and not (isinstance(statement, ast.ImportFrom) and statement.module == "__future__"):
            break
        line = statement.end_lineno or 0
    lines = text.splitlines(keepends=True)
    start = "".join(lines[:line])
    return (start if not start or start.endswith("\n") else f"{start}\n") + _FIND_THE_REST + "".join(lines[line:])
