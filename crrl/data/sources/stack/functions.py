"""The functions of a file of Python code, and how one of them looks without its body."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from crrl.data.placeholder import placeholder
from crrl.syntax_tree import parse_python

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_BLOCKS = (ast.If, ast.Try, ast.TryStar, ast.ExceptHandler, ast.With, ast.For, ast.While, ast.Match, ast.match_case)


@dataclass(frozen=True)
class Function:
    """One function, where it stands in its file."""

    node: FunctionNode
    name: str
    """As in `Class.method`."""
    inside: str
    """"" at the top of the file, else `class` or `function`."""

    @cached_property
    def docstring(self) -> str:
        return ast.get_docstring(self.node) or ""

    @cached_property
    def body(self) -> list[ast.stmt]:
        """The statements, the docstring left out."""
        return self.node.body[1:] if self.has_docstring else self.node.body

    @property
    def has_docstring(self) -> bool:
        first = self.node.body[0]
        return (
            isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
        )


def parse_file(text: str) -> ast.Module | None:
    """The syntax tree, or None if the text is no Python of this version. Warnings about the code are its authors' business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return parse_python(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def functions_of(tree: ast.Module) -> Iterator[Function]:
    """Every function but those inside of others, in the order of the file."""
    yield from _functions_in(tree.body, "", "")


def body_lines(function: Function, lines: Sequence[str]) -> tuple[int, int] | None:
    """The lines of the body, (first, behind the last) from 0: from after the docstring, with comments before and after.

    None if the body shares a line with the docstring, or the docstring's lines are continued: then no whole lines can go.
    """
    docstring, *_ = function.node.body
    first, last = docstring.end_lineno or 0, function.node.end_lineno or 0
    if not function.body or function.body[0].lineno <= first or lines[first - 1].rstrip().endswith("\\"):
        return None
    indent = _indent_of(lines[function.body[0].lineno - 1])
    end = last
    for at in range(last, len(lines)):  # comments behind the last statement, as deep as the body: they may speak of it
        line = lines[at]
        if line.strip() and not (line.strip().startswith("#") and _indent_of(line).startswith(indent)):
            break
        if line.strip():
            end = at + 1
    return first, end


def masked(function: Function, lines: Sequence[str], place: tuple[int, int]) -> list[str]:
    """The file's lines with one placeholder, at the body's own indentation, in place of the body."""
    first, last = place
    sample = lines[function.body[0].lineno - 1]
    end = "\r\n" if sample.endswith("\r\n") else "\n" if lines[last - 1].endswith("\n") else ""
    return [*lines[:first], f"{_indent_of(sample)}{placeholder(function.node.name)}{end}", *lines[last:]]


def _functions_in(body: Sequence[ast.AST], prefix: str, inside: str) -> Iterator[Function]:
    for node in body:
        if isinstance(node, FunctionNode):
            yield Function(node, prefix + node.name, inside)
        elif isinstance(node, ast.ClassDef):
            yield from _functions_in(node.body, f"{prefix}{node.name}.", "class")
        elif isinstance(node, _BLOCKS):
            for part in ("body", "handlers", "cases", "orelse", "finalbody"):
                yield from _functions_in(getattr(node, part, ()), prefix, inside)


def _indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t\f"))]
