"""Patches made from two trees: exact examples, then laws."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crrl.diffs import Edit, Patch, apply_patch, apply_unified, make_patch, parse_patch, render_patch, render_unified
from crrl.errors import PatchApplyError, PatchParseError
from tests.diffs.strategies import any_text, hostile_text, paths, trees

TEN = "".join(f"{number}\n" for number in range(10))


def test_context_is_a_minimum() -> None:
    patch = make_patch({"f": TEN}, {"f": TEN.replace("5\n", "five\n")}, context_lines=1)
    assert patch == Patch((Edit("f", "4\n5\n6\n", "4\nfive\n6\n"),))


def test_context_grows_until_search_is_unique() -> None:
    before = "a\nx\nb\nx\n"
    patch = make_patch({"f": before}, {"f": "a\ny\nb\nx\n"}, context_lines=0)
    assert patch.edits == (Edit("f", "a\nx\nb\n", "a\ny\nb\n"),)


def test_an_insertion_has_a_search_that_is_not_empty() -> None:
    patch = make_patch({"f": "a\nb\n"}, {"f": "a\nnew\nb\n"}, context_lines=0)
    assert all(edit.search for edit in patch.edits)


def test_touching_hunks_merge_and_distant_ones_do_not() -> None:
    near = make_patch({"f": TEN}, {"f": TEN.replace("3\n", "x\n").replace("5\n", "y\n")}, context_lines=1)
    far = make_patch({"f": TEN}, {"f": TEN.replace("1\n", "x\n").replace("8\n", "y\n")}, context_lines=1)
    assert len(near.edits) == 1
    assert len(far.edits) == 2


def test_created_deleted_and_emptied_files() -> None:
    before = {"deleted": "a\n", "emptied": "b\n", "empty": "", "filled": ""}
    after = {"emptied": "", "created": "c\n", "created empty": "", "empty": "", "filled": "d"}
    patch = make_patch(before, after)
    assert {edit.path for edit in patch.edits} == {"deleted", "emptied", "created", "created empty", "filled"}
    assert apply_patch(before, patch) == after


def test_a_file_of_one_repeated_line_still_gets_a_unique_search() -> None:
    before = "x\n" * 3000
    after = "x\n" * 1500 + "y\n" + "x\n" * 1500
    assert apply_patch({"f": before}, make_patch({"f": before}, {"f": after})) == {"f": after}


def test_a_path_that_no_edit_may_have_is_refused() -> None:
    with pytest.raises(ValueError, match="is no path of a file"):
        make_patch({}, {"../f": "a"})
    with pytest.raises(ValueError, match="context_lines=-1"):
        make_patch({}, {}, context_lines=-1)


@settings(deadline=None, max_examples=200)
@given(trees, trees, st.integers(0, 3))
def test_a_made_patch_applies_to_the_last_byte(before: dict[str, str], after: dict[str, str], context: int) -> None:
    patch = make_patch(before, after, context_lines=context)
    assert apply_patch(before, patch) == after
    assert parse_patch(render_patch(patch)) == patch


@settings(deadline=None, max_examples=200)
@given(any_text, any_text)
def test_two_versions_of_one_file_round_trip(before: str, after: str) -> None:
    patch = make_patch({"f": before}, {"f": after})
    assert apply_patch({"f": before}, parse_patch(render_patch(patch))) == {"f": after}


@settings(deadline=None, max_examples=200)
@given(st.lists(st.builds(Edit, paths, any_text, any_text), max_size=4))
def test_any_edits_survive_rendering_and_parsing(edits: list[Edit]) -> None:
    patch = Patch(tuple(edits))
    assert parse_patch(render_patch(patch)) == patch


@settings(deadline=None, max_examples=200)
@given(trees, trees)
def test_a_unified_diff_applies_to_the_last_byte(before: dict[str, str], after: dict[str, str]) -> None:
    assert apply_unified(before, render_unified(before, after)) == after


@settings(deadline=None, max_examples=200)
@given(hostile_text, trees)
def test_parsing_and_applying_raise_nothing_but_their_own_errors(text: str, files: dict[str, str]) -> None:
    for default_path in (None, "a.py"):
        try:
            patch = parse_patch(text, default_path=default_path)
        except PatchParseError as error:
            assert 0 <= error.line <= text.count("\n") + 1
            continue
        try:
            apply_patch(files, patch)
        except PatchApplyError as error:
            assert 0 <= error.edit < len(patch.edits)


@settings(deadline=None, max_examples=200)
@given(st.text(), hostile_text, trees)
def test_applying_any_text_as_a_unified_diff_raises_nothing_but_its_own_errors(
    text: str, hostile: str, files: dict[str, str]
) -> None:
    for diff in (text, hostile):
        with contextlib.suppress(PatchParseError, PatchApplyError):
            apply_unified(files, diff)
