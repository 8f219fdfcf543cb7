"""New files that would steer the tests, and new files that may be there."""

from __future__ import annotations

from typing import Any

import pytest

from crrl import schema
from crrl.diffs import Edit, Patch, make_patch, render_patch
from crrl.errors import DataError
from crrl.rewards import REWARDS
from crrl.schema import Files, rows_from_files
from crrl.testing.steering import steers_tests, without_tests

BEFORE = {"pkg/__init__.py": "", "pkg/core.py": "x = 1\n", "run.py": "import pkg\n"}
TESTS = {"tests/unit/test_core.py": "import pkg.core\nassert pkg.core.x == 2\n", "check.py": "import helper\n"}


@pytest.mark.parametrize(
    "path",
    [
        *("conftest.py", "pkg/conftest.py", "./conftest.py", "sitecustomize.py", "pytest.ini", "tox.ini", "Makefile"),
        *("evil.dist-info/entry_points.txt", "node_modules/jest/index.js"),
        *("os.py", "./os.py", ".//os.py", "random/__init__.py", "tests/unit/json.py", "pytest.py", "_pytest/x.py"),
        *("speed.so", "pkg/core.pyc", "x.pth", "pkg/core.cpython-311-x86_64-linux-gnu.so"),
        *(
            "check/__init__.py",
            "check/x.py",
            "tests.py",
            "tests/__init__.py",
            "tests/unit.py",
            "tests/unit/__init__.py",
        ),
        "tests/unit/test_core/__init__.py",
    ],
)
def test_a_new_file_that_is_loaded_before_the_tests_steers_them(path: str) -> None:
    assert steers_tests(BEFORE, {**BEFORE, path: "x = 1\n"}, TESTS)


@pytest.mark.parametrize(
    "path",
    [
        *("pkg/types.py", "pkg/json.py", "new.py", "other/os.py", "tests/unit/helper.py", "tests/helper.py"),
        *("os.txt", "README.md", "checks.py", "pkg/sub/__init__.py", "docs/conf.py"),
    ],
)
def test_an_ordinary_new_file_does_not(path: str) -> None:
    assert not steers_tests(BEFORE, {**BEFORE, path: "x = 1\n"}, TESTS)


def test_a_file_that_the_task_shows_may_be_edited_and_one_may_be_deleted() -> None:
    shown = {**BEFORE, "conftest.py": "", "types.py": ""}
    assert not steers_tests(shown, {**shown, "conftest.py": "x = 1\n", "types.py": "y = 1\n"}, TESTS)
    assert not steers_tests(shown, {**BEFORE, "types.py": ""}, TESTS)


def test_a_module_may_not_be_deleted_if_an_installed_one_would_be_tested_in_its_place() -> None:
    shown = {**BEFORE, "types.py": "", "json/decoder.py": ""}
    for path in ("types.py", "json/decoder.py"):
        assert steers_tests(shown, {other: text for other, text in shown.items() if other != path}, TESTS)
    assert not steers_tests(shown, {path: text for path, text in shown.items() if path != "run.py"}, TESTS)


def test_a_test_file_is_taken_out_however_it_is_spelled() -> None:
    files = {"check.py": "a", "./check.py": "b", "tests//unit/test_core.py": "c", "checks.py": "d"}
    assert without_tests(files, TESTS) == {"checks.py": "d"}


def score(before: Files, answer: str, tests: schema.TestsRow) -> float | None:
    return REWARDS["tests"]([answer], files=[rows_from_files(before)], tests=[tests])[0]


SHOWN = {"f.py": "x = 1\n", "t.py": "import f\nassert f.x == 2\n"}
"""A task that shows its test file, t.py."""
TESTS_OF_F: schema.TestsRow = {
    "files": rows_from_files({"t.py": SHOWN["t.py"]}),
    "command": ["python", "t.py"],
    "timeout_s": 5.0,
}


def test_a_shown_test_file_cannot_be_edited_deleted_or_written_by_another_name() -> None:
    emptied = {**SHOWN, "t.py": "pass\n"}
    assert score(SHOWN, render_patch(make_patch(SHOWN, emptied)), TESTS_OF_F) == 0.0
    assert score(SHOWN, render_patch(Patch((Edit("t.py", "", ""),))), TESTS_OF_F) == 0.0
    assert score(SHOWN, render_patch(Patch((Edit("./t.py", "", "pass\n"),))), TESTS_OF_F) == 0.0
    both = {**emptied, "f.py": "x = 2\n"}
    assert score(SHOWN, render_patch(make_patch(SHOWN, both)), TESTS_OF_F) == 1.0  # the right tests ran


def test_a_new_folder_in_the_place_of_a_test_file_fails() -> None:
    before = {"f.py": "x = 1\n"}
    assert score(before, render_patch(Patch((Edit("t.py/x.py", "", "pass\n"),))), TESTS_OF_F) == 0.0


@pytest.mark.parametrize("change", [{"timeout_s": 0.0}, {"command": []}])
def test_tests_that_cannot_run_are_bad_data_whatever_was_answered(change: dict[str, Any]) -> None:
    row: Any = {**TESTS_OF_F, **change}
    with pytest.raises(DataError, match="the reward `tests` needs"):
        score(SHOWN, "no", row)
