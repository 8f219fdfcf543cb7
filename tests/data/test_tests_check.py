"""`check_tests`: a row whose tests pass already, or fail for its reference, stops the build with file and row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crrl.data import load_tasks
from crrl.errors import ConfigError, DataError
from tests.data.rows import task, write_rows


def row_with_tests(number: int, expected: int, **changes: Any) -> dict[str, Any]:
    """A row whose doctest wants `x` to be a number: it is 1 in the files and 2 in the reference."""
    files = [{"path": "test_x.txt", "text": f">>> from a import x\n>>> x\n{expected}\n"}]
    tests = {"files": files, "command": ["python", "-m", "doctest", "test_x.txt"], "timeout_s": 20.0}
    before, after = ([{"path": "a.py", "text": f"x = {value}\n# {number}\n"}] for value in (1, 2))
    return task(number, files=before, reference=after, tests=tests, **changes)


def load(path: Path, tmp_path: Path, **options: Any) -> int:
    return len(load_tasks(str(path), kind="repair", split="all", cache_dir=str(tmp_path / "cache"), **options))


def test_tests_that_tell_the_reference_from_the_files_are_kept(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", [row_with_tests(1, 2), row_with_tests(2, 2), task(3)])
    assert load(rows, tmp_path, check_tests=1) == 3


@pytest.mark.parametrize(
    ("expected", "complaint"),
    [
        (1, "rows.jsonl row 2: its tests already pass: there is nothing to repair"),
        (3, r"rows.jsonl row 2: its tests do not pass for its reference \(score 0\)"),
    ],
)
def test_tests_that_judge_nothing_are_a_bad_row(tmp_path: Path, expected: int, complaint: str) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", [row_with_tests(1, 2), row_with_tests(2, expected)])
    with pytest.raises(DataError, match=complaint) as error:
        load(rows, tmp_path, check_tests=1)
    assert "\n" not in str(error.value)
    assert load(rows, tmp_path, check_tests=1, skip_bad=1) == 1
    assert load(rows, tmp_path) == 2  # nothing is run unless it is asked for


def test_other_values_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be 0 or 1"):
        load(write_rows(tmp_path / "rows.jsonl", [task(1)]), tmp_path, check_tests=2)
