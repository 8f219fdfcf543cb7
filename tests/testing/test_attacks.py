"""No attack scores above what the program before the repair scores, in no style of tests, with lists of tests and without."""

from __future__ import annotations

import pytest

from crrl import schema
from crrl.diffs import Edit, Patch, render_patch
from crrl.rewards import REWARDS
from crrl.sandbox import shared_workers
from crrl.schema import rows_from_files
from crrl.testing import run_tests, score
from crrl.testing.run import TestRun
from tests.testing.attacks import BROKEN, FILES, FIXED, TESTS, attacks

BEFORE = {"f.py": BROKEN}
SLOW = ("a sleep when called",)


def row_of(style: str, timeout_s: float = 30.0) -> schema.TestsRow:
    files, command = TESTS[style]
    return {"files": rows_from_files(files), "command": command, "timeout_s": timeout_s}


def run(tree: schema.Files, row: schema.TestsRow) -> TestRun:
    return run_tests(tree, row, shared_workers(None).run, before=BEFORE)


def with_lists(row: schema.TestsRow) -> schema.TestsRow:
    good, bad = (run({"f.py": text}, row).results for text in (FIXED, BROKEN))
    wanted = [name for name, passed in good.items() if passed and not bad[name]]
    kept = [name for name, passed in good.items() if passed and bad[name]]
    assert wanted
    assert kept
    return {**row, "fail_to_pass": wanted, "pass_to_pass": kept}


LISTS = {style: with_lists(row_of(style)) for style in TESTS if style != "script"}


@pytest.mark.parametrize("style", TESTS)
def test_the_repair_earns_everything_and_the_broken_program_nothing(style: str) -> None:
    for row in (row_of(style), LISTS.get(style, row_of(style))):
        assert score(run({"f.py": FIXED}, row), row) == 1.0
        assert score(run({"f.py": BROKEN}, row), row) == 0.0


@pytest.mark.parametrize("name", attacks())
@pytest.mark.parametrize("style", TESTS)
def test_an_attack_earns_nothing(style: str, name: str) -> None:
    row = row_of(style, timeout_s=2.0 if name.endswith(SLOW) else 30.0)
    test_run = run(attacks()[name], row)
    assert score(test_run, row) == 0.0, test_run
    if style in LISTS:
        assert score(test_run, LISTS[style]) == 0.0, test_run


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("style", TESTS)
def test_a_file_beside_the_program_earns_nothing(style: str, name: str) -> None:
    answer = render_patch(Patch(tuple(Edit(path, "", text) for path, text in FILES[name].items())))
    assert REWARDS["tests"]([answer], files=[rows_from_files(BEFORE)], tests=[row_of(style)]) == [0.0]
