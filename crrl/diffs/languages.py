"""What a lexer has to know of a programming language: comments, strings, and whether indentation is code.

Deliberately small: enough to tell code from comment from string, for the families of languages that share a notation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from crrl.diffs.rare_comments import RareComment, RareComments, continued, lines_between, long_brackets, nested, spread

_WORD_OR_SIGN = r"\w+|[^\w \t\n\r\f\v]"  # a no-break space is no blank: most languages refuse it
_CHARACTER = r"'(?:[^'\\\n]|\\[^\n][^'\n]{0,9})'"  # one character; in `<'a, 'b>` and 1'000 nothing is quoted
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


_NOT_ELSEWHERE = {
    ("php", "#"): r"\#(?!\[)",  # `#[` begins an attribute
    ("page", "//"): "(?<!:)//",  # https://
    ("scss", "//"): "(?<!:)//",
}
"""(Language, what its line comments start with) → pattern of that, where it means something else as well."""


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
    rare: RareComments | None = None
    """Comments that `token` does not find as they are: blanked before a text is read (`readable`)."""
    special: frozenset[str] = frozenset()
    """What line starts, strings and comments begin with: any other token means itself."""
    is_code: bool = True
    """Its control-flow words control flow (prose and data have none)."""

    def readable(self, text: str) -> str:
        """The text with its rare comments as blank lines. All of a file, so that what is in a comment is known."""
        return self.rare.blanked(text) if self.rare else text


def _language(
    name: str,
    *,
    line_comments: tuple[str, ...] = (),
    block_comments: Mapping[str, str] | None = None,
    rare_comments: tuple[RareComment, ...] = (),
    tripled: str = "",
    quotes: str = "\"'",
    characters: bool = False,
    template: bool = False,
    raw: bool = False,
    indented: bool = False,
    prefixes: str = "",
    is_code: bool = True,
) -> Language:
    """A language of these comments and strings.

    `characters`: a `'` quotes one character, and is no quote elsewhere. `template`: "`" quotes lines; `raw`: without escapes.
    """
    multiline: dict[str, str] = {quote * 3: _tripled_rest(quote) for quote in tripled}
    closings = {opening: opening for opening in (*multiline, *"`" * template)} | dict(block_comments or {})
    pieces = [_tripled(quote) for quote in tripled] + [_quoted(quote) for quote in quotes]
    pieces += [_CHARACTER] * characters
    hidden = [rf"{_NOT_ELSEWHERE.get((name, mark), re.escape(mark))}[^\n]*" for mark in line_comments]
    for opening, closing in (block_comments or {}).items():
        multiline[opening] = rf".*?{re.escape(closing)}"
        hidden.append(rf"{re.escape(opening)}(?:{multiline[opening]}|.*)")
    if template:
        multiline["`"] = r"[^`]*+`" if raw else r"[^`\\]*+(?:\\.[^`\\]*+)*`"
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
        rare=RareComments(rare_comments, opaque) if rare_comments else None,
        special=frozenset("\n\"'`" + prefixes + prefixes.upper()).union(mark[0] for mark in comments),
        is_code=is_code,
    )


_hashed = partial(_language, line_comments=("#",))
_slashed = partial(_language, line_comments=("//",), block_comments={"/*": "*/"}, template=True)
_FAMILIES: tuple[tuple[str, Language], ...] = (
    ("py pyi pyx bzl", _hashed("python", tripled="\"'", indented=True, prefixes="rbuf")),
    ("sh bash zsh r awk fish pp cr graphql", _hashed("hash")),
    ("ex exs", _hashed("elixir", tripled="\"'")),
    (
        "rb rake gemspec",
        _hashed(
            "ruby", rare_comments=(lines_between(r"=begin(?=\s|\Z)", r"=end\b"), lines_between(r"__END__(?=\r?$)"))
        ),
    ),
    (
        "pl pm t",
        _hashed("perl", rare_comments=(lines_between("=[a-zA-Z]", r"=cut\b"), lines_between(r"__(?:END|DATA)__\b"))),
    ),
    ("mk tcl", _hashed("make", rare_comments=(continued("#"),))),
    (
        "cmake",
        _hashed("cmake", block_comments={"#[[": "]]"}, rare_comments=(long_brackets("#"),)),
    ),
    ("ps1 psm1", _hashed("powershell", block_comments={"<#": "#>"})),
    ("jl", _hashed("julia", block_comments={"#=": "=#"}, rare_comments=(nested("#=", "=#"),), tripled='"')),
    ("nim", _hashed("nim", block_comments={"#[": "]#"}, rare_comments=(nested("#[", "]#"),), tripled='"')),
    ("coffee", _hashed("coffee", block_comments={"###": "###"}, tripled="\"'")),
    ("tf hcl", _language("config", line_comments=("#", "//"), block_comments={"/*": "*/"})),
    ("nix", _hashed("nix", block_comments={"/*": "*/"})),
    (
        "yaml yml toml cfg ini conf env properties",
        _hashed("settings", indented=True, is_code=False),
    ),
    (
        "c h cc cpp cxx hpp hh hxx inl ino cu cuh cl glsl vert frag hlsl m mm",
        _slashed("c", rare_comments=(spread(), continued("//")), quotes='"', characters=True),
    ),
    ("go", _slashed("go", quotes='"', characters=True, raw=True)),
    ("java cs", _slashed("java", tripled='"', quotes='"', characters=True)),
    (
        "rs kt kts scala sc swift wgsl",
        _slashed("rust", rare_comments=(nested("/*", "*/"),), tripled='"', quotes='"', characters=True),
    ),
    ("dart", _slashed("dart", rare_comments=(nested("/*", "*/"),), tripled="\"'")),
    (
        "js jsx mjs cjs ts tsx mts cts proto thrift sol v sv json5 jsonc as hx vala",
        _slashed("script"),
    ),
    ("groovy gradle", _slashed("groovy", tripled="\"'")),
    ("php", _language("php", line_comments=("//", "#"), block_comments={"/*": "*/"}, template=True)),
    ("zig", _language("zig", line_comments=("//",), quotes='"', characters=True)),
    (
        "d",
        _slashed(
            "d",
            block_comments={"/*": "*/", "/+": "+/"},
            rare_comments=(nested("/+", "+/"),),
            quotes='"',
            characters=True,
        ),
    ),
    (
        "ml mli sml",
        _language("ml", block_comments={"(*": "*)"}, rare_comments=(nested("(*", "*)"),), quotes='"', characters=True),
    ),
    (
        "fs fsi fsx",
        _language(
            "fsharp",
            line_comments=("//",),
            block_comments={"(*": "*)"},
            rare_comments=(nested("(*", "*)"),),
            tripled='"',
            quotes='"',
            characters=True,
        ),
    ),
    ("pas dpr", _language("pascal", line_comments=("//",), block_comments={"(*": "*)", "{": "}"}, quotes="'")),
    ("css", _language("css", block_comments={"/*": "*/"}, is_code=False)),
    ("scss less", _language("scss", line_comments=("//",), block_comments={"/*": "*/"}, is_code=False)),
    (
        "sql",
        _language("sql", line_comments=("--",), block_comments={"/*": "*/"}, rare_comments=(nested("/*", "*/"),)),
    ),
    (
        "lua",
        _language("lua", line_comments=("--",), block_comments={"--[[": "]]"}, rare_comments=(long_brackets("--"),)),
    ),
    (
        "hs elm purs",
        _language(
            "haskell",
            line_comments=("--",),
            block_comments={"{-": "-}"},
            rare_comments=(nested("{-", "-}"),),
            quotes='"',
        ),
    ),
    ("ada adb ads vhd vhdl", _language("dash", line_comments=("--",), quotes='"')),
    (
        "lisp lsp scm ss rkt",
        _language(
            "lisp", line_comments=(";",), block_comments={"#|": "|#"}, rare_comments=(nested("#|", "|#"),), quotes='"'
        ),
    ),
    ("el clj cljs cljc asm s", _language("semicolon", line_comments=(";",), quotes='"')),
    ("tex sty erl hrl", _language("percent", line_comments=("%",), quotes='"')),
    ("html htm xml svg", _language("markup", block_comments={"<!--": "-->"}, quotes="", is_code=False)),
    (
        "vue svelte astro",
        _language("page", line_comments=("//",), block_comments={"/*": "*/", "<!--": "-->"}, template=True),
    ),
)
_BY_EXTENSION = {extension: language for extensions, language in _FAMILIES for extension in extensions.split()}
_BY_NAME = {"makefile": _BY_EXTENSION["mk"], "dockerfile": _BY_EXTENSION["sh"], "rakefile": _BY_EXTENSION["rb"]}
_PROSE = _language("prose", quotes="", is_code=False)


def language_of(path: str) -> Language:
    """The language a path's extension (or bare name) stands for; prose, without comments or strings, if unknown."""
    name = path.rpartition("/")[2].lower()
    return _BY_NAME.get(name) or _BY_EXTENSION.get(name.rpartition(".")[2], _PROSE)
