"""A fix in a comment is no fix, however the language spells the comment; and finding them takes linear time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crrl.diffs import similarity
from crrl.diffs.languages import language_of

FIX = "compact(values).fetch(max(0, size - 1), default) + offset"
COMMENTED = {
    "continued line": ("a.c", "// see below \\\n{fix};"),
    "continued line of blanks": ("a.cpp", "// see below \\ \t\n{fix};"),
    "continued line of CRLF": ("a.h", "// see below \\\r\n{fix};\r"),
    "continued twice": ("a.cc", "// see \\\n below \\\n{fix};"),
    "opening over two lines": ("a.c", "/\\\n/ {fix};"),
    "block over two lines": ("a.c", "/\\\n* {fix};\n*/"),
    "Makefile": ("Makefile", "# see below \\\n{fix}"),
    "hash of PHP": ("a.php", "# {fix};"),
    "nested in Rust": ("a.rs", "/* /* */ {fix} */"),
    "nested in Rust, behind a lifetime": ("a.rs", "fn f<'a>() {{}} /* 'x' /* */ {fix} */"),
    "nested in Kotlin": ("a.kt", "/* /* a */ /* b */\n{fix} */"),
    "nested in Swift": ("a.swift", "/* /* /* */ */\n{fix} */"),
    "nested in Scala": ("a.scala", "/*\n/* */\n{fix}\n*/"),
    "nested in Dart": ("a.dart", "/* /* */ {fix} */"),
    "nested in SQL": ("a.sql", "/* /* */ {fix} */"),
    "nested in Haskell": ("a.hs", "{{- {{- -}} {fix} -}}"),
    "nested in D": ("a.d", "/+ /+ +/ {fix} +/"),
    "nested in Julia": ("a.jl", "#= #= =# {fix} =#"),
    "nested in Nim": ("a.nim", "#[ #[ ]# {fix} ]#"),
    "nested in Racket": ("a.rkt", "#| #| |# {fix} |#"),
    "OCaml": ("a.ml", "(* {fix} *)"),
    "nested in OCaml": ("a.ml", "(* (* *) {fix} *)"),
    "F#": ("a.fs", "(* {fix} *)"),
    "Pascal": ("a.pas", "{{ {fix} }}"),
    "Ruby": ("a.rb", "=begin\n{fix}\n=end"),
    "Perl": ("a.pl", "=pod\n\n{fix}\n\n=cut"),
    "Lua": ("a.lua", "--[=[\n{fix}\n]=]"),
    "Lua, other brackets inside": ("a.lua", "--[==[\n]] ]=]\n{fix}\n]==]"),
    "CMake": ("a.cmake", "#[=[\n{fix}\n]=]"),
    "PowerShell": ("a.ps1", "<#\n{fix}\n#>"),
    "Go, behind a raw string": ("a.go", "x := `\\` /* `\n{fix} */"),
    "Zig": ("a.zig", "// {fix};"),
    "Solidity": ("a.sol", "// {fix};"),
    "Solidity, block": ("a.sol", "/* {fix}; */"),
    "Vue": ("a.vue", "// {fix};"),
    "Vue, markup": ("a.vue", "<!-- {fix} -->"),
    "Svelte": ("a.svelte", "/* {fix}; */"),
}


def tree(path: str, line: str) -> dict[str, str]:
    return {path: f"first(values)\nbefore = size\nlast(values)\n{line}\nend\n"}


@pytest.mark.parametrize("name", COMMENTED)
def test_a_fix_in_a_comment_earns_as_good_as_nothing(name: str) -> None:
    path, comment = COMMENTED[name]
    before, after = tree(path, "values[size]"), tree(path, FIX)
    assert similarity(before, after, tree(path, comment.format(fix=FIX))) <= 0.1
    assert similarity(before, after, tree(path, comment.format(fix=FIX) + "\nvalues[size]")) <= 0.1
    assert similarity(before, after, after) == 1.0
    assert similarity(before, after, tree(path, FIX.replace("offset", "shift"))) > 0.5


ORDINARY = {
    "a.c": '// a \\ b\nint x; /* \\\n*/ char *s = "// \\\\";\n#define F(x) \\\n  (x)\n',
    "a.rs": "/* a */ let s = \"/* /*\"; // /* /*\nfn f<'a>(x: &'a str) {} /* b */\n",
    "a.lua": "--[[ a ]] x = '--[=[' -- b\n",
    "a.rb": "x = <<END\n  =begin\nEND\n",
    "a.go": "s := `/* \\`\n",
    "a.py": "# /* /*\n",
}


@pytest.mark.parametrize("path", ORDINARY)
def test_a_text_without_rare_comments_is_left_as_it_is(path: str) -> None:
    assert language_of(path).readable(ORDINARY[path]) == ORDINARY[path]


def test_what_follows_a_rare_comment_is_code_again() -> None:
    assert language_of("a.rs").readable("a /* /* */ b */ c /* d */\n") == "a   c /* d */\n"
    assert language_of("a.c").readable("a // b \\\n c \\\n d\ne\n") == "a  \n\n\ne\n"
    assert language_of("a.rb").readable("=begin\na\n=end b\nc\n") == " \n\n\nc\n"
    assert language_of("a.lua").readable("--[=[ a ]] ]=] b\n") == "  b\n"
    assert language_of("a.rs").readable("a /* /* b\nc") == "a  \n"


PIECES = [
    "/*",
    "*/",
    "//",
    "/",
    "\\\n",
    "\\ \n",
    "\n",
    '"',
    "'",
    "(*",
    "*)",
    "{-",
    "-}",
    "--[=[",
    "]=]",
    "--[[",
    "]]",
    "=begin\n",
]
PATHS = ["a.c", "a.rs", "a.ml", "a.hs", "a.lua", "a.rb", "a.pl", "a.jl", "a.mk", "a.d", "a.rkt"]


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(PATHS), st.lists(st.sampled_from([*PIECES, "=end\n", "#", "x ", "|"]), max_size=30).map("".join))
def test_blanking_keeps_the_lines(path: str, text: str) -> None:
    readable = language_of(path).readable(text)
    assert readable.count("\n") == text.count("\n")
    assert len(readable) <= len(text)


HOSTILE = [*PIECES, "/* /*", "(*(", "/\\\n", "\\", "*\\\n", "--[", "/*\n*", "'\\", "=", "=x\n", "// \\"]
STARTS = ["", "/* /* ", "// \\\n", "/\\\n*", "--[=[", "=begin\n", '"']


@pytest.mark.parametrize("path", PATHS)
def test_hostile_texts_are_read_in_linear_time(path: str) -> None:
    language = language_of(path)
    for start in STARTS:
        for piece in HOSTILE:
            language.readable(start + piece * 50_000)  # milliseconds each; with a square it would be hours


@pytest.mark.parametrize("path", ["a.c", "a.rs", "a.php", "a.lua", "a.ml", "a.rb", "a.vue", "a.go"])
def test_hostile_answers_are_scored_in_linear_time(path: str) -> None:
    before, after = tree(path, "values[size]"), tree(path, FIX)
    for piece in HOSTILE:
        assert similarity(before, after, tree(path, piece * 20_000)) <= 0.3
