"""From the source of a module to every single bug that can be put into one of its functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper

from crrl.data.sources.mutations.kinds import KINDS, BugKind
from crrl.data.sources.mutations.names import names_of
from crrl.data.sources.mutations.place import Change, Place
from crrl.data.sources.mutations.realistic import is_left_alone
from crrl.syntax_tree import is_too_deep, parse_python


@dataclass(frozen=True)
class Function:
    """A function of a module, or a method of one of its classes; functions inside belong to it."""

    name: str
    """Qualified: `Class.method`."""
    first_line: int
    """Of its decorators, if it has any; 1-based."""
    last_line: int
    body_line: int
    """The first line that runs when it is called."""


@dataclass(frozen=True)
class Mutant:
    """One bug in one function."""

    kind: str
    function: str
    line: int
    """Where the change begins, 1-based, in the right source."""
    change: Change


def module_problem(text: str) -> str:
    """Why no bug can be put into a module; "" if one can."""
    try:
        tree = parse_python(text)
    except (SyntaxError, ValueError):
        return "module: does not parse"
    except (RecursionError, MemoryError):
        return "module: nested too deeply"
    return "module: nested too deeply" if is_too_deep(tree) else ""


def functions_of(text: str) -> list[Function]:
    """The outermost functions of a module and of its classes, in order. Raises SyntaxError."""
    return list(_functions(parse_python(text).body, ""))


def mutants_of(text: str, wanted: frozenset[str]) -> Iterator[Mutant]:
    """Every mutant of the wanted functions (qualified names), in the order of the source.

    They are not yet compiled: some may be wrong programs, or the same program twice.

    Cost: about 20 ms a thousand characters of the module, for LibCST's tree and the positions of its nodes.
    """
    module = cst.parse_module(text)
    spans = MetadataWrapper(module, unsafe_skip_copy=True).resolve(ByteSpanPositionProvider)
    source = text.encode()
    for name, function in _function_nodes(module.body, ""):
        if name in wanted and not is_left_alone(function, None):
            place = Place(source, spans, names_of(function, spans), [module])
            for kind, change in _walk(function, place):
                yield Mutant(kind.name, name, source.count(b"\n", 0, change.start) + 1, change)


_BY_NODE: dict[type[cst.CSTNode], list[BugKind]] = {}


def _kinds_at(node: cst.CSTNode) -> list[BugKind]:
    if type(node) not in _BY_NODE:
        _BY_NODE[type(node)] = [kind for kind in KINDS.values() if isinstance(node, kind.nodes)]
    return _BY_NODE[type(node)]


def _walk(node: cst.CSTNode, place: Place) -> Iterator[tuple[BugKind, Change]]:
    for kind in _kinds_at(node):
        for change in kind.propose(node, place):
            yield kind, change
    place.above.append(node)
    for child in node.children:
        if not is_left_alone(child, node):
            yield from _walk(child, place)
    place.above.pop()


def _function_nodes(body: object, prefix: str) -> Iterator[tuple[str, cst.FunctionDef]]:
    for node in body if isinstance(body, (list, tuple)) else ():
        if isinstance(node, cst.FunctionDef):
            yield prefix + node.name.value, node
        elif isinstance(node, cst.ClassDef):
            yield from _function_nodes(node.body.body, f"{prefix}{node.name.value}.")


def _functions(body: list[ast.stmt], prefix: str) -> Iterator[Function]:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield Function(prefix + node.name, first, node.end_lineno or first, _first_step(node).lineno)
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}{node.name}.")


def _first_step(node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
    first = node.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return node.body[1] if is_docstring and len(node.body) > 1 else first
