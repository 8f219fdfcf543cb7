"""One row of SWE-bench's schema, which SWE-Gym and SWE-bench_Multilingual share.

repo, instance_id, base_commit, patch, test_patch, problem_statement, hints_text, created_at, version, FAIL_TO_PASS,
PASS_TO_PASS (lists, or JSON of lists), …
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from crrl.data.check_row import RowError
from crrl.data.read_table import missing_columns
from crrl.diffs.unified import changed_paths
from crrl.errors import PatchParseError

NEEDED = ("instance_id", "repo", "base_commit", "problem_statement", "patch")
COLUMNS = (*NEEDED, "test_patch", "FAIL_TO_PASS", "PASS_TO_PASS", "version", "created_at")


@dataclass(frozen=True)
class Row:
    """One issue of a repository and the fix that closed it."""

    instance_id: str
    repo: str
    base_commit: str
    problem: str
    patch: str
    test_patch: str
    fail_to_pass: tuple[str, ...]
    pass_to_pass: tuple[str, ...]


def checked_row(row: Mapping[str, Any]) -> Row:
    """The row in our form. Raises RowError for a column that is missing or of another type than published."""
    if problem := missing_columns(dict(row), NEEDED, "SWE-bench"):
        raise RowError(problem)
    for column in NEEDED:
        if not isinstance(row[column], str):
            raise RowError(f"column {column} must be text, not {row[column]!r:.60}")
    if not is_commit(row["base_commit"]):
        raise RowError(f"column base_commit must be a commit's hash, not {row['base_commit']!r:.60}")
    if not is_repo(row["repo"]):
        raise RowError(f"column repo must be owner/name, not {row['repo']!r:.60}")
    return Row(
        instance_id=row["instance_id"],
        repo=row["repo"],
        base_commit=row["base_commit"],
        problem=row["problem_statement"],
        patch=row["patch"],
        test_patch=row.get("test_patch") or "",
        fail_to_pass=_names(row, "FAIL_TO_PASS"),
        pass_to_pass=_names(row, "PASS_TO_PASS"),
    )


def is_commit(value: object) -> TypeGuard[str]:
    """Whether a value is a commit's hash."""
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{7,40}", value) is not None


def is_repo(value: object) -> TypeGuard[str]:
    """Whether a value is a repository's name, as owner/name."""
    return isinstance(value, str) and re.fullmatch(r"[\w.-]+/[\w.-]+", value) is not None


def patch_problem(patch: str) -> str:
    """Why a unified diff makes no task, as far as its own headers tell; "" if it may."""
    if re.search(r"^(rename|copy) (from|to) ", patch, re.MULTILINE):
        return "renames a file"
    if re.search(r"^(GIT binary patch|Binary files .* differ)", patch, re.MULTILINE):
        return "changes a binary file"
    if re.search(r"^(new file mode|deleted file mode|new mode|index \S+) (120000|160000)\s*$", patch, re.MULTILINE):
        return "changes a symbolic link or a submodule"
    if not re.search(r"^@@ ", patch, re.MULTILINE) and not re.search(r"^(new|deleted) file mode ", patch, re.MULTILINE):
        return "changes no file's content"
    return ""


def patched_paths(patch: str) -> list[str]:
    """The paths that a unified diff without renames changes, in its order. Raises RowError for what is no diff."""
    try:
        return changed_paths(patch)
    except PatchParseError as error:
        raise RowError(f"the patch is malformed at its line {error.line}: {error}") from error


def _names(row: Mapping[str, Any], column: str) -> tuple[str, ...]:
    value = row.get(column) or []
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise RowError(f"column {column} must be a list of tests, or JSON of one, not {value!r:.60}") from None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise RowError(f"column {column} must be a list of tests, not {value!r:.60}")
    return tuple(value)
