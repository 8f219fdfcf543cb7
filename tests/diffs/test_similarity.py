"""`similarity`: the order of its decisions, its caps, its laws."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crrl.diffs import similarity
from crrl.diffs.similarity import prepare
from crrl.errors import DataError
from tests.diffs.strategies import any_text, trees

BEFORE = '''\
import math


def area(radius):
    """The area of a circle."""
    if radius < 0:
        raise ValueError("negative")
    result = math.pi * radius
    return result


def label(name, value):
    # a label
    text = name + value
    return text
'''
AFTER = BEFORE.replace("math.pi * radius\n", "math.pi * radius ** 2\n").replace("name + value", 'f"{name}: {value}"')


def score(predicted: str, before: str = BEFORE, after: str = AFTER, path: str = "a.py") -> float:
    return similarity({path: before}, {path: after}, {path: predicted})


def test_no_change_is_0_and_the_human_fix_is_1() -> None:
    assert score(BEFORE) == 0.0
    assert score(AFTER) == 1.0


def test_the_reference_wins_over_everything_after_it() -> None:
    comment = BEFORE.replace("# a label", "# the label")
    assert score(comment, after=comment) == 1.0  # the filters drop such a task; here it is decided first


@pytest.mark.parametrize(
    "predicted",
    [
        BEFORE.replace("# a label", "# another label"),
        BEFORE.replace("    # a label\n", ""),
        BEFORE.replace("    return text\n", "\n\n    return text\n"),
        BEFORE.replace("    return text\n", "    return text   \n"),
        BEFORE.removesuffix("\n"),
        BEFORE + "\n# end\n",
    ],
)
def test_a_change_of_comments_blank_lines_or_trailing_blanks_is_0(predicted: str) -> None:
    assert score(predicted) == 0.0


def test_the_reference_up_to_trailing_blanks_is_1() -> None:
    assert score(AFTER.replace("\n", "  \n")) == 1.0


@pytest.mark.parametrize("blank", ["\u00a0", "\u2003", "\u3000"])
def test_what_only_looks_like_a_blank_is_none(blank: str) -> None:
    assert score(AFTER.replace("radius ** 2\n", f"radius ** 2{blank}\n")) < 0.5
    assert score(AFTER.replace("radius ** 2\n", f"radius{blank}** 2\n")) < 0.5


def test_a_blank_behind_a_backslash_is_no_trailing_blank() -> None:
    fixed = AFTER.replace("math.pi * radius", "math.pi * \\\n        radius")
    assert score(fixed.replace("\\\n", "\\ \n"), after=fixed) < 1.0
    assert score(fixed.replace("\n", "\r\n"), after=fixed) == 1.0


def test_an_empty_comment_is_a_comment() -> None:
    assert score(BEFORE.replace("    # a label\n", "    # a label\n    #\n")) == 0.0


def test_the_reference_with_another_comment_is_not_1_but_close() -> None:
    assert 0.9 < score(AFTER.replace("# a label", "# another")) < 1.0


def test_docstrings_are_code() -> None:
    fixed = BEFORE.replace("The area of a circle.", "The area of a circle, in square metres.")
    assert score(fixed) > 0.0 or similarity({"a.py": BEFORE}, {"a.py": fixed}, {"a.py": fixed}) == 1.0
    half = BEFORE.replace("The area of a circle.", "The area of a circle, in square feet.")
    assert 0.0 < score(half, after=fixed) < 1.0


def test_part_of_the_fix_earns_its_share_of_the_tokens() -> None:
    # `** 2` adds 3 tokens; the other line adds 8 (f, the quotes, :, and four signs around the names) and removes 3.
    assert score(BEFORE.replace("math.pi * radius\n", "math.pi * radius ** 2\n")) == pytest.approx(3 / 14)


def test_closer_earns_more() -> None:
    steps = ["name + value", "name + str(value)", 'f"{name} {value}"', 'f"{name}:{value}"', 'f"{name}: {value}"']
    fixed = BEFORE.replace("name + value", steps[-1])
    scores = [score(BEFORE.replace("name + value", step), after=fixed) for step in steps]
    assert scores == sorted(scores)
    assert scores[0] == 0.0
    assert scores[-1] == 1.0


CAPPED = {
    "an unrelated edit": BEFORE.replace("negative", "below zero"),
    "an unrelated line": BEFORE + "\nVERSION = 2\n",
    "the changed lines deleted": BEFORE.replace("    result = math.pi * radius\n", "").replace(
        "    text = name + value\n", ""
    ),
    "the changed lines stubbed": BEFORE.replace("math.pi * radius\n", "None\n").replace("name + value", "None"),
    "the fix after the return": BEFORE.replace(
        "return result\n", "return result\n    result = math.pi * radius ** 2\n"
    ),
    "the fix in a string": BEFORE.replace(
        "    return text\n", '    "result = math.pi * radius ** 2"\n    return text\n'
    ),
    "the fix in a comment": BEFORE.replace(
        "    return text\n", "    # result = math.pi * radius ** 2\n    return text\n"
    ),
    "the fix under if False": BEFORE.replace(
        "return result\n", "return result\n    if False:\n        result = math.pi * radius ** 2\n"
    ),
    "the fix in an unused function": BEFORE
    + "\n\ndef unused(radius):\n    result = math.pi * radius ** 2\n    return result\n",
    "the fix before the bug": BEFORE.replace(
        "    result = math.pi * radius\n", "    result = math.pi * radius ** 2\n    result = math.pi * radius\n"
    ),
    "one of two variants": BEFORE.replace(
        "    result = math.pi * radius\n",
        "    if radius:\n        result = math.pi * radius ** 2\n    else:\n        result = math.pi * radius\n",
    ),
    "a return before the fix": AFTER.replace("    result = math", "    return None\n    result = math").replace(
        "    text = f", "    return None\n    text = f"
    ),
    "the whole file twice": BEFORE + AFTER,
    "the fixed file in a string": f'"""\n{AFTER}"""\n{BEFORE}'.replace('"""The', "'The").replace(
        'circle."""', "circle.'"
    ),
    "nothing left": "",
    "the human's words alone": "math pi radius 2 name value\n",
}


