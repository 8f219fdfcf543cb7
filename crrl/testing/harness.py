"""The text that a run of tests starts in the sandbox: the files of `crrl.testing.inside` as one program."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

from crrl.syntax_tree import parse_python

_FOLDER = Path(__file__).parent / "inside"
_ALWAYS = ("origin", "verdict", "equality", "rewrite", "exposed", "audit", "job")
_TESTS = ("vault", "prepare")
_UNITTEST = ("asserts", "with_unittest")
_PARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "doctest": (("examples",), ("display",), "run_examples"),
    "script": ((*_TESTS, "script", "judge_script"), ("loader",), "run_script_job"),
    "unittest": ((*_TESTS, "script", *_UNITTEST, "judge"), ("loader", "methods", "results"), "run_job"),
    "pytest": ((*_TESTS, *_UNITTEST, "with_pytest"), ("loader", "methods", "plugin"), "run_framework_job"),
}
"""Program → its further files, the files with a namespace of their own, the function that runs a job."""
_START = """\
from __future__ import annotations
__builtins__ = dict(vars(__import__("builtins")))
"""
_END = """
PUBLIC_TEXT = {public!r}
hide_main()
{run}(read_job())
"""


@cache
def harness(program: str) -> str:
    """The program `doctest`, `script`, `unittest` or `pytest`, for `python -I -B -c`. Cost: about 10 ms, once."""
    files, public, run = _PARTS[program]
    return _START + "".join(map(_body, (*_ALWAYS, *files))) + _END.format(public="".join(map(_body, public)), run=run)


@cache
def code_digest() -> str:
    """Changes with every change of how tests are run and read, so that results of other code are never taken for this one's."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for path in sorted((*package.glob("testing/**/*.py"), *package.glob("sandbox/**/*.py"))):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _body(name: str) -> str:
    """A file without docstrings, comments, and its imports of the other ones: less to compile where nothing is warm."""
    tree = _WithoutWords().visit(parse_python((_FOLDER / f"{name}.py").read_text(encoding="utf-8")))
    tree.body = [node for node in tree.body if not _is_own_import(node)]
    return ast.unparse(tree) + "\n"


def _is_own_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("crrl.", "__future__"))


class _WithoutWords(ast.NodeTransformer):
    """Leaves out texts that stand alone: docstrings."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node
