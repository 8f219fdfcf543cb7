"""Which tree-sitter grammar reads a file, by its extension."""

from __future__ import annotations

from typing import NamedTuple


class Grammar(NamedTuple):
    """Where a grammar is found: `module.function()` gives the language."""

    module: str
    function: str


_GRAMMARS: dict[str, Grammar] = {
    "py pyi": Grammar("tree_sitter_python", "language"),
    "js jsx mjs cjs": Grammar("tree_sitter_javascript", "language"),
    "ts mts cts": Grammar("tree_sitter_typescript", "language_typescript"),
    "tsx": Grammar("tree_sitter_typescript", "language_tsx"),
    "java": Grammar("tree_sitter_java", "language"),
    "c h": Grammar("tree_sitter_c", "language"),
    "cc cpp cxx hh hpp hxx": Grammar("tree_sitter_cpp", "language"),
    "go": Grammar("tree_sitter_go", "language"),
    "rs": Grammar("tree_sitter_rust", "language"),
    "rb": Grammar("tree_sitter_ruby", "language"),
    "php": Grammar("tree_sitter_php", "language_php"),
    "cs": Grammar("tree_sitter_c_sharp", "language"),
    "sh bash": Grammar("tree_sitter_bash", "language"),
}
_BY_EXTENSION = {extension: grammar for extensions, grammar in _GRAMMARS.items() for extension in extensions.split()}


def grammar_of(path: str) -> Grammar | None:
    """The grammar of a path's language, or None."""
    name = path.rpartition("/")[2]
    return _BY_EXTENSION.get(name.rpartition(".")[2]) if "." in name else None
