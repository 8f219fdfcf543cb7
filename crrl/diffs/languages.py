"""What a lexer has to know of a programming language: comments, strings, and whether indentation is code.

Deliberately small: enough to tell code from comment from string, for the families of languages that share a notation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_WORD_OR_SIGN = r"\w+|[^\w\s]"
_INDENTED_LINE = r"\n[ \t]*+(?=[^\s#])"  # blank and comment lines do not indent


def _quoted(quote: str) -> str:
    """A string within one line. An unterminated quote falls through to a sign."""
    # Only single characters are repeated possessively: Python before 3.11.5 matches `(...)*+` wrongly
    # (github.com/python/cpython/issues/106052), and Debian 12 ships 3.11.2.
    # The count bounds what an unterminated quote costs before the next one is tried: a line of escapes stays linear.
    return rf"{quote}[^{quote}\\\n]*+(?:\\.[^{quote}\\\n]*+){{0,99}}{quote}"


def _tripled(quote: str) -> str:
    """A triple-quoted string, or what is left of the text if it does not end."""
    return rf"{quote * 3}(?:{_tripled_rest(quote)}|.*)"


def _tripled_rest(quote: str) -> str:
    return rf"[^{quote}\\]*+(?:(?:\\.|{quote}(?!{quote * 2}))[^{quote}\\]*+)*{quote * 3}"


@dataclass(frozen=True)
class Language:
    """How to cut one family of languages into tokens."""

    name: str
    token: re.Pattern[str]
    """Finds every token, as its only group: line starts, strings, comments, words, signs. (Blanks are skipped up to 8 at
    once: one by one is slow, and without a bound a long run of them would be looked at again from each of its places.)"""
    opaque: re.Pattern[str] | None = None
    """Finds strings and comments only: whatever may hide a delimiter."""
    comments: tuple[str, ...] = ()
    """What a comment starts with."""
    multiline: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    """Opening delimiter of what may span lines → pattern of its rest, closing delimiter included."""
    closings: Mapping[str, str] = field(default_factory=dict)
    """Opening → closing delimiter of the same."""
    indented: bool = False
    """Leading blanks are code."""
    prefixes: str = ""
    """Letters that may stand before a quote."""
    special: frozenset[str] = frozenset()
    """What line starts, strings and comments begin with: any other token means itself."""
    is_code: bool = True
    """Its control-flow words control flow (prose and data have none)."""


def _language(
    name: str,
    *,
    line_comments: tuple[str, ...] = (),
    block_comments: Mapping[str, str] | None = None,
    tripled: str = "",
    quotes: str = "\"'",
    template: bool = False,
    indented: bool = False,
    prefixes: str = "",
    is_code: bool = True,
) -> Language:
    multiline: dict[str, str] = {quote * 3: _tripled_rest(quote) for quote in tripled}
    closings = {opening: opening for opening in (*multiline, *"`" * template)} | dict(block_comments or {})
    pieces = [_tripled(quote) for quote in tripled] + [_quoted(quote) for quote in quotes]
    hidden = [rf"{re.escape(mark)}[^\n]*" for mark in line_comments]
    for opening, closing in (block_comments or {}).items():
        multiline[opening] = rf".*?{re.escape(closing)}"
        hidden.append(rf"{re.escape(opening)}(?:{multiline[opening]}|.*)")
    if template:
        multiline["`"] = r"[^`\\]*+(?:\\.[^`\\]*+)*`"
        pieces.append(rf"`(?:{multiline['`']}|.*)")
    # Block before line comments: Lua's `--[[` also starts with `--`.
    opaque = pieces + hidden[::-1]
    strings = [rf"(?:[{prefixes}{prefixes.upper()}]{{1,2}})?(?:{'|'.join(pieces)})"] if prefixes else pieces
    comments = (*line_comments, *(block_comments or {}))
    token = [_INDENTED_LINE] * indented + strings + hidden[::-1] + [_WORD_OR_SIGN]
    return Language(
        name=name,
        token=re.compile(rf"[ \t]{{0,8}}+({'|'.join(token)})", re.DOTALL),
        opaque=re.compile("|".join(opaque), re.DOTALL) if opaque else None,
        comments=comments,
        multiline={opening: re.compile(rest, re.DOTALL) for opening, rest in multiline.items()},
        closings=closings,
        indented=indented,
        prefixes=prefixes + prefixes.upper(),
        special=frozenset("\n\"'`" + prefixes + prefixes.upper()).union(mark[0] for mark in comments),
        is_code=is_code,
    )


_FAMILIES: tuple[tuple[str, Language], ...] = (
    ("py pyi pyx bzl", _language("python", line_comments=("#",), tripled="\"'", indented=True, prefixes="rbuf")),
    ("sh bash zsh rb pl pm r ex exs jl nim tcl ps1 cmake mk awk", _language("hash", line_comments=("#",))),
    (
        "yaml yml toml cfg ini conf env properties",
        _language("settings", line_comments=("#",), indented=True, is_code=False),
    ),
    (
        "c h cc cpp cxx hpp hh m mm java js jsx mjs cjs ts tsx go rs swift kt kts scala cs dart groovy gradle php proto",
        _language("c", line_comments=("//",), block_comments={"/*": "*/"}, template=True),
    ),
    ("css scss less", _language("css", block_comments={"/*": "*/"}, is_code=False)),
    ("sql", _language("sql", line_comments=("--",), block_comments={"/*": "*/"})),
    ("lua", _language("lua", line_comments=("--",), block_comments={"--[[": "]]"})),
    ("hs elm ada adb vhd vhdl", _language("dash", line_comments=("--",), block_comments={"{-": "-}"}, quotes='"')),
    ("lisp lsp el clj cljs scm rkt asm s", _language("semicolon", line_comments=(";",), quotes='"')),
    ("tex sty erl hrl", _language("percent", line_comments=("%",), quotes='"')),
    (
        "html htm xml svg vue",
        _language("markup", block_comments={"<!--": "-->"}, quotes="", is_code=False),
    ),
)
_BY_EXTENSION = {extension: language for extensions, language in _FAMILIES for extension in extensions.split()}
_BY_NAME = {"makefile": _BY_EXTENSION["mk"], "dockerfile": _BY_EXTENSION["sh"], "rakefile": _BY_EXTENSION["rb"]}
_PROSE = _language("prose", quotes="", is_code=False)


def language_of(path: str) -> Language:
    """The language a path's extension (or bare name) stands for; prose, without comments or strings, if unknown."""
    name = path.rpartition("/")[2].lower()
    return _BY_NAME.get(name) or _BY_EXTENSION.get(name.rpartition(".")[2], _PROSE)
