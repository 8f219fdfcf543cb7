"""Unified diffs: the form that git reads, and the refusals."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crrl.diffs import apply_unified, render_unified
from crrl.diffs.unified import changed_paths
from crrl.errors import PatchApplyError, PatchParseError

BEFORE = {"pkg/mod.py": "".join(f"line {n}\n" for n in range(12)), "gone.py": "a\n", "open end": "x"}
AFTER = {
    "pkg/mod.py": BEFORE["pkg/mod.py"].replace("line 2\n", "two\n").replace("line 10\n", ""),
    "new.py": "b\n",
    "new empty.py": "",
    "open end": "y\n",
}


def test_the_text_is_gits() -> None:
    before, after = {"f": "a\nb\nc"}, {"f": "a\nB\nc"}
    assert render_unified(before, after) == (
        "diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n\\ No newline at end of file\n"
    )


def test_git_applies_what_we_render(tmp_path: Path) -> None:
    for path, text in BEFORE.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    diff = render_unified(BEFORE, AFTER)
    subprocess.run(["git", "apply", "-"], input=diff, text=True, cwd=tmp_path, check=True)
    written = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert written == AFTER


def test_we_apply_what_git_renders(tmp_path: Path) -> None:
    for name, tree in (("a", BEFORE), ("b", AFTER)):
        for path, text in tree.items():
            (tmp_path / name / path).parent.mkdir(exist_ok=True, parents=True)
            (tmp_path / name / path).write_text(text)
    command = ["git", "-c", "core.quotepath=off", "diff", "--no-index", "--no-color", "a", "b"]
    diff = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path).stdout
    diff = diff.replace("a/a/", "a/").replace("b/b/", "b/").replace("b/a/", "b/").replace("a/b/", "a/")
    assert apply_unified(BEFORE, diff) == AFTER


ODD_NAMES = [
    "é.py",
    "日本 語.py",
    'q"uote',
    "back\\slash",
    "\\303",
    "tab\tand\nline",
    " ",
    "end ",
    "\x7f\x85\u2028",
    "🙂",
    "\x01\x0b",
]
file_names = st.one_of(
    st.sampled_from(ODD_NAMES),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40),
).filter(lambda name: name not in (".", ".."))


@settings(max_examples=40, deadline=None)
@given(st.sets(file_names, min_size=1, max_size=6))
def test_every_name_is_quoted_as_git_does(names: set[str]) -> None:
    before, after = (dict.fromkeys(names, text) for text in ("a\n", "b\n"))
    with TemporaryDirectory() as folder:
        for side, tree in (("a", before), ("b", after)):
            Path(folder, side).mkdir()
            for name, text in tree.items():
                Path(folder, side, name).write_text(text)
        command = ["git", "-c", "core.quotepath=on", "diff", "--no-index", "--src-prefix=", "--dst-prefix=", "a", "b"]
        diff = subprocess.run(command, capture_output=True, cwd=folder).stdout.decode()
        subprocess.run(
            ["git", "apply", "-"], input=render_unified(before, after).encode(), cwd=folder + "/a", check=True
        )
        assert {path.name: path.read_text() for path in Path(folder, "a").iterdir()} == after
    assert set(changed_paths(diff)) == names
    assert apply_unified(before, diff) == after
    assert apply_unified(before, render_unified(before, after)) == after


def test_no_change_is_the_empty_diff() -> None:
    assert render_unified(BEFORE, BEFORE) == ""
    assert apply_unified(BEFORE, "") == BEFORE


def test_a_hunk_that_moved_is_found_at_its_one_place() -> None:
    diff = render_unified({"f": "a\nb\n"}, {"f": "a\nB\n"})
    assert apply_unified({"f": "new\nnew\na\nb\n"}, diff) == {"f": "new\nnew\na\nB\n"}


@pytest.mark.parametrize(
    ("diff", "message"),
    [
        ("@@ -1 +1 @@\n-a\n+b\n", "without the two lines"),
        ("--- a/f\n+++ b/f\n@@ what @@\n", "no hunk header"),
        ("--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n", "ends before"),
        ("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n-b\n", "does not count"),
    ],
)
def test_a_malformed_diff_is_refused(diff: str, message: str) -> None:
    with pytest.raises(PatchParseError, match=message):
        apply_unified({"f": "a\n"}, diff)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "there is no file"),
        ({"f": "x\n"}, "do not stand at one place"),
        ({"f": "z\na\na\n"}, "do not stand at one place"),
    ],
)
def test_a_diff_that_does_not_fit_is_refused(files: dict[str, str], message: str) -> None:
    with pytest.raises(PatchApplyError, match=message):
        apply_unified(files, "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n")
