"""Code, string or comment: looking only at lines with a delimiter says the same as reading every token."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crrl.diffs.languages import Language, language_of
from crrl.diffs.lexical_state import CODE, left_open, state_after, state_at
from crrl.diffs.tokens import tokenise

PIECES = [
    *(
        '"""',
        "'''",
        '"',
        "'",
        "`",
        "/*",
        "*/",
        "//",
        "#",
        "--",
        "--[[",
        "]]",
        "<!--",
        "-->",
        "{-",
        "-}",
        "(*",
        "*)",
        "#|",
        "|#",
        "#[[",
        "{",
        "}",
    ),
    *("\n", "\n", "\\", "\\\n", "\r", " ", " " * 9, "x", "r", "[", "-", "/", "*", ";", "a b\n", "é"),
]
texts = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
languages = st.sampled_from(
    [
        "a.py",
        "a.js",
        "a.lua",
        "a.hs",
        "a.html",
        "a.sql",
        "a.sh",
        "a.css",
        "a.txt",
        "a.c",
        "a.rs",
        "a.vue",
        "a.ml",
        "a.rkt",
        "a.cmake",
        "a.php",
        "a.pas",
    ]
)


def state_by_reading_everything(language: Language, text: str) -> str:
    found = language.opaque.findall(text) if language.opaque else []
    return left_open(language, found[-1]) if found else CODE


@settings(deadline=None, max_examples=500)
@given(languages, texts, st.integers(0, 200))
def test_every_place_is_in_the_state_that_reading_everything_gives(path: str, text: str, place: int) -> None:
    language = language_of(path)
    place = min(place, len(text))
    assert state_at(language, text, place) == state_by_reading_everything(language, text[:place])


@pytest.mark.parametrize(
    ("path", "text", "state"),
    [
        ("a.py", 'x = """a\n', '"""'),
        ("a.py", 'x = """a\\"""\n', '"""'),
        ("a.py", "# '''\n", ""),
        ("a.py", "x = \"'''\"\n", ""),
        ("a.py", "x = \"a\\\n'''\"\n", ""),
        ("a.js", "x = `\n", "`"),
        ("a.js", "x = `a`\n", ""),
        ("a.js", "// /*\n", ""),
        ("a.c", "/* a */ /*\n", "/*"),
    ],
)
def test_states_known_by_eye(path: str, text: str, state: str) -> None:
    language = language_of(path)
    assert state_at(language, text, len(text)) == state
    assert state_after(language, text, CODE) == state
    assert tokenise(language, text)[1] == state


def test_a_long_run_of_delimiters_is_read_in_linear_time() -> None:
    for text in ('""" """\n' * 50_000, "# '''\\\n" * 50_000, "'''" * 50_001):
        assert state_at(language_of("a.py"), text, len(text)) in (CODE, "'''")
