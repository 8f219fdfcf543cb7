"""Where edits land, and what is refused. One test a rule."""

from __future__ import annotations

import pytest

from crrl.diffs import Edit, Patch, apply_patch
from crrl.diffs.apply import AMBIGUOUS, NO_FILE, NOT_ALONE, NOT_AT_END, NOT_EMPTY, NOT_FOUND, OVERLAP
from crrl.errors import PatchApplyError

FILE = "one\ntwo\nthree\nfour\nfive\n"


def apply(text: str, *edits: tuple[str, str]) -> str:
    return apply_patch({"f": text}, Patch(tuple(Edit("f", search, replace) for search, replace in edits)))["f"]


def refusal(files: dict[str, str], *edits: Edit) -> PatchApplyError:
    with pytest.raises(PatchApplyError) as caught:
        apply_patch(files, Patch(edits))
    return caught.value


def test_the_original_mapping_is_untouched_and_other_files_stay() -> None:
    files = {"f": FILE, "g": "x"}
    assert apply_patch(files, Patch((Edit("f", "two\n", "2\n"),))) == {"f": FILE.replace("two", "2"), "g": "x"}
    assert files == {"f": FILE, "g": "x"}


def test_search_must_be_found() -> None:
    error = refusal({"f": FILE}, Edit("f", "three\n", "3\n"), Edit("f", "thre\nfour\n", "x\n"))
    assert (error.edit, error.reason) == (1, NOT_FOUND)
    assert "3 | three" in str(error)


def test_search_matches_whole_lines_only() -> None:
    assert refusal({"f": "abc\nd\n"}, Edit("f", "bc\n", "x\n")).reason == NOT_FOUND
    assert refusal({"f": "abc\n"}, Edit("f", "ab", "x")).reason == NOT_FOUND


def test_search_at_several_places_is_refused_with_their_lines() -> None:
    error = refusal({"f": "a\nb\na\n"}, Edit("f", "a\n", "x\n"))
    assert error.reason == AMBIGUOUS
    assert "lines 1, 3" in str(error)


def test_overlapping_matches_are_several_places() -> None:
    assert refusal({"f": "a\na\na\n"}, Edit("f", "a\na\n", "x\n")).reason == AMBIGUOUS


def test_all_edits_are_located_in_the_original_whatever_their_order() -> None:
    edits = [("two\n", "one\n"), ("one\n", "two\n")]
    assert apply(FILE, *edits) == apply(FILE, *reversed(edits)) == "two\none\nthree\nfour\nfive\n"


def test_touching_edits_are_fine_and_overlapping_ones_are_not() -> None:
    assert apply(FILE, ("one\n", "1\n"), ("two\n", "2\n")).startswith("1\n2\nthree")
    error = refusal({"f": FILE}, Edit("f", "one\ntwo\n", "x\n"), Edit("f", "two\nthree\n", "y\n"))
    assert (error.edit, error.reason) == (1, OVERLAP)


def test_an_lf_answer_repairs_a_crlf_file() -> None:
    assert apply(FILE.replace("\n", "\r\n"), ("two\n", "2\nzwei\n")) == FILE.replace("two\n", "2\nzwei\n").replace(
        "\n", "\r\n"
    )


def test_a_crlf_answer_repairs_an_lf_file() -> None:
    assert apply(FILE, ("two\r\n", "2\r\n")) == FILE.replace("two", "2")


def test_a_file_of_mixed_endings_is_taken_verbatim() -> None:
    mixed = "one\r\ntwo\nthree\r\n"
    assert apply(mixed, ("two\n", "2\n")) == "one\r\n2\nthree\r\n"
    assert refusal({"f": mixed}, Edit("f", "one\n", "1\n")).reason == NOT_FOUND


def test_verbatim_comes_first() -> None:
    assert apply("a\r\nb\r\n", ("a\r\n", "x\n")) == "x\nb\r\n"


def test_search_with_a_newline_matches_an_unterminated_last_line_which_stays_so() -> None:
    assert apply("a\nb", ("b\n", "c\n")) == "a\nc"
    assert apply("a\nb", ("a\nb\n", "c\nd\n")) == "c\nd"
    assert apply("a\r\nb", ("b\n", "c\n")) == "a\r\nc"


