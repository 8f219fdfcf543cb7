"""What a task's tests bring so that they import the task's file and not the installed one."""

from __future__ import annotations

import ast

from crrl.data.sources.mutations.library import Module, Unit, read_module
from crrl.schema import Files

_FIND_THE_REST = '__path__ = __import__("pkgutil").extend_path(__path__, __name__)\n'
"""In a package's `__init__.py`: what this folder lacks is taken from the installed package."""
MAX_BROUGHT_BYTES = 400_000


def surroundings(unit: Unit, module: Module) -> Files | None:
    """The files that must lie around a module; None if they would be too large.

    A single installed module needs none: the current folder comes first on the path. A module in an installed package needs the
    `__init__.py` of the packages around it, each with a line that finds the other modules where they are installed. A
    package's own `__init__.py`, and a folder that is installed nowhere, need everything beside them.
    """
    if not unit.installed:
        return _fits({path: text for path, text in whole_tree(unit).items() if path != module.path})
    parents = module.name.split(".")[: None if module.path.endswith("/__init__.py") else -1]
    inits = ["/".join(parents[: depth + 1]) + "/__init__.py" for depth in range(len(parents))]
    brought = {path: _with_the_rest((unit.root / path).read_text()) for path in inits if path != module.path}
    if module.path.endswith("/__init__.py"):
        folder = module.file.parent
        for file in sorted(folder.glob("*.py")):
            if file != module.file:
                brought[file.relative_to(unit.root).as_posix()] = file.read_text()
        if any((inner / "__init__.py").is_file() for inner in folder.iterdir()):
            return None
    return _fits(brought)


def whole_tree(unit: Unit) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in sorted(unit.root.rglob("*.py")):
        path = file.relative_to(unit.root).as_posix()
        if read := read_module(path, path, file):
            found[path] = read.text
    return found


def _fits(files: Files) -> Files | None:
    return files if sum(map(len, files.values())) <= MAX_BROUGHT_BYTES else None


def _with_the_rest(text: str) -> str:
    """The text of an `__init__.py` with `_FIND_THE_REST` where code may begin: after docstring and `__future__`."""
    line = 0
    for statement in ast.parse(text).body:
        is_docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not is_docstring and not (isinstance(statement, ast.ImportFrom) and statement.module == "__future__"):
            break
        line = statement.end_lineno or 0
    lines = text.splitlines(keepends=True)
    start = "".join(lines[:line])
    return (start if not start or start.endswith("\n") else f"{start}\n") + _FIND_THE_REST + "".join(lines[line:])
