"""Texts made to break a parser of patches: markers of every length, odd line ends, marks, blanks, code."""

from __future__ import annotations

from hypothesis import strategies as st

MARKERS = [
    f"{sign * n}{word}" for n in (4, 5, 6, 7, 8) for sign, word in (("<", " SEARCH"), ("=", ""), (">", " REPLACE"))
]
LINES = [
    *MARKERS,
    "",
    " ",
    "\t",
    "a",
    "b",
    "    return a - b",
    "a.py",
    "./a.py",
    "`a b.py`",
    "### a.py",
    "```",
    "```python",
    "<<<<<<< HEAD",
    "\\ No newline at end of file",
    "\\\\ No newline at end of file",
    "x\x0cy",
    "x\u2028y",
    "x\x85y",
    "é🙂",
    "\x00",
    "--- a/a.py",
    "+++ b/a.py",
    "@@ -1,2 +1,2 @@",
    "@@ -0,0 +1 @@",
    "diff --git a/a.py b/a.py",
]
ENDINGS = ["\n", "\n", "\n", "\r\n", "\r", ""]

lines = st.tuples(st.sampled_from(LINES), st.sampled_from(ENDINGS)).map("".join)
hostile_text = st.lists(lines, max_size=12).map("".join)
any_text = st.one_of(hostile_text, st.text(max_size=60))

paths = st.sampled_from(["a.py", "b/c.py", "with blank.txt", "#hash", "colon:", 'q"uote\\', "é.py", "..."])
trees = st.dictionaries(paths, any_text, max_size=3)
