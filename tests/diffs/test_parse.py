"""The rules of the canonical patch: markers, paths, sections. One test a rule."""

from __future__ import annotations

import pytest

from crrl.diffs import Edit, Patch, parse_patch, render_patch
from crrl.diffs import deviations as named
from crrl.errors import PatchParseError

CANONICAL = "pkg/mod.py\n<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n>>>>>>> REPLACE\n"
EDIT = Edit("pkg/mod.py", "    return a - b\n", "    return a + b\n")


def block(search: str = "a\n", replace: str = "b\n", path: str = "f.py\n", n: int = 7) -> str:
    return f"{path}{'<' * n} SEARCH\n{search}{'=' * n}\n{replace}{'>' * n} REPLACE\n"


def refusal(text: str, **options: str) -> PatchParseError:
    with pytest.raises(PatchParseError) as caught:
        parse_patch(text, **options)
    return caught.value


# Markers


def test_the_canonical_form_has_no_deviation() -> None:
    assert parse_patch(CANONICAL) == Patch((EDIT,))
    assert render_patch(Patch((EDIT,))) == CANONICAL


def test_several_blocks_and_files_keep_their_order() -> None:
    text = block(path="a.py\n") + "\n" + block("c\n", "d\n", path="b.py\n")
    assert parse_patch(text) == Patch((Edit("a.py", "a\n", "b\n"), Edit("b.py", "c\n", "d\n")))


@pytest.mark.parametrize("n", [5, 6, 7, 8, 40])
def test_other_lengths_of_five_and_more_are_no_deviation(n: int) -> None:
    assert parse_patch(block(n=n)) == Patch((Edit("f.py", "a\n", "b\n"),))


def test_four_signs_are_no_marker() -> None:
    assert parse_patch(block(n=4)) == Patch(())


def test_markers_of_another_length_inside_a_block_are_text() -> None:
    inner = block(n=6)
    patch = parse_patch(block(search=inner))
    assert patch.edits == (Edit("f.py", inner, "b\n"),)


def test_a_conflict_marker_of_git_is_text() -> None:
    patch = parse_patch(block(search="<<<<<<< HEAD\na\n", replace=">>>>>>> branch\n"))
    assert patch.edits == (Edit("f.py", "<<<<<<< HEAD\na\n", ">>>>>>> branch\n"),)


@pytest.mark.parametrize("marker", ["<<<<<<< SEARCH", "  =======", "x =======", "<<<<<<<SEARCH", "<<<<<<< search"])
def test_only_an_exact_marker_from_column_zero_is_one(marker: str) -> None:
    body = block(search=f"{marker}\n")
    if marker == "<<<<<<< SEARCH":
        assert "SEARCH" in str(refusal(body))
    else:
        assert parse_patch(body).edits == (Edit("f.py", f"{marker}\n", "b\n"),)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("f.py\n<<<<<<< SEARCH\na\n>>>>>>> REPLACE\n", 4),  # no divider
        ("f.py\n<<<<<<< SEARCH\na\n=======\nb\n", 2),  # never closed
        ("f.py\n<<<<<<< SEARCH\na\n", 2),  # never divided
        ("f.py\n<<<<<<< SEARCH\na\n=======\nb\n=======\nc\n>>>>>>> REPLACE\n", 6),  # two dividers
        ("f.py\n<<<<<<< SEARCH\na\n<<<<<<< SEARCH\nb\n=======\nc\n>>>>>>> REPLACE\n", 4),  # opened twice
        ("f.py\n>>>>>>> REPLACE\na\n=======\nb\n<<<<<<< SEARCH\n", 2),  # reversed
        ("text\n\n>>>>>>> REPLACE\n", 3),  # stray
        ("f.py\n<<<<<<< SEARCH\na\n======\nb\n>>>>>>> REPLACE\n", 6),  # the divider has another length
    ],
)
def test_a_block_that_is_not_whole_is_refused_with_its_line(text: str, line: int) -> None:
    assert refusal(text).line == line


