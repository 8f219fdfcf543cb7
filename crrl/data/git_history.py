"""A local git repository through git's plumbing: its commits as a stream, the bytes of its files one at a time."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

from crrl.errors import DataError

_LOG = (
    *("log", "-z", "--raw", "-M", "--no-abbrev", "--no-merges", "--no-ext-diff", "--no-textconv", "--no-color"),
    *(
        "--no-show-signature",
        "--ignore-submodules=none",
        "--no-relative",
        "-l1000",
        "--encoding=UTF-8",
        "--format=%H%x00%aI%x00%s",
    ),
)
_CONFIG = (
    "-c",
    "core.quotePath=false",
    "-c",
    "log.showRoot=true",
    "-c",
    "log.mailmap=false",
    "-c",
    "diff.orderFile=/dev/null",
)
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Change:
    """What a commit did to one path. Modes and object names are git's; zeros where there is no file."""

    status: str
    """A(dded), D(eleted), M(odified), R(enamed), C(opied), T(ype changed)."""
    path: str
    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str


@dataclass(frozen=True)
class Commit:
    """One commit and what it changed against its parent (against nothing, if it is a root)."""

    sha: str
    date: str
    """When its author wrote it: ISO 8601."""
    subject: str
    changes: tuple[Change, ...]


class Blob:
    """Why a file's text cannot be had, as reasons that are counted."""

    TOO_LARGE = "a file is too large"
    BINARY = "a file is binary"
    NOT_UTF8 = "a file is not UTF-8"
    MISSING = "a file is missing in the repository"


def head_commit(repository: Path) -> str:
    """The SHA of HEAD. Raises DataError if the path is no git repository, or one without commits."""
    return _git(repository, "rev-parse", "--verify", "HEAD^{commit}")


def count_commits(repository: Path, *, since: str) -> int:
    """How many commits are younger than a date that git reads; 0 without a date."""
    return int(_git(repository, "rev-list", "--count", f"--since={since}", "HEAD", "--")) if since else 0


def history_limits(repository: Path) -> str:
    """Where a shallow clone ends, in git's own words; "" for a whole history."""
    limits = Path(repository, _git(repository, "rev-parse", "--git-path", "shallow"))
    return limits.read_text() if limits.is_file() else ""


def repository_name(repository: Path) -> str:
    """owner/name of the remote `origin`, else the folder's own name: never a path of this machine, never a password."""
    url = _git(repository, "config", "--default", "", "--get", "remote.origin.url")
    is_remote = "://" in url and not url.startswith("file:")
    is_remote = is_remote or (":" in url.partition("/")[0] and not Path(url).is_absolute())
    if is_remote:
        parts = [part for part in url.removesuffix("/").removesuffix(".git").replace(":", "/").split("/") if part]
        return "/".join(part.rpartition("@")[2] for part in parts[-2:])
    top = Path(_git(repository, "rev-parse", "--absolute-git-dir"))
    return top.parent.name if top.name == ".git" else top.name.removesuffix(".git")


def read_commits(repository: Path, *, since: str = "") -> Iterator[Commit]:
    """Yields the commits that HEAD reaches, newest first, merges left out, renames detected.

    Raises DataError if git fails, or lacks files in a partial clone. Cost: git's own; holds one commit at a time.
    """
    limits = [f"--since={since}"] if since else []
    with tempfile.TemporaryFile() as complaints:
        command = _command(repository, *_LOG, *limits, "HEAD", "--")
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, env=_environment()) as log:
            assert log.stdout is not None
            try:
                yield from _parse_log(_tokens(log.stdout))
            finally:
                log.stdout.close()  # a reader that stops early ends git by its broken pipe
            if log.wait():
                _refuse_partial_clone(repository)  # renames are found by what files hold
                complaints.seek(0)
                raise DataError(f"git log failed: {_first_line(complaints.read())}")


class TreeEntry(NamedTuple):
    """One file of a commit's tree, by git's mode and object name."""

    mode: str
    blob: str


def present_commits(repository: Path, commits: Iterable[str]) -> set[str]:
    """Those of the commits that the repository has. Raises DataError, in git's words, if it cannot be read at all.

    Cost: one process, about 5 ms and 10 µs a commit.
    """
    asked = list(commits)
    lines = "".join(f"{commit}^{{commit}}\n" for commit in asked)
    answers = _git(repository, "cat-file", "--batch-check=%(objecttype)", given=lines).splitlines()
    return {commit for commit, answer in zip(asked, answers, strict=True) if answer == "commit"}