@pytest.mark.parametrize("name", CAPPED)
def test_a_change_that_repairs_nothing_earns_at_most_three_tenths(name: str) -> None:
    assert score(CAPPED[name]) <= 0.3


def test_a_place_of_the_fix_within_a_comment_that_is_opened_and_closed_elsewhere_is_not_forgotten() -> None:
    lines = ["first = a - 1;", "zero(a);", "one(a);", "two(a);", "second = a + b;", "three(b);", "four(b);"]
    before = "".join(f"    {line}\n" for line in lines)
    half = before.replace("a - 1", "a + 1")
    reference = half.replace("a + b", "clamp(a, b, LEAST, MOST)")
    hidden = half.replace("one(a);", "one(a); /*").replace("four(b)", "*/ four(b)")
    assert score(hidden, before, reference, "a.c") <= score(half, before, reference, "a.c") < 0.5


def test_edits_in_other_files_only_earn_nothing() -> None:
    before = {"a.py": BEFORE, "b.py": "x = 1\n"}
    assert similarity(before, {**before, "a.py": AFTER}, {**before, "b.py": "x = 2\n"}) == 0.0
    assert similarity(before, {**before, "a.py": AFTER}, {**before, "c.py": AFTER}) == 0.0


def test_edits_in_other_files_make_a_fix_worth_less() -> None:
    before = {"a.py": BEFORE, "b.py": "x = 1\n"}
    reference = {**before, "a.py": AFTER}
    noisy = {**reference, "b.py": "".join(f"x{number} = {number}\n" for number in range(200))}
    assert (
        similarity(before, reference, noisy)
        < 0.5
        < similarity(before, reference, {**reference, "b.py": "x = 2\n"})
        < 1.0
    )


def test_one_of_two_files_earns_about_half() -> None:
    before = {"a.py": BEFORE, "b.py": BEFORE}
    reference = {"a.py": AFTER, "b.py": AFTER}
    assert similarity(before, reference, {"a.py": AFTER, "b.py": BEFORE}) == pytest.approx(0.5)