def test_a_divider_outside_of_blocks_is_text() -> None:
    patch = parse_patch("Title\n=======\n\n" + CANONICAL)
    assert patch == Patch((EDIT,), (named.TEXT_AROUND,))


def test_no_marker_at_all_is_the_empty_patch() -> None:
    for text in ("", "no", "=======\n", "```\ncode\n```"):
        assert parse_patch(text) == Patch(())
    assert render_patch(Patch(())) == ""


def test_lines_split_at_newlines_only() -> None:
    search = "a\x0cb\u2028c\x85d\re\n"
    assert parse_patch(block(search=search)).edits[0].search == search


def test_rendering_picks_a_length_that_no_line_of_the_sections_uses() -> None:
    edit = Edit("f.py", "<<<<<<< SEARCH\n========\n", ">>>>>>>>> REPLACE\n")
    text = render_patch(Patch((edit,)))
    assert text.splitlines()[1] == "<" * 10 + " SEARCH"
    assert parse_patch(text) == Patch((edit,))


# Paths


def test_the_previous_path_is_reused_as_a_deviation() -> None:
    patch = parse_patch(block() + "\n" + block("c\n", "d\n", path=""))
    assert [edit.path for edit in patch.edits] == ["f.py", "f.py"]
    assert patch.deviations == (named.PATH_FROM_PREVIOUS,)


def test_the_default_path_is_used_as_a_deviation() -> None:
    patch = parse_patch(block(path=""), default_path="g.py")
    assert patch == Patch((Edit("g.py", "a\n", "b\n"),), (named.PATH_FROM_DEFAULT,))


def test_a_written_path_wins_over_the_default() -> None:
    assert parse_patch(block(), default_path="g.py").edits[0].path == "f.py"


def test_no_path_at_all_is_refused() -> None:
    error = refusal(block(path=""))
    assert "which file?" in str(error)
    assert error.line == 1


def test_a_blank_line_hides_the_path_above_it() -> None:
    assert refusal(block(path="f.py\n\n")).line == 3


def test_the_path_is_found_above_a_fence() -> None:
    patch = parse_patch(f"f.py\n```python\n{block(path='')}```\n")
    assert patch == Patch((Edit("f.py", "a\n", "b\n"),), (named.FENCE,))


@pytest.mark.parametrize(
    ("line", "path", "deviation"),
    [
        ("### f.py", "f.py", named.HEADING_PATH),
        ("`f.py`", "f.py", named.QUOTED_PATH),
        ("  f.py", "f.py", named.BLANKS_AROUND_PATH),
        ("f.py\t", "f.py", named.BLANKS_AROUND_PATH),
        ("f.py\r", "f.py", named.CRLF),
    ],
)
def test_a_path_in_another_dress_is_read_and_named(line: str, path: str, deviation: str) -> None:
    patch = parse_patch(block(path=f"{line}\n"))
    assert patch.edits[0].path == path
    assert patch.deviations == (deviation,)


@pytest.mark.parametrize("path", ["with blank.py", "#hash.py", "colon:"])
def test_a_path_that_needs_back_quotes_is_written_in_them_without_a_deviation(path: str) -> None:
    patch = Patch((Edit(path, "a\n", "b\n"),))
    assert render_patch(patch).startswith(f"`{path}`\n")
    assert parse_patch(render_patch(patch)) == patch


@pytest.mark.parametrize("line", ["in f.py:", "the file f.py", "f.py:"])
def test_prose_above_a_block_is_no_path(line: str) -> None:
    assert "which file?" in str(refusal(block(path=f"{line}\n")))


@pytest.mark.parametrize("line", ["./pkg/mod.py", "pkg//mod.py", "pkg/./mod.py", "././/pkg/mod.py", "`./pkg/mod.py`"])
def test_a_path_in_a_longer_form_means_the_shortest_as_a_deviation(line: str) -> None:
    patch = parse_patch(CANONICAL.replace("pkg/mod.py", line))
    assert patch.edits == (EDIT,)
    assert named.DOTTED_PATH in patch.deviations
    assert Edit(line.strip("`"), EDIT.search, EDIT.replace) == EDIT


