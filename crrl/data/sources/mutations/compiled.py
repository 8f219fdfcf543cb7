"""Is a mutant a program, and another one? Compared as bytecode, without line numbers."""

from __future__ import annotations

import warnings
from types import CodeType
from typing import Any

from crrl.data.sources.mutations.mutants import Function, Mutant


class FunctionSource:
    """The bytes of one function in its module."""

    def __init__(self, text: str, function: Function) -> None:
        lines = text.encode().splitlines(keepends=True)
        self._source = text.encode()
        self._start = sum(map(len, lines[: function.first_line - 1]))
        self._end = sum(map(len, lines[: function.last_line]))

    def compiled(self, mutant: Mutant | None = None) -> Any:
        """What the function compiles to, as a value that is equal for equal programs; None if it does not compile."""
        body = self._source[self._start : self._end].decode()
        if mutant:
            change = mutant.change
            whole = change.apply(self._source).encode()
            grown = len(whole) - len(self._source)
            body = whole[self._start : self._end + grown].decode()
        text = f"if 1:\n{body}" if body[:1].isspace() else body  # a method keeps its indentation: texts span lines
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return _essence(compile(text, "function", "exec", dont_inherit=True))
        except (SyntaxError, ValueError):
            return None


def _essence(code: CodeType) -> tuple[Any, ...]:
    consts = tuple(
        _essence(const) if isinstance(const, CodeType) else (type(const).__name__, repr(const))
        for const in code.co_consts
    )
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return (code.co_code, code.co_exceptiontable, consts, names, code.co_flags)
