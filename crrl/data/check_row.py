"""Is a row what it says it is? Columns, types and contents of a task row, and of a before/after pair."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from crrl.data.paths import tree_problem
from crrl.errors import DataError
from crrl.labels import accepted_labels
from crrl.schema import KINDS, Files, TaskRow

TASK_COLUMNS: tuple[str, ...] = tuple(get_type_hints(TaskRow))
PAIR_COLUMNS = ("repo", "commit", "subject", "before", "after")
TEST_LISTS = ("fail_to_pass", "pass_to_pass")
"""Parts of a row's tests that may be absent."""
_ROLES = ("system", "user", "assistant")


class RowError(ValueError):
    """What is wrong with one row. Sources turn it into a BadRow that knows where."""


def checked_task(row: Mapping[str, Any]) -> TaskRow:
    """The row as a task, without columns that are not a task's. Raises RowError for whatever is wrong with it."""
    _require_columns(row, TASK_COLUMNS)
    for column in ("task_id", "kind", "label", "source"):
        _require(isinstance(row[column], str), column, "a string", row[column])
    _require(row["kind"] in KINDS, "kind", f"one of {', '.join(KINDS)}", row["kind"])
    _require(bool(row["task_id"]), "task_id", "a name", row["task_id"])
    _require_records(row["prompt"], ("role", "content"), "prompt")
    _require(bool(row["prompt"]), "prompt", "a list of one message or more", row["prompt"])
    for message in row["prompt"]:
        _require(message["role"] in _ROLES, "prompt", f"messages whose role is one of {', '.join(_ROLES)}", message)
    _check_tests(row["tests"])
    for column, files in (
        ("files", row["files"]),
        ("reference", row["reference"]),
        ("tests.files", row["tests"]["files"]),
    ):
        _require_records(files, ("path", "text"), column)
        if problem := tree_problem(file["path"] for file in files):
            raise RowError(f"column {column}: {problem}")
    _check_goal(row)
    task: Any = {column: row[column] for column in TASK_COLUMNS}
    task["tests"] = {name: row["tests"][name] for name in ("files", "command")}
    task["tests"] |= {"timeout_s": float(row["tests"]["timeout_s"])}
    task["tests"] |= {name: row["tests"][name] for name in TEST_LISTS if row["tests"].get(name)}
    _require_unicode(task)
    checked: TaskRow = task
    return checked


def checked_pair(row: Mapping[str, Any]) -> tuple[Files, Files]:
    """The trees before and after of a before/after pair. Raises RowError for whatever is wrong with it."""
    _require_columns(row, PAIR_COLUMNS)
    for column in ("repo", "commit", "subject"):
        _require(isinstance(row[column], str), column, "a string", row[column])
    for column in ("before", "after"):
        tree = row[column]
        is_tree = isinstance(tree, dict) and all(isinstance(text, str) for text in tree.values())
        _require(is_tree, column, "an object of path: text", tree)
        if problem := tree_problem(tree):
            raise RowError(f"column {column}: {problem}")
    if row["before"] == row["after"]:
        raise RowError("after equals before: there is nothing to repair")
    _require_unicode({column: row[column] for column in PAIR_COLUMNS})
    before: Files = row["before"]
    after: Files = row["after"]
    return before, after


def is_pair(row: Mapping[str, Any]) -> bool:
    """Whether a row is meant as a before/after pair: it has more of a pair's columns than of a task's."""
    return len(row.keys() & set(PAIR_COLUMNS)) > len(row.keys() & set(TASK_COLUMNS))


def _check_tests(tests: Any) -> None:
    is_whole = isinstance(tests, dict) and tests.keys() >= {"files", "command", "timeout_s"}
    _require(is_whole, "tests", "an object with files, command and timeout_s", tests)
    words = tests["command"]
    _require(_is_words(words), "tests.command", "a list of strings", words)
    seconds = tests["timeout_s"]
    _require(_is_time(seconds), "tests.timeout_s", "a number of seconds", seconds)
    _require(bool(words) == (seconds > 0), "tests", "both a command and a time limit, or neither: [] and 0", words)
    _check_test_lists(tests)


def _check_test_lists(tests: Mapping[str, Any]) -> None:
    """The optional lists of test ids."""
    wanted, kept = (tests.get(name) or [] for name in TEST_LISTS)
    for name, ids in zip(TEST_LISTS, (wanted, kept), strict=True):
        _require(_is_words(ids) and all(ids), f"tests.{name}", "a list of test ids", ids)
        _require(not ids or bool(tests["command"]), f"tests.{name}", "empty, as there is no tests.command", ids)
    if both := set(wanted) & set(kept):
        raise RowError(f"column tests: {min(both)!r} is both in fail_to_pass and in pass_to_pass")


def _is_time(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and isinstance(value, int | float) and 0 <= float(value) < math.inf
    except OverflowError:  # JSON can spell a whole number that no float holds
        return False


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def _check_goal(row: Mapping[str, Any]) -> None:
    """A task without a goal could never be scored, or pays for nothing."""
    if row["kind"] == "classify":
        _check_label(row["label"])
    elif not row["reference"] and not row["tests"]["command"]:
        raise RowError(f"a task of kind {row['kind']} needs a reference or tests")
    if row["reference"] and _tree(row["reference"]) == _tree(row["files"]):
        raise RowError("the reference equals the files: there is nothing to do")


def _check_label(label: str) -> None:
    try:
        accepted_labels(label)
    except DataError as problem:
        raise RowError(str(problem)) from problem


def _tree(files: list[dict[str, str]]) -> dict[str, str]:
    return {file["path"]: file["text"] for file in files}


def _require_columns(row: Mapping[str, Any], columns: tuple[str, ...]) -> None:
    if missing := [column for column in columns if column not in row]:
        raise RowError(
            f"missing column {', '.join(missing)}; a row has {', '.join(columns)} (a pair has {', '.join(PAIR_COLUMNS)}; rows of "
            "published sets are read by their own sources: docs/data.md)"
        )


def _require_records(value: Any, keys: tuple[str, ...], column: str) -> None:
    is_record: Callable[[Any], bool] = lambda item: (  # noqa: E731
        isinstance(item, dict) and all(isinstance(item.get(key), str) for key in keys)
    )
    is_list = isinstance(value, list) and all(is_record(item) for item in value)
    _require(is_list, column, f"a list of objects with the strings {' and '.join(keys)}", value)


def _require(holds: bool, column: str, wanted: str, value: Any) -> None:
    if not holds:
        shown = repr(value)
        raise RowError(f"column {column} must be {wanted}, not {shown if len(shown) < 60 else shown[:57] + '...'}")


def _require_unicode(value: Any) -> None:
    """JSON can spell half a character (a lone surrogate), which no file and no tokenizer can hold."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise RowError(f"invalid UTF-8: half a character at position {error.start} of a text") from None
    elif isinstance(value, dict):
        for key, item in value.items():
            _require_unicode(key)
            _require_unicode(item)
    elif isinstance(value, list):
        for item in value:
            _require_unicode(item)
