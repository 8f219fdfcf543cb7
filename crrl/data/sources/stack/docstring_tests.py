"""Examples in a function's docstring as the tests of its task, where they tell the function from its placeholder."""

from __future__ import annotations

import ast
from pathlib import Path
from types import TracebackType

from crrl.data.sources.mutations.library import Module, Unit, tree_of
from crrl.data.sources.mutations.suite import FOLDER, NAMES_OF_MODULE
from crrl.data.sources.mutations.surroundings import surroundings
from crrl.data.sources.stack.code_files import CodeFile
from crrl.errors import SandboxError
from crrl.sandbox import Workers
from crrl.schema import Files, TestsRow, rows_from_files
from crrl.testing import run_tests

TIMEOUT_S = 10.0
_PATIENCE_S = 60.0
"""Of the runs that find out which examples pass: a busy machine must not decide what is kept."""
_NAME = f"{FOLDER}/examples.txt"


class DocstringTests:
    """Runs examples in the sandbox. A context manager: it owns the workers."""

    def __init__(self) -> None:
        self._workers = Workers(1)
        self._around: tuple[CodeFile, dict[str, str] | None] | None = None
        self._trees: dict[Path, Files] = {}

    def __enter__(self) -> DocstringTests:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._workers.close()

    def of(self, file: CodeFile, docstring: str, masked: str) -> TestsRow | None:
        """The tests of a function, or None: no examples, they do not pass here, or they pass without the body.

        Which examples pass is found out by running them twice. Raises SandboxError if the sandbox cannot.

        Cost: nothing without examples; else two processes.
        """
        if ">>>" not in docstring or not file.path.endswith(".py"):
            return None
        name = _module_name(file.path)
        brought = self._brought(file, name) if name else None
        if brought is None:
            return None
        text = NAMES_OF_MODULE.format(module=name) + docstring + "\n"
        row: TestsRow = {
            "files": rows_from_files({**brought, _NAME: text}),
            "command": ["python", "-m", "doctest", _NAME],
            "timeout_s": TIMEOUT_S,
        }
        right, without = (self._passing({file.path: tree}, row) for tree in (file.text, masked))
        wanted = [test for test in right if test not in without]
        return {**row, "fail_to_pass": wanted, "pass_to_pass": [t for t in right if t in without]} if wanted else None

    def _passing(self, tree: dict[str, str], row: TestsRow) -> list[str]:
        try:
            run = run_tests(tree, {**row, "timeout_s": _PATIENCE_S}, self._workers.run)
        except ValueError:  # an example that doctest itself cannot read
            return []
        if run.outcome.kind == "unavailable":
            raise SandboxError(
                f"examples cannot be run here ({run.outcome.stderr.strip()[:200]}); doctests=0 does without"
            )
        return [test for test, passed in run.results.items() if passed] if run.finished else []

    def _brought(self, file: CodeFile, name: str) -> dict[str, str] | None:
        """What must lie around the file to import it: of an installed package what leads to the rest, else its neighbours."""
        if self._around is None or self._around[0] is not file:
            self._around = (file, self._lies_around(file, name))
        return self._around[1]

    def _lies_around(self, file: CodeFile, name: str) -> dict[str, str] | None:
        if file.root is None:
            return {} if not _imports_neighbours(file.text) else None
        if not file.is_installed and file.root not in self._trees:
            self._trees[file.root] = tree_of(file.root)
        module = Module(name, file.path, file.root / file.path, file.text)
        tree = self._trees.get(file.root, {})
        found = surroundings(Unit(name, file.root, (module,), (), installed=file.is_installed, tree=tree), module)
        return {**found.program, **found.tests} if found else None


def _imports_neighbours(text: str) -> bool:
    return any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(ast.parse(text)))


def _module_name(path: str) -> str:
    dotted = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return dotted if all(part.isidentifier() for part in dotted.split(".")) else ""