def read_tree(repository: Path, commit: str) -> dict[str, TreeEntry]:
    """Path → file, of everything in a commit. Raises DataError if the repository does not have the commit.

    Cost: git's, about 10 ms for some thousand files.
    """
    listed = _git(repository, "ls-tree", "-r", "-z", "--full-tree", f"{commit}^{{commit}}")
    found = {}
    for line in listed.split("\0"):
        about, tab, path = line.partition("\t")
        if tab:
            mode, _, blob = about.split(" ")
            found[path] = TreeEntry(mode, blob)
    return found


class BlobReader:
    """Reads files by their object names through one `git cat-file --batch`, a context manager."""

    def __init__(self, repository: Path, max_bytes: int) -> None:
        self._repository, self._max_bytes = repository, max_bytes
        self._process = subprocess.Popen(
            _command(repository, "cat-file", "--batch"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        )

    def text(self, blob: str) -> tuple[str, str]:
        """(text, "") or ("", why not): one of `Blob`'s reasons. Holds no more than `max_bytes` of it.

        Raises DataError for one that is missing because the repository is a partial clone.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        stdin.write(f"{blob}\n".encode())
        stdin.flush()
        header = stdout.readline().split()
        if len(header) != 3:
            _refuse_partial_clone(self._repository)
            return "", Blob.MISSING
        size = int(header[2])
        if size > self._max_bytes:
            _skip(stdout, size + 1)
            return "", Blob.TOO_LARGE
        content = stdout.read(size + 1)[:size]
        if b"\0" in content:
            return "", Blob.BINARY
        try:
            return content.decode("utf-8"), ""
        except UnicodeDecodeError:
            return "", Blob.NOT_UTF8

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()


def _refuse_partial_clone(repository: Path) -> None:
    """Raise DataError if a repository lacks files because it was cloned without them: they can be had, unlike lost ones."""
    settings = _git(repository, "config", "--list", "--name-only").splitlines()
    if any(name.endswith(".promisor") or name == "extensions.partialclone" for name in settings):
        raise DataError(
            f"{repository}: was cloned without its files (a partial clone), and some that are needed are missing; where there is "
            f"a network: git -C {repository} fetch --refetch --no-filter"
        )


def _parse_log(tokens: Iterator[str]) -> Iterator[Commit]:
    token = next(tokens, None)
    while token is not None:
        sha, date, subject = token, next(tokens), next(tokens)
        changes = []
        token = next(tokens, None)
        while token is not None and token.lstrip("\n").startswith(":"):
            old_mode, new_mode, old_blob, new_blob, status = token.lstrip("\n:").split(" ")
            path = next(tokens)
            if status[0] in "RC":
                path = next(tokens)
            changes.append(Change(status[0], path, old_mode, new_mode, old_blob, new_blob))
            token = next(tokens, None)
        yield Commit(sha, date, subject, tuple(changes))


def _tokens(stream: IO[bytes]) -> Iterator[str]:
    """The stream cut at its NULs. Paths and subjects that are no UTF-8 get replacement characters."""
    rest = b""
    while chunk := stream.read(_CHUNK):
        *whole, rest = (rest + chunk).split(b"\0")
        for token in whole:
            yield token.decode("utf-8", "replace")
    if rest.strip():
        yield rest.decode("utf-8", "replace")


def _skip(stream: IO[bytes], size: int) -> None:
    while size > 0:
        size -= len(stream.read(min(size, _CHUNK))) or size


def _git(repository: Path, *arguments: str, given: str = "") -> str:
    command = _command(repository, *arguments)
    try:
        done = subprocess.run(command, input=given.encode(), capture_output=True, env=_environment(), check=False)
    except FileNotFoundError:
        raise DataError("git is not installed, and repositories are read through it") from None
    if done.returncode:
        raise DataError(f"{repository}: no git repository with commits ({_first_line(done.stderr)})")
    return done.stdout.decode("utf-8", "replace").strip()


def _command(repository: Path, *arguments: str) -> list[str]:
    return ["git", "-C", str(repository), "--no-pager", *_CONFIG, *arguments]


def _environment() -> dict[str, str]:
    """Git without whatever points it elsewhere, asks questions, fetches, or depends on the user's language."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    fixed = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    return {**kept, **fixed, "GIT_NO_REPLACE_OBJECTS": "1"}


def _first_line(complaint: bytes) -> str:
    return complaint.decode("utf-8", "replace").strip().partition("\n")[0] or "it said nothing"