@pytest.mark.parametrize(
    "path",
    [
        *("", "/etc/passwd", "../x", "a/../b", "a/..", "..", "a`b", "a\nb", "a\x00b", " a", "a ", "./ a"),
        *(".", "./", "./.", "a/", "a/.", "//a", "\ud800.py", "\udcc3\udca9.py"),
    ],
)
def test_an_edit_has_a_relative_plain_path(path: str) -> None:
    with pytest.raises(ValueError, match="is no path of a file"):
        Edit(path, "a\n", "b\n")


@pytest.mark.parametrize("path", ["../x.py", "/x.py", "a/../x.py"])
def test_a_patch_with_a_path_out_of_the_tree_is_refused(path: str) -> None:
    assert "is no path of a file" in str(refusal(block(path=f"{path}\n")))


def test_dots_in_names_are_no_way_out() -> None:
    assert Edit("a..b/...", "a\n", "").path == "a..b/..."


# What else departs


@pytest.mark.parametrize(
    ("text", "deviations"),
    [
        ("Here is the fix.\n\n" + CANONICAL, (named.TEXT_AROUND,)),
        (CANONICAL + "Done.\n", (named.TEXT_AROUND,)),
        (CANONICAL + "\n\n", ()),
        ("```\n" + CANONICAL + "```\n", (named.FENCE,)),
        (CANONICAL.replace("SEARCH\n", "SEARCH  \n"), (named.BLANKS_AFTER_MARKER,)),
        (CANONICAL.removesuffix("\n"), ()),
    ],
)
def test_what_stands_around_the_blocks_is_named(text: str, deviations: tuple[str, ...]) -> None:
    assert parse_patch(text) == Patch((EDIT,), deviations)


def test_each_deviation_is_named_once() -> None:
    patch = parse_patch("x y\n\n" + CANONICAL + "\nx y\n\n" + CANONICAL)
    assert patch.deviations == (named.TEXT_AROUND,)


def test_a_crlf_block_loses_one_cr_a_line() -> None:
    patch = parse_patch(block("a\r\n", "b\n").replace("\n", "\r\n"))
    assert patch.edits == (Edit("f.py", "a\r\n", "b\n"),)
    assert patch.deviations == (named.CRLF,)


def test_cr_in_a_block_of_lf_markers_stays() -> None:
    assert parse_patch(block("a\r\n", "b\r\n")) == Patch((Edit("f.py", "a\r\n", "b\r\n"),))


# Sections

MARK = "\\ No newline at end of file\n"


def test_the_mark_takes_the_last_newline() -> None:
    assert parse_patch(block(f"a\n{MARK}", f"b\n{MARK}")).edits == (Edit("f.py", "a", "b"),)


def test_a_real_line_of_the_mark_is_written_with_one_backslash_more() -> None:
    edit = Edit("f.py", MARK, "\\" + MARK)
    text = render_patch(Patch((edit,)))
    assert "\n\\" + MARK in text
    assert parse_patch(text).edits == (edit,)


def test_the_mark_in_the_middle_is_text() -> None:
    assert parse_patch(block(MARK + "a\n")).edits[0].search == MARK + "a\n"


@pytest.mark.parametrize("section", [MARK, "\n" + MARK, "a\n" + MARK + MARK])
def test_a_mark_without_a_line_above_it_is_refused(section: str) -> None:
    assert "No newline" in str(refusal(block(section)))


def test_an_empty_block_needs_a_written_path() -> None:
    assert parse_patch(block("", "")).edits == (Edit("f.py", "", ""),)
    assert "empty block" in str(refusal(block("", "", path=""), default_path="f.py"))
    assert "empty block" in str(refusal(block() + "\n" + block("", "", path="")))
