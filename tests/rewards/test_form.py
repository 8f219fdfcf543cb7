"""`format` and `applies`: exact scores, and prices that equal the documented ones."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from crrl.diffs import Edit, Patch, render_patch
from crrl.diffs.deviations import DEVIATIONS
from crrl.rewards import REWARDS
from crrl.rewards.format import COSTS, NO_OP_EDIT, REPEATED_EDIT
from crrl.schema import TaskRow, rows_from_files
from tests.rewards.tasks import GUARD, OPERATOR, columns, fixed

DOCS = Path(__file__).resolve().parents[2] / "docs" / "rewards.md"
CLAMP_FIX = ("    if value < high:\n", "    if value > high:\n")


def score(reward: str, completion: str, row: TaskRow = OPERATOR) -> float | None:
    return REWARDS[reward]([completion], **columns(row))[0]


def patch(*edits: tuple[str, str], path: str = "clamp.py") -> str:
    return render_patch(Patch(tuple(Edit(path, search, replace) for search, replace in edits)))


def test_the_canonical_form_earns_one() -> None:
    assert score("format", patch(CLAMP_FIX)) == 1.0


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        (patch(CLAMP_FIX).replace("clamp.py\n", ""), 0.90),  # the only file is meant
        (patch(CLAMP_FIX).replace("clamp.py\n", "### clamp.py\n"), 0.95),
        (f"Here is the fix:\n\n{patch(CLAMP_FIX)}", 0.90),
        (f"```python\n{patch(CLAMP_FIX)}```\n", 0.95),
        (f"```python\n{patch(CLAMP_FIX)}```\nDone.", 0.85),
        (f"<answer>\n{patch(CLAMP_FIX)}", 0.90),
        (f"<answer>\n{patch(CLAMP_FIX)}</answer>\nDone.", 0.95),
        (patch(CLAMP_FIX).replace("\n", "\r\n"), 0.95),
        (patch(CLAMP_FIX, ("    return value\n", "    return value\n")), 0.90),
        (patch(CLAMP_FIX, CLAMP_FIX), 0.90),
        ("no", 0.0),
        (patch(CLAMP_FIX).replace("=======\n", ""), 0.0),
        (patch(("    return value\n", "    return value\n")), 0.0),
    ],
)
def test_each_departure_costs_what_the_table_says(completion: str, expected: float) -> None:
    assert score("format", completion) == pytest.approx(expected)


def test_every_deviation_has_a_price_and_all_together_cost_less_than_one() -> None:
    assert COSTS.keys() == {*DEVIATIONS, NO_OP_EDIT, REPEATED_EDIT}
    assert sum(COSTS.values()) < 1.0


def test_the_documented_prices_are_the_real_ones() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d\.\d\d) \|$", DOCS.read_text(), re.MULTILINE)
    assert {name: float(cost) for name, cost in rows} == COSTS


def test_every_reward_is_documented() -> None:
    text = DOCS.read_text()
    for name in REWARDS:
        assert f"## `{name}`" in text


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        (patch(CLAMP_FIX), 1.0),
        (patch(CLAMP_FIX, ("not there\n", "x\n")), 0.5),
        (patch(CLAMP_FIX, ("    return value\n", "    return value\n")), 0.5),  # a no-op does not land
        (patch(CLAMP_FIX, CLAMP_FIX), 0.5),  # the second overlaps the first
        (patch(*[CLAMP_FIX] * 100), 0.01),
        (patch(*[CLAMP_FIX] * 5000), 0.0),
        (patch(("not there\n", "x\n")), 0.0),
        (patch(CLAMP_FIX, path="other.py"), 0.0),
        ("no", 0.0),
    ],
)
def test_applies_is_the_share_of_edits_that_land(completion: str, expected: float) -> None:
    assert score("applies", completion) == pytest.approx(expected)


def test_many_edits_of_a_long_file_are_looked_at_once_each() -> None:
    lines = [f"x{number:05d} = {number:05d}\n" for number in range(20_000)]
    before = {"a.py": "".join(lines)}
    edits = [Edit("a.py", line, "") for line in lines[-199:]]
    answer = render_patch(Patch((*edits, Edit("a.py", "not there\n", ""))))
    started = time.process_time()
    assert REWARDS["applies"]([answer], files=[rows_from_files(before)]) == [0.995]
    assert time.process_time() - started < 2


def test_the_human_fix_of_a_task_of_two_files_lands() -> None:
    assert score("applies", fixed(GUARD), GUARD) == 1.0
