"""Compiles the tests' code before the answer's runs, with comparisons, assertions and exits that it cannot replace.

What is put in are the functions themselves, as constants of the code: no name that an answer could give another meaning.
"""

from __future__ import annotations

import ast
import builtins
import operator
import warnings
from collections.abc import Callable
from types import CodeType
from typing import Any

from crrl.testing.inside.equality import above, at_least, at_most, below, chain, contained, different, missing, same
from crrl.testing.inside.origin import TEST_CODES

_MARK = "crrl guard: "
GUARDS: dict[str, Callable[..., Any]] = {
    _MARK + "Eq": same,
    _MARK + "NotEq": different,
    _MARK + "In": contained,
    _MARK + "NotIn": missing,
    _MARK + "Is": operator.is_,
    _MARK + "IsNot": operator.is_not,
    _MARK + "chain": chain,
    _MARK + "Lt": below,
    _MARK + "LtE": at_most,
    _MARK + "Gt": above,
    _MARK + "GtE": at_least,
}
"""Mark in the code → what takes its place. Assertions and exits are added by the style of the run."""


class _Guarded(ast.NodeTransformer):
    """Turns `a == b` into a call of the guard of `==`, and so on."""

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        has_wildcard = _asks_for_anything(node)
        self.generic_visit(node)
        if has_wildcard:
            return node
        marks, values = [_MARK + type(op).__name__ for op in node.ops], [node.left, *node.comparators]
        if len(marks) == 1:
            return ast.copy_location(ast.Call(_guard(marks[0]), values, []), node)
        chained = [ast.Constant(len(marks)), *map(_guard, marks), *values]
        return ast.copy_location(ast.Call(_guard(_MARK + "chain"), chained, []), node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        has_wildcard = _asks_for_anything(node)
        self.generic_visit(node)
        function = node.func
        if isinstance(function, ast.Attribute):
            if _MARK + "assert" in GUARDS and function.attr.startswith(("assert", "fail")):
                chosen = [function.value, ast.Constant(function.attr), ast.Constant(has_wildcard)]
                node.func = ast.copy_location(ast.Call(_guard(_MARK + "assert"), chosen, []), node)
            elif isinstance(function.value, ast.Name) and (function.value.id, function.attr) == ("sys", "exit"):
                node.func = _guard(_MARK + "exit") if _MARK + "exit" in GUARDS else function
        return node


def _asks_for_anything(node: ast.expr) -> bool:
    """Whether the test itself writes `unittest.mock.ANY` there."""
    return "'ANY'" in ast.dump(node)


def _guard(mark: str) -> ast.expr:
    return ast.Constant(mark)


def compile_test(source: str | bytes, filename: str, mode: str = "exec", flags: int = 0) -> CodeType:
    """The code of a test file, guarded. Raises SyntaxError and ValueError as `compile` does."""
    tree = compile(source, filename, mode, flags | ast.PyCF_ONLY_AST, dont_inherit=True)
    guarded = ast.fix_missing_locations(_Guarded().visit(tree))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "str is not callable": it is not a str for long
        return _with_guards(compile(guarded, filename, mode, flags, dont_inherit=True))


def _with_guards(code: CodeType) -> CodeType:
    consts = tuple(
        _with_guards(const) if type(const) is CodeType else GUARDS.get(const, const) if type(const) is str else const
        for const in code.co_consts
    )
    made = code.replace(co_consts=consts)
    TEST_CODES[id(made)] = made
    return made


def fresh_builtins() -> dict[str, Any]:
    """Builtins of the tests' own: what an answer does to the module `builtins` does not reach them."""
    return dict(vars(builtins))
