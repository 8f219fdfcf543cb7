"""The parts of a long file: bounded, marked, and enough to write a patch that fits the whole file."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crrl.data.window import part_anywhere, part_around
from crrl.diffs import Edit, Patch, apply_patch

CLOSE = "    def close(self):\n        self.open = False\n        self.file = None\n        return self.file\n"
MARK = re.compile(r"\[… lines (\d+) to (\d+) …\]\n")


def filler(name: str, count: int) -> str:
    return "".join(f"{name}{number} = {number}\n" for number in range(count))


def draw() -> random.Random:
    return random.Random(7)


def test_lines_that_stand_elsewhere_as_well_are_shown_there_too() -> None:
    before = f"class A:\n{CLOSE}{filler('a', 3000)}class B:\n{CLOSE}{filler('b', 3000)}"
    after = CLOSE.replace("return self.file", "return None").join(before.rsplit(CLOSE, 1))
    part = part_around(before, after, 2000, draw())
    assert part is not None
    assert part.windows == 2
    assert part.text.count("return self.file\n") == 2
    assert "class A:\n" in part.text
    assert "class B:\n" in part.text


def test_a_change_like_too_many_other_lines_has_no_part() -> None:
    before = "".join(f"def f{n}():\n    return None\n{filler(f'x{n}_', 300)}" for n in range(30))
    at = before.rindex("    return None\n")
    assert part_around(before, before[:at] + before[at:].replace("None", "1", 1), 2000, draw()) is None


def test_changes_far_apart_have_a_window_each_and_the_prompt_stays_short() -> None:
    before = "import sys\n" + filler("name", 5000)
    after = "import os\n" + before + "last = 1\n"
    part = part_around(before, after, 3000, draw())
    assert part is not None
    assert part.windows == 2
    assert len(part.text) <= 3000 + 60
    assert part.text.startswith("import sys\n")
    assert part.text.endswith("name4999 = 4999\n")
    ((first, last),) = MARK.findall(part.text)
    assert part.cut == (
        f"Of 5001 lines of the file, lines 1 to {int(first) - 1} and {int(last) + 1} to 5001 are shown. "
        "A line [… lines … to … …] stands for lines that are not."
    )


def test_a_file_that_is_not_changed_has_as_many_windows() -> None:
    part = part_anywhere(filler("name", 5000), 3, 3000, draw())
    assert part.windows == len(MARK.findall(part.text)) + 1 == 3
    assert len(part.text) <= 3000 + 120


@pytest.mark.parametrize("text", ["", "a\n", "a"])
def test_a_short_file_is_shown_whole(text: str) -> None:
    assert part_anywhere(text, 2, 100, draw()).text == text
    part = part_around(text, text + "\nb", 100, draw())
    assert part is not None
    assert (part.text, part.cut) == (text, "")


few_lines = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n", "\n"]), min_size=20, max_size=80)


@settings(deadline=None)
@given(few_lines, st.integers(0, 79), st.integers(10, 60), st.integers())
def test_what_fits_one_place_shown_and_holds_the_change_fits_one_place_of_the_file(
    lines: list[str], at: int, chars: int, seed: int
) -> None:
    at %= len(lines)
    before, after = "".join(lines), "".join([*lines[:at], "new\n", *lines[at + 1 :]])
    part = part_around(before, after, chars, random.Random(seed))
    if part is None or not part.cut:
        return
    spans = [(int(a) - 1, int(b)) for a, b in re.findall(r"(\d+) to (\d+)", part.cut)]
    pieces = MARK.sub("\0", part.text).split("\0")
    assert pieces == ["".join(lines[first:last]) for first, last in spans]
    first, last = next(span for span in spans if span[0] <= at < span[1])
    for reach in range(len(lines)):  # grows until it fits once into what is shown
        top, end = max(first, at - reach), min(last, at + reach + 1)
        search = "".join(lines[top:end])
        if sum(len(re.findall(f"(?m)^(?={re.escape(search)})", piece)) for piece in pieces) == 1:
            break
    edit = Edit("f", search, "".join([*lines[top:at], "new\n", *lines[at + 1 : end]]))
    assert apply_patch({"f": before}, Patch((edit,))) == {"f": after}
