"""Which mutants of a function are tried, and in which order: every kind gets its turn."""

from __future__ import annotations

import ast
import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, zip_longest

from crrl.data.sources.mutations.compiled import FunctionSource
from crrl.data.sources.mutations.library import Module
from crrl.data.sources.mutations.mutants import Function, Mutant
from crrl.syntax_tree import parse_python


def candidates(
    module: Module, function: Function, mutants: Sequence[Mutant], *, lines: frozenset[int], seed: int
) -> list[Mutant]:
    """The mutants whose line runs in the tests, in an order drawn from the seed: a kind's second comes after all firsts."""
    starts = _statement_starts(module.text)
    running = [mutant for mutant in mutants if _runs(mutant.line, function, starts, lines)]
    draw = random.Random(f"{seed} {module.name} {function.name}")
    by_kind: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in running:
        by_kind[mutant.kind].append(mutant)
    kinds = list(by_kind.values())
    for group in kinds:
        draw.shuffle(group)
    draw.shuffle(kinds)
    return [mutant for mutant in chain.from_iterable(zip_longest(*kinds)) if mutant is not None]


def different_programs(module: Module, function: Function, mutants: Iterable[Mutant]) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with "" or why it is none: no program, the same as the function or as an earlier mutant."""
    source = FunctionSource(module.text, function)
    seen = {source.compiled()}
    for mutant in mutants:
        program = source.compiled(mutant)
        reason = "does not compile" if program is None else "the same bytecode" if program in seen else ""
        seen.add(program)
        yield mutant, reason


def body_key(module: Module, function: Function) -> str:
    """Equal for copies of a function, whatever they are called and documented: a digest of the syntax tree."""
    lines = module.text.splitlines(keepends=True)[function.first_line - 1 : function.last_line]
    text = "".join(lines)
    tree = parse_python(f"if 1:\n{text}" if text[:1].isspace() else text)
    node = next(node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    if ast.get_docstring(node, clean=False) is not None:
        del node.body[0]
    parts = [ast.dump(node.args), *map(ast.dump, node.body)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _runs(line: int, function: Function, starts: dict[int, int], lines: frozenset[int]) -> bool:
    """Whether a line's statement runs; headers of functions and `else` have no line of their own and count."""
    return line < function.body_line or line not in starts or starts[line] in lines or line in lines


@lru_cache(maxsize=8)
def _statement_starts(text: str) -> dict[int, int]:
    """Line → the first line of the statement it belongs to."""
    starts: dict[int, int] = {}
    for node in ast.walk(parse_python(text)):  # from the outside in: what is said last about a line is the closest
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = body[0].lineno - 1 if isinstance(body, list) else (node.end_lineno or node.lineno)
            starts.update(dict.fromkeys(range(node.lineno, max(end, node.lineno) + 1), node.lineno))
    return starts
