"""The `commits` source: repair tasks from the bug-fix commits of a local git repository.

A commit becomes a task if its subject sounds like a fix, and what it changes, tests and other files left out, is small,
modified, readable text. Whatever falls out is named with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from crrl.data.changes import changed_lines
from crrl.data.git_history import (
    BlobReader,
    Change,
    Commit,
    count_commits,
    head_commit,
    history_limits,
    read_commits,
    repository_name,
)
from crrl.data.pairs import repair_item
from crrl.data.paths import CODE_EXTENSIONS, is_test_path, local_path, path_problem
from crrl.data.rows import Dropped, Item
from crrl.errors import ConfigError

DEFAULT_MESSAGE = (
    r"\b(fix(e[sd]|ing)?|hot-?fix|bug(s|gy|fix)?|error|crash(e[sd]|ing)?|fault|defect|regression|incorrect(ly)?|wrong(ly)?"
    r"|broken|fail(s|ed|ing|ure)?|leak(s|ed|ing)?|deadlock|race condition|off[- ]by[- ]one|overflow|segfault"
    r"|null pointer|typo in code|repair(s|ed)?|correct(s|ed)?)\b"
)
_TAKES_BACK = re.compile(r"revert(s|ed|ing)?\b", re.IGNORECASE)
"""`Revert "Fix half"` sounds like a fix, but what it brings back is the bug."""
_REGULAR_FILES = ("100644", "100755")
_NO_FILE = "000000"


@dataclass(frozen=True)
class CommitsOptions:
    """What the `commits` source is told."""

    path: Annotated[str, "the folder of the git repository"] = ""
    message: Annotated[str, "regular expression that a fix's subject matches, in either case"] = DEFAULT_MESSAGE
    max_files: Annotated[int, "leave out commits that change more files of code; 0: no limit"] = 5
    max_changed_lines: Annotated[int, "leave out commits that remove and add more lines of code; 0: no limit"] = 200
    max_file_bytes: Annotated[int, "leave out commits with a larger file"] = 200_000
    extensions: Annotated[tuple[str, ...], "endings of the files that are code, as py,js"] = CODE_EXTENSIONS
    since: Annotated[str, "only commits younger than this date, as git reads it"] = ""

    def __post_init__(self) -> None:
        if not self.path:
            raise ConfigError("the source commits needs path=FOLDER of a git repository")
        try:
            re.compile(self.message)
        except re.error as error:
            raise ConfigError(f"message={self.message!r} is no regular expression: {error}") from error

    @property
    def repository(self) -> Path:
        """The folder, `~` spelled out."""
        return local_path(self.path)


def items(options: CommitsOptions) -> Iterator[Item]:
    """Yields a task or a reason for each commit but merges, newest first.

    Raises DataError if there is no repository. Cost: git's, and about 1 ms for each fix; one commit is held.
    """
    repository = options.repository
    head_commit(repository)
    name = repository_name(repository)
    sounds_like_fix = re.compile(options.message, re.IGNORECASE)
    with BlobReader(repository, options.max_file_bytes) as blobs:
        for commit in read_commits(repository, since=options.since):
            if not sounds_like_fix.search(commit.subject):
                yield Dropped(f"commit {commit.sha[:12]}", "subject does not sound like a fix")
            elif _TAKES_BACK.match(commit.subject):
                yield Dropped(f"commit {commit.sha[:12]}", "reverts an earlier commit")
            else:
                yield _item(options, name, commit, blobs)


def identity(options: CommitsOptions) -> str:
    """Changes with the repository's HEAD, its name, how deep a shallow clone is, and the clock if there is a `since`."""
    repository = options.repository
    reach = f"{count_commits(repository, since=options.since)} {history_limits(repository)}"
    return f"{head_commit(repository)} {repository_name(repository)} {reach}"


def _item(options: CommitsOptions, repo: str, commit: Commit, blobs: BlobReader) -> Item:
    where = f"commit {commit.sha[:12]}"
    changes = [change for change in commit.changes if change.old_blob != change.new_blob]
    code = [change for change in changes if _is_code(change.path, options.extensions)]
    shown = [change for change in code if not is_test_path(change.path)]
    if reason := _unfit(options, changes, code, shown):
        return Dropped(where, reason)
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for change in shown:
        for tree, mode, blob in ((before, change.old_mode, change.old_blob), (after, change.new_mode, change.new_blob)):
            if mode != _NO_FILE:
                tree[change.path], reason = blobs.text(blob)
                if reason:
                    return Dropped(where, reason)
    if options.max_changed_lines and changed_lines(before, after) > options.max_changed_lines:
        return Dropped(where, f"more than {options.max_changed_lines} changed lines")
    provenance = {"repo": repo, "commit": commit.sha, "subject": commit.subject, "date": commit.date}
    return repair_item(before, after, provenance=provenance, where=where)


def _unfit(options: CommitsOptions, changes: list[Change], code: list[Change], shown: list[Change]) -> str:
    """Why a commit makes no task, as far as the list of its changes tells; "" if it may."""
    if not changes:
        return "changes no file's content"
    if any("160000" in (change.old_mode, change.new_mode) for change in changes):
        return "changes a submodule"
    if not code:
        return "changes no file of code"
    if not shown:
        return "changes only tests"
    if any(change.status in "RC" for change in shown):
        return "renames a file"
    if any(mode not in (*_REGULAR_FILES, _NO_FILE) for change in shown for mode in (change.old_mode, change.new_mode)):
        return "changes a symbolic link"
    if any(path_problem(change.path) or "\ufffd" in change.path for change in shown):
        return "a path cannot be named in a patch"
    if options.max_files and len(shown) > options.max_files:
        return f"more than {options.max_files} files"
    return ""


def _is_code(path: str, extensions: tuple[str, ...]) -> bool:
    return path.rpartition(".")[2] in extensions
