"""Which files are tests, and what `~` means."""

from __future__ import annotations

from pathlib import Path

import pytest

from crrl.data.paths import is_test_path, local_path, tree_problem

TESTS = """tests/a.py test/a.c src/tests/x/y.py pkg/__tests__/a.js spec/a.rb test_a.py a_test.go a-test.js a.test.ts a.spec.ts
conftest.py tests.py pkg/testing/a.py FooTest.java FooTests.kt TestFoo.java a_spec.rb testdata/a.go e2e/login.ts Tests/a.py"""
CODE = """a.py src/latest.py contest.py attest.go protest/a.py inspect.py special.py src/pytest.py testable.py Contest.java
greatest/a.c src/test.d/a.c Latest.java"""


@pytest.mark.parametrize("path", TESTS.split())
def test_a_test_is_told_by_its_folder_or_name(path: str) -> None:
    assert is_test_path(path)


@pytest.mark.parametrize("path", CODE.split())
def test_code_that_only_sounds_like_a_test_is_code(path: str) -> None:
    assert not is_test_path(path)


def test_the_home_folder_is_spelled_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert local_path("~/a.jsonl") == Path("/somewhere/a.jsonl")
    assert local_path("~no-such-user/a") == Path("~no-such-user/a")
    assert local_path("a~b") == Path("a~b")


def test_files_of_one_tree_may_share_folders_and_beginnings_of_names() -> None:
    assert tree_problem(["a/b.py", "a/c.py", "a.py", "a/b/c.py", "ab"]) is None
