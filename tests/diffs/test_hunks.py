"""Line diffs in character offsets: exact about where texts part, whatever is guessed or known beforehand."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from crrl.diffs.hunks import NEAR, Hunk, changed_hunks, common_prefix, common_suffix, hunks_like

lines = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "x = 1\n", "\n", "}\n"]), max_size=12).map("".join)


@settings(deadline=None, max_examples=300)
@given(lines, lines, st.integers(0, 60), st.sampled_from([0, NEAR // 4 - 1, NEAR // 4, 10 * NEAR]))
def test_a_guess_changes_nothing_and_neither_does_the_length(left: str, right: str, guess: int, padding: int) -> None:
    head, tail = "é" + "pad\n" * padding, "end\n" * padding
    left, right, guess = head + left + tail, head + right + tail, guess + len(head)
    limit = min(len(left), len(right))
    expected = next((n for n in range(limit) if left[n] != right[n]), limit)
    assert common_prefix(left, right, limit, guess) == expected
    expected = next((n for n in range(limit) if left[-1 - n] != right[-1 - n]), limit)
    assert common_suffix(left, right, limit, guess) == expected


def rebuilt(hunks: list[Hunk], old: str, new: str) -> str:
    text, at = "", 0
    for lo, hi, new_lo, new_hi in hunks:
        text += old[at:lo] + new[new_lo:new_hi]
        at = hi
    return text + old[at:]


@settings(deadline=None, max_examples=300)
@given(lines, lines, lines)
def test_hunks_turn_the_old_text_into_the_new_one_known_or_not(old: str, known: str, new: str) -> None:
    if old != new:
        assert rebuilt(changed_hunks(old, new), old, new) == new
    if old != known:
        assert rebuilt(hunks_like(changed_hunks(old, known), old, known, new), old, new) == new


def test_what_is_known_is_taken_over() -> None:
    old = "".join(f"line {number}\n" for number in range(100))
    known = old.replace("line 10\n", "ten\n").replace("line 90\n", "ninety\n")
    new = known.replace("line 50\n", "fifty\n")
    assert hunks_like(changed_hunks(old, known), old, known, new) == changed_hunks(old, new)
