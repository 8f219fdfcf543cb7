"""Which tree-sitter grammar reads a file, by its extension; each is loaded when it is first needed."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Parser

_GRAMMARS: dict[str, tuple[str, str]] = {
    "py pyi": ("tree_sitter_python", "language"),
    "js jsx mjs cjs": ("tree_sitter_javascript", "language"),
    "ts mts cts": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "java": ("tree_sitter_java", "language"),
    "c h": ("tree_sitter_c", "language"),
    "cc cpp cxx hh hpp hxx": ("tree_sitter_cpp", "language"),
    "go": ("tree_sitter_go", "language"),
    "rs": ("tree_sitter_rust", "language"),
    "rb": ("tree_sitter_ruby", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "cs": ("tree_sitter_c_sharp", "language"),
    "sh bash": ("tree_sitter_bash", "language"),
}
"""Extensions → (module, function that gives the language)."""
_BY_EXTENSION = {extension: place for extensions, place in _GRAMMARS.items() for extension in extensions.split()}


def grammar_of(path: str) -> Parser | None:
    """A parser for the language of a path, or None. Cost: 10 ms for the first file of a language."""
    place = _BY_EXTENSION.get(path.rpartition("/")[2].rpartition(".")[2])
    return _load(*place) if place else None


@cache
def _load(module: str, function: str) -> Parser:
    from tree_sitter import Language, Parser

    grammar: Any = importlib.import_module(module)
    return Parser(Language(getattr(grammar, function)()))
