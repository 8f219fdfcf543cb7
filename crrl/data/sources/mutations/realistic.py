"""Which parts of a function no bug is put into: what tells people something, and what runs elsewhere only."""

from __future__ import annotations

import re

import libcst as cst

_SPEAKING = frozenset(
    (
        *("warn", "warn_explicit", "warning", "_warn", "log", "debug", "info", "error", "exception", "critical"),
        *("print", "_deprecated", "audit", "_debug", "_log"),
    )
)
_ELSEWHERE = re.compile(
    r"\b(sys\.platform|platform\.|os\.name|__debug__|DEBUG|TYPE_CHECKING|__name__|debug|_debug|verbose|quiet|hasattr\(os)"
)
_UNTOUCHED = (cst.Annotation, cst.Decorator, cst.Assert, cst.Import, cst.ImportFrom, cst.Global, cst.Nonlocal)
_SPEAKING_FUNCTIONS = frozenset(("__repr__", "__str__", "__del__", "__sizeof__", "main", "_test", "usage", "__dir__"))


def is_left_alone(node: cst.CSTNode, parent: cst.CSTNode | None) -> bool:
    """Whether neither the node nor anything inside may be changed; `parent` is None for the function itself.

    Left alone are annotations, decorators, imports, asserts, docstrings, messages of errors, f-strings, warnings, logs and
    prints, `__repr__` and the like, and branches for a platform or for debugging.
    """
    if isinstance(node, cst.FunctionDef):
        return node.name.value in _SPEAKING_FUNCTIONS
    if isinstance(node, _UNTOUCHED) or isinstance(parent, cst.Raise):
        return True
    if isinstance(node, (cst.FormattedString, cst.ConcatenatedString)):
        return True
    if isinstance(node, cst.Expr):
        return isinstance(node.value, cst.BaseString) or _speaks(node.value)
    if isinstance(node, cst.SimpleStatementLine):
        return any(isinstance(part, (*_UNTOUCHED, cst.Expr)) and is_left_alone(part, node) for part in node.body)
    return isinstance(node, cst.If) and bool(_ELSEWHERE.search(_code.code_for_node(node.test)))


_code = cst.Module([])


def _speaks(node: cst.BaseExpression) -> bool:
    if not isinstance(node, cst.Call):
        return False
    called = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
    return isinstance(called, cst.Name) and called.value in _SPEAKING