def test_an_unterminated_search_matches_only_at_the_unterminated_end() -> None:
    assert apply("a\nb", ("b", "c")) == "a\nc"
    assert apply("a\nb", ("b", "c\n")) == "a\nc\n"
    assert refusal({"f": "a\nb\n"}, Edit("f", "b", "c")).reason == NOT_FOUND
    assert refusal({"f": "a\nb\n"}, Edit("f", "a", "c")).reason == NOT_FOUND


def test_an_unterminated_replace_must_end_the_file() -> None:
    assert apply("a\nb\n", ("b\n", "c")) == "a\nc"
    assert refusal({"f": "a\nb\n"}, Edit("f", "a\n", "c")).reason == NOT_AT_END


def test_empty_search_creates_a_missing_file() -> None:
    assert apply_patch({}, Patch((Edit("f", "", "a\n"),))) == {"f": "a\n"}


def test_empty_search_fills_an_empty_file_and_no_other() -> None:
    assert apply("", ("", "a\n")) == "a\n"
    assert refusal({"f": "a\n"}, Edit("f", "", "b\n")).reason == NOT_EMPTY


def test_empty_replace_deletes_the_lines() -> None:
    assert apply(FILE, ("two\nthree\n", "")) == "one\nfour\nfive\n"


def test_both_empty_deletes_a_file_or_creates_it_empty() -> None:
    assert apply_patch({"f": FILE}, Patch((Edit("f", "", ""),))) == {}
    assert apply_patch({}, Patch((Edit("f", "", ""),))) == {"f": ""}


@pytest.mark.parametrize("path", ["./f", "././f", ".//f"])
def test_a_file_has_one_name(path: str) -> None:
    assert apply_patch({"f": "a\n"}, Patch((Edit(path, "a\n", "b\n"),))) == {"f": "b\n"}
    assert refusal({"f": "a\n"}, Edit(path, "", "b\n")).reason == NOT_EMPTY
    assert refusal({}, Edit("f", "", "a\n"), Edit(path, "", "b\n")).reason == NOT_ALONE
    assert refusal({"f": "a\n"}, Edit("f", "a\n", "b\n"), Edit(path, "a\n", "c\n")).reason == OVERLAP


def test_a_backslash_parts_no_folders() -> None:
    assert apply_patch({}, Patch((Edit("a\\f", "", "x\n"), Edit("a/f", "", "y\n")))) == {"a\\f": "x\n", "a/f": "y\n"}


def test_a_patch_that_creates_many_files_is_applied_in_linear_time() -> None:
    edits = tuple(Edit(f"{number}", "", "x\n") for number in range(100_000))
    assert len(apply_patch({}, Patch(edits))) == 100_000  # a second; with a square it would be an hour


def test_an_edit_that_creates_or_deletes_is_its_files_only_one() -> None:
    assert refusal({}, Edit("f", "", "a\n"), Edit("f", "", "b\n")).reason == NOT_ALONE
    assert refusal({"f": "a\n"}, Edit("f", "a\n", "b\n"), Edit("f", "", "")).reason == NOT_ALONE


def test_a_missing_file_is_named_with_the_nearest_ones() -> None:
    error = refusal({"pkg/mod.py": "a\n", "x": "b\n"}, Edit("pkg/mod", "a\n", "b\n"))
    assert error.reason == NO_FILE
    assert "`pkg/mod.py`" in str(error)


def test_errors_teach_what_to_write_instead() -> None:
    assert "leave SEARCH empty" in str(refusal({}, Edit("f", "a\n", "b\n")))
    assert "Put the lines to replace into SEARCH" in str(refusal({"f": "a\n"}, Edit("f", "", "b\n")))
    assert "until only one place fits" in str(refusal({"f": "a\na\n"}, Edit("f", "a\n", "b\n")))
    assert "with their indentation" in str(refusal({"f": "    a\n"}, Edit("f", "a\n", "b\n")))
