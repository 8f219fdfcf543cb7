"""Each filter, on the rows at its limit."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crrl.data.changes import changed_lines, changes_code
from crrl.data.filters import (
    change_too_large,
    filters_for,
    prompt_holds_an_answer,
    prompt_too_long,
    reference_unseen_by_tests,
    too_many_files,
)
from crrl.data.options import BuildOptions
from crrl.data.prompts import repair_prompt
from crrl.errors import ConfigError
from crrl.train.tiny import build_tiny_model
from tests.data.rows import task

TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "\n", "# c\n"]), max_size=8).map("".join)


def tree(**files: str) -> list[dict[str, str]]:
    return [{"path": f"{name}.py", "text": text} for name, text in files.items()]


def test_a_limit_keeps_what_is_exactly_as_large() -> None:
    row: Any = task(files=tree(a="1\n2\n", b="x\n"), reference=tree(a="3\n2\n", b="x\n"))
    assert too_many_files(2)(row) is None
    assert too_many_files(1)(row) == "more than 1 files"
    assert change_too_large(2)(row) is None
    assert change_too_large(1)(row) == "more than 1 changed lines"


def test_a_tokenizer_that_is_not_here_is_told_in_one_line_without_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def look_up(host: object, *_: object, **__: object) -> None:
        asked.append(host)
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(ConfigError, match=r"where there is a network: hf download nobody/nothing") as error:
        filters_for(BuildOptions(max_prompt_tokens=10, tokenizer="nobody/nothing"))
    assert "\n" not in str(error.value)
    assert not asked


def test_files_that_a_fix_creates_count_too() -> None:
    row: Any = task(files=tree(a="1\n"), reference=tree(a="2\n", b="", c=""))
    assert too_many_files(2)(row) == "more than 2 files"


@settings(deadline=None, max_examples=60)
@given(TEXTS, TEXTS)
def test_changed_lines_are_zero_only_without_change_and_the_same_both_ways(one: str, other: str) -> None:
    forth, back = (changed_lines({"a.py": a}, {"a.py": b}) for a, b in ((one, other), (other, one)))
    assert forth == back
    assert (forth == 0) == (one == other)
    assert forth <= one.count("\n") + other.count("\n")


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [("a\nb\n", "a\nc\n", 2), ("a\n", "a\nb\n", 1), ("a", "a\n", 2), ("", "a", 1), ("a\nb\nc\n", "b\n", 2)],
)
def test_changed_lines_are_those_of_a_diff(before: str, after: str, lines: int) -> None:
    assert changed_lines({"a.py": before}, {"a.py": after}) == lines


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("a.py", "x = 1\n", "x = 1  # one\n"),
        ("a.py", "x = 1\n", "\n\nx = 1   \n\n"),
        ("a.js", "f()\n", "// call\nf() /* it */\n"),
        ("a.c", "int x;\n", "/* a\n b */\nint x;\n"),
    ],
)
def test_comments_and_blanks_are_no_code(path: str, before: str, after: str) -> None:
    assert not changes_code({path: before}, {path: after})


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("a.py", "x = 1\n", "x = 2\n"),
        ("a.py", "if a:\n    b()\nc()\n", "if a:\n    b()\n    c()\n"),
        ("a.py", '"""Says a."""\n', '"""Says b."""\n'),
        ("a.py", 's = "# one"\n', 's = "# two"\n'),
    ],
)
def test_tokens_indentation_and_strings_are_code(path: str, before: str, after: str) -> None:
    assert changes_code({path: before}, {path: after})


def test_a_created_and_a_deleted_file_are_code() -> None:
    assert changes_code({}, {"a.py": "x = 1\n"})
    assert changes_code({"a.py": "x = 1\n"}, {})


def test_a_file_that_holds_a_patch_for_itself_is_dropped() -> None:
    block = "a.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n"
    files = {"a.py": "x = 1\n", "test.txt": block}
    row: Any = task(files=tree(a="x = 1\n"), prompt=repair_prompt("Fix x", files))
    assert prompt_holds_an_answer(row) == "prompt holds a patch that applies"
    other = block.replace("x = 1", "y = 1")
    row = task(files=tree(a="x = 1\n"), prompt=repair_prompt("Fix x", {**files, "test.txt": other}))
    assert prompt_holds_an_answer(row) is None


def test_a_template_that_refuses_the_prompt_is_an_error_that_names_it() -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(build_tiny_model(1))
    tokenizer.chat_template = "{{ raise_exception('System role not supported') }}"
    row: Any = task(7)
    with pytest.raises(ConfigError, match=r"refuses the prompt of t7: System role not supported"):
        prompt_too_long(tokenizer, 10)(row)


def with_tests(before: dict[str, str], after: dict[str, str]) -> Any:
    tests = {"files": [{"path": "test_a.py", "text": "assert True\n"}], "command": "python test_a.py", "timeout_s": 5.0}
    files, reference = ([{"path": path, "text": text} for path, text in tree.items()] for tree in (before, after))
    return task(files=files, reference=reference, tests=tests)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ({"a.py": "1\n"}, {"a.py": "2\n"}, None),
        ({"a.py": "1\n", "setup.cfg": "1\n"}, {"a.py": "2\n", "setup.cfg": "2\n"}, None),
        ({"a.py": "1\n"}, {"a.py": "2\n", "conftest.py": "1\n"}, "the human fix brings a file that steers its tests"),
        ({"setup.cfg": "1\n"}, {"setup.cfg": "2\n"}, "the human fix changes only tests or their settings"),
        ({"./test_a.py": "1\n"}, {"./test_a.py": "2\n"}, "the human fix changes only tests or their settings"),
    ],
)
def test_a_fix_that_its_own_tests_cannot_see_is_no_task(
    before: dict[str, str], after: dict[str, str], reason: str | None
) -> None:
    assert reference_unseen_by_tests(with_tests(before, after)) == reason


def test_a_task_without_tests_is_judged_by_other_rewards() -> None:
    row: Any = task(files=tree(a="1\n"), reference=tree(a="2\n", conftest="3\n"))
    assert reference_unseen_by_tests(row) is None
