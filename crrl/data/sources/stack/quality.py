"""Which functions are worth writing, told from their syntax tree. Each rule answers with a reason, or "" to keep the function."""

from __future__ import annotations

import ast
import re

from crrl.data.sources.stack.functions import Function
from crrl.data.sources.stack.options import StackOptions

_GENERATED = re.compile(
    r"(?i)(auto[- ]?generated|automatically generated|machine[- ]generated|generated (by|from|with|using|automatically)"
    r"|do not (edit|modify)|this file (is|was) generated|@generated)"
)
_HEAD_CHARS = 3000
"""Where generated files say that they are: in the comments and the docstring at their beginning."""
_WORD = re.compile(r"[A-Za-z]{2,}")
_FIELD = re.compile(r"^\s*(:\w+[^:]*:|\w+\s*:\s*$|-{3,}|={3,})", re.MULTILINE)
_DECLARING = frozenset({"overload", "abstractmethod", "abstractproperty", "typing.overload", "abc.abstractmethod"})
_PLACEHOLDER_DOCSTRING = re.compile(r"(?i)^\s*(todo|fixme|xxx|docstring|summary line|_?summary_?)\b")
_STATEMENTS = (ast.stmt, ast.ExceptHandler, ast.match_case)


def is_generated(text: str) -> bool:
    """Whether a file says of itself that a program wrote it."""
    head = text[:_HEAD_CHARS]
    comments = "\n".join(line for line in head.splitlines()[:40] if line.lstrip().startswith(("#", '"""', "'''")))
    return _GENERATED.search(comments) is not None


def docstring_problem(function: Function, options: StackOptions) -> str:
    """Why the docstring does not say what to write."""
    docstring = function.docstring
    if not function.has_docstring or not docstring.strip():
        return "function: no docstring"
    if _PLACEHOLDER_DOCSTRING.match(docstring):
        return "function: the docstring is a placeholder"
    if words_of(docstring) < options.min_docstring_words:
        return f"function: the docstring has fewer than {options.min_docstring_words} words"
    return ""


def words_of(docstring: str) -> int:
    """Words that say something: not those of examples, of headings, or of names of fields."""
    prose = []
    in_example = False
    for line in docstring.splitlines():
        stripped = line.strip()
        in_example = stripped.startswith((">>>", "...")) or (in_example and bool(stripped))
        if not in_example:
            prose.append(line)
    return len(_WORD.findall(_FIELD.sub(" ", "\n".join(prose))))


def body_problem(function: Function, options: StackOptions) -> str:
    """Why the body is not worth writing."""
    node = function.node
    if any(_dotted(decorator) in _DECLARING for decorator in node.decorator_list):
        return "function: a declaration only"
    body = function.body
    if not body or all(isinstance(statement, ast.Pass | ast.Raise) or _is_ellipsis(statement) for statement in body):
        return "function: a stub"
    if _is_trivial(body):
        return "function: a trivial getter, setter or wrapper"
    if count_statements(body) < options.min_statements:
        return f"function: fewer than {options.min_statements} statements"
    lines = (node.end_lineno or 0) - body[0].lineno + 1
    if options.max_body_lines and lines > options.max_body_lines:
        return f"function: more than {options.max_body_lines} lines"
    if node.name.startswith("test_"):
        return "function: a test"
    return ""


def count_statements(body: list[ast.stmt]) -> int:
    """Statements, nested ones and branches counted."""
    count = 0
    left: list[ast.AST] = [*body]
    while left:
        node = left.pop()
        count += isinstance(node, _STATEMENTS)
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            left.extend(getattr(node, field, None) or () if not isinstance(getattr(node, field, None), ast.AST) else ())
    return count


def _is_trivial(body: list[ast.stmt]) -> bool:
    """One statement that hands on what is there: a name, an attribute, a constant, one call."""
    if len(body) != 1:
        return False
    statement = body[0]
    if isinstance(statement, ast.Return | ast.Expr):
        value = statement.value
        return value is None or isinstance(value, ast.Name | ast.Attribute | ast.Constant | ast.Call | ast.Subscript)
    return isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Delete | ast.Global)


def _is_ellipsis(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""