def test_created_and_deleted_files_count() -> None:
    before = {"a.py": BEFORE, "old.py": "x = 1\n"}
    reference = {"a.py": BEFORE, "new.py": "y = 2\n"}
    assert similarity(before, reference, reference) == 1.0
    assert 0.0 < similarity(before, reference, {"a.py": BEFORE}) < 0.7
    assert similarity(before, reference, {**before, "x.py": "z = 3\n"}) == 0.0


def test_what_stands_around_the_change_does_not_count() -> None:
    head = "".join(f"value_{number} = {number}\n" for number in range(500))
    predicted = BEFORE.replace("math.pi * radius\n", "math.pi * radius * 2\n")
    assert score(head + predicted, head + BEFORE, head + AFTER) == pytest.approx(score(predicted), abs=0.02)


def test_a_reference_that_changes_nothing_is_bad_data() -> None:
    for tree in ({"a.py": BEFORE}, {}):
        with pytest.raises(DataError):
            similarity(tree, dict(tree), tree)


@pytest.mark.parametrize(
    "path", ["a.py", "a.c", "a.js", "a.go", "a.rb", "a.sql", "a.lua", "a.html", "a.yaml", "a.md", "Makefile", "x"]
)
def test_every_language_pays_the_fix_fully_and_no_change_nothing(path: str) -> None:
    before, after = "alpha beta\ngamma(delta)\n", "alpha beta\ngamma(epsilon, delta)\n"
    assert score(after, before, after, path) == 1.0
    assert score(before, before, after, path) == 0.0
    assert 0.0 < score("alpha beta\ngamma(epsilon delta)\n", before, after, path) < 1.0


@settings(deadline=None, max_examples=300)
@given(trees, trees, trees)
def test_any_trees_score_from_0_to_1_and_only_the_reference_is_sure_of_1(
    before: dict[str, str], reference: dict[str, str], predicted: dict[str, str]
) -> None:
    if before == reference:
        return
    prepared = prepare(before, reference)
    assert 0.0 <= prepared.similarity(predicted) <= 1.0
    assert prepared.similarity(before) == 0.0
    assert prepared.similarity(reference) == 1.0


@settings(deadline=None, max_examples=200)
@given(any_text, any_text, any_text, st.sampled_from(["a.py", "a.c", "a.lua", "a.html", "a.txt"]))
def test_a_prepared_fix_scores_each_answer_as_if_it_were_the_first(
    before: str, after: str, predicted: str, path: str
) -> None:
    if before == after:
        return
    prepared = prepare({path: before}, {path: after})
    others = [predicted + "x\n", after + "y", predicted]
    assert [prepared.similarity({path: text}) for text in others] == [
        similarity({path: before}, {path: after}, {path: text}) for text in others
    ]


def test_an_answer_that_changes_a_string_over_two_lines_leaves_the_next_ones_score_as_it_is() -> None:
    before = {"a.py": 'NAME = "one \\\ntwo"""\n\n\ndef f(a):\n    b = a\n    return b + 1\n'}
    reference = {"a.py": before["a.py"].replace("+ 1", "+ 2")}
    changes_string = {"a.py": reference["a.py"].replace("two", "three")}
    brings_condition = {"a.py": reference["a.py"].replace("b = a", "if a: b = a")}
    prepared = prepare(before, reference)
    prepared.similarity(changes_string)
    assert prepared.similarity(brings_condition) == similarity(before, reference, brings_condition)


@pytest.mark.parametrize("path", ["a.py", "a.js", "a.sh", "a.lua"])
@pytest.mark.parametrize("piece", ['\\"', '"', "'\\'", '"""', "`\\`", "/*", "--[["])
def test_a_line_of_quotes_and_escapes_is_read_in_linear_time(path: str, piece: str) -> None:
    hostile = f'x = "{piece * 50_000}\n'
    assert 0.0 <= score(BEFORE + hostile, path=path) <= 0.3
