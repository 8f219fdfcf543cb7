"""From issues with fixes to multi-file repairs: the files that the fix changes, and others near them, out of a local clone."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Set
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from crrl.cores import cores
from crrl.data.check_row import RowError
from crrl.data.git_history import BlobReader, TreeEntry, present_commits, read_tree
from crrl.data.groups import files_group
from crrl.data.hub import dataset_files
from crrl.data.in_order import in_threads
from crrl.data.journal import Journal
from crrl.data.paths import CODE_EXTENSIONS, is_test_path, path_problem
from crrl.data.prompts import repair_prompt
from crrl.data.read_table import read_tables, tables_digest
from crrl.data.rows import BadRow, Dropped, Item, SeenKeys, Single, Sourced, single_as_dict, single_from_dict
from crrl.data.sources.swe.options import SweOptions
from crrl.data.sources.swe.rows import COLUMNS, Row, checked_row, is_commit, is_repo, patch_problem, patched_paths
from crrl.data.window import UNCLEAR, Part, part_anywhere, part_around
from crrl.diffs import apply_unified
from crrl.errors import PatchApplyError, PatchParseError
from crrl.schema import NO_TESTS, Files, TaskRow, rows_from_files

_REGULAR = ("100644", "100755")
_MAX_DISTRACTOR_BYTES = 40_000


def items(options: SweOptions, journal: Journal) -> Iterator[Item]:
    """Yields a task or a reason for every row, in their order. A few rows for each worker are held, and their files.

    Raises DataError for files of rows, or a clone, that cannot be read. Cost: about 50 ms a row and worker, most of it git's.
    """
    with closing(SeenKeys()) as seen:
        yield from in_threads(_jobs(options, seen, journal), options.workers or cores())


def _jobs(options: SweOptions, seen: SeenKeys, journal: Journal) -> Iterator[Callable[[], Item]]:
    fixed = _fixed_paths(options) if options.distractors else {}
    for read in read_tables(dataset_files(options.path, options.files), COLUMNS):
        if isinstance(read, BadRow):
            yield partial(_as_it_is, read)
            continue
        where, values = read
        try:
            row = checked_row(values)
            if not seen.add(row.instance_id):
                raise RowError(f"duplicate instance_id {row.instance_id!r}")
            yield partial(
                _kept_item,
                journal,
                row.instance_id,
                partial(_item_or_bad, options, row, where, fixed.get(row.repo, set())),
            )
        except RowError as problem:
            yield partial(_as_it_is, BadRow(where, str(problem)))


def _kept_item(journal: Journal, instance_id: str, find: Callable[[], Single]) -> Item:
    return single_from_dict(journal.get(f"swe {instance_id}", lambda: single_as_dict(find())))


def _as_it_is(item: Item) -> Item:
    return item


def _fixed_paths(options: SweOptions) -> dict[str, set[str]]:
    """Repository → the files that any row's fix changes. Cost: a pass over the rows; holds the names of those files."""
    fixed: dict[str, set[str]] = {}
    for read in read_tables(dataset_files(options.path, options.files), ("repo", "patch")):
        repo, patch = ("", "") if isinstance(read, BadRow) else (read[1].get(name) for name in ("repo", "patch"))
        if isinstance(repo, str) and isinstance(patch, str):
            with suppress(RowError):  # a patch that is none: the row itself will be a bad one
                fixed.setdefault(repo, set()).update(patched_paths(patch))
    return fixed


def _item_or_bad(options: SweOptions, row: Row, where: str, fixed: Set[str]) -> Single:
    try:
        return _item(options, row, where, fixed)
    except RowError as problem:
        return BadRow(where, str(problem))


def identity(options: SweOptions) -> str:
    """Changes with the rows, the clones that they need, and which of their commits these have; a commit cannot change.

    Raises DataError, in git's words, for a clone that cannot be read.
    """
    files = dataset_files(options.path, options.files)
    needed: dict[Path, set[str]] = {}
    for read in read_tables(files, ("repo", "base_commit")):
        repo, commit = ("", "") if isinstance(read, BadRow) else (read[1].get(name) for name in ("repo", "base_commit"))
        if is_repo(repo) and is_commit(commit) and (clone := options.clone_of(repo)):
            needed.setdefault(clone.resolve(), set()).add(commit)
    there = {str(clone): sorted(present_commits(clone, sorted(commits))) for clone, commits in needed.items()}
    return f"{tables_digest(files)} {json.dumps(there, sort_keys=True)}"


def _item(options: SweOptions, row: Row, where: str, fixed: Set[str]) -> Single:
    clone = options.clone_of(row.repo)
    if reason := patch_problem(row.patch):
        return Dropped(where, reason)
    paths = patched_paths(row.patch)
    reason = _unfit_paths(options, paths)
    if reason or clone is None:
        return Dropped(where, reason or "no local clone of its repository")
    if not present_commits(clone, [row.base_commit]):
        return Dropped(where, "its commit is not in the local clone")
    tree = read_tree(clone, row.base_commit)
    with BlobReader(clone, options.max_file_bytes) as blobs:
        before: dict[str, str] = {}
        for path in paths:
            if path in tree:
                if tree[path].mode not in _REGULAR:
                    return Dropped(where, "changes a symbolic link or a submodule")
                before[path], why = blobs.text(tree[path].blob)
                if why:
                    return Dropped(where, why)
        after = _applied(row, before)
        if before == after:
            return Dropped(where, "changes no file's content")
        others = _distractors(options, row, tree, paths, fixed, blobs)
    if not before and not others:
        return Dropped(where, "only adds files")
    files = _mixed(row, {**before, **others})
    task = _task(options, row, where, files, {**files, **after}, before, after)
    return Sourced(task, where, group=files_group(row.repo, paths)) if task else Dropped(where, UNCLEAR)


def _unfit_paths(options: SweOptions, paths: list[str]) -> str:
    if any(path_problem(path) for path in paths):
        return "a path cannot be named in a patch"
    if options.max_changed_files and len(paths) > options.max_changed_files:
        return f"changes more than {options.max_changed_files} files"
    return ""


def _applied(row: Row, before: Files) -> dict[str, str]:
    try:
        return apply_unified(before, row.patch)
    except (PatchApplyError, PatchParseError) as error:
        raise RowError(f"the patch does not apply to {row.repo} at {row.base_commit[:12]}: {error}") from error


def _distractors(
    options: SweOptions, row: Row, tree: dict[str, TreeEntry], paths: list[str], fixed: Set[str], blobs: BlobReader
) -> dict[str, str]:
    """Other code near the changed files: of their folders first, then of the folders around; drawn by the row's own name.

    None that the fix of any row changes: a task would show what a fix made of it, perhaps one of the other split.
    """
    endings = {path.rpartition(".")[2] for path in paths} & set(CODE_EXTENSIONS) or set(CODE_EXTENSIONS)
    folders = {path.rpartition("/")[0] for path in paths}

    def distance(path: str) -> tuple[int, str]:
        folder = path.rpartition("/")[0]
        shared = max(len(_common(folder, other)) for other in folders)
        return -shared, hashlib.sha256(f"{row.instance_id} {path}".encode()).hexdigest()

    fitting = [
        path
        for path, entry in tree.items()
        if path not in paths
        and path not in fixed
        and entry.mode in _REGULAR
        and path.rpartition(".")[2] in endings
        and not is_test_path(path)
        and not path_problem(path)
    ]
    found: dict[str, str] = {}
    for path in sorted(fitting, key=distance):
        if len(found) >= options.distractors:
            break
        text, why = blobs.text(tree[path].blob)
        if not why and text.strip() and len(text) <= _MAX_DISTRACTOR_BYTES:
            found[path] = text
    return found


def _common(one: str, other: str) -> list[str]:
    shared = []
    for a, b in zip(one.split("/"), other.split("/"), strict=False):
        if a != b:
            break
        shared.append(a)
    return shared


def _mixed(row: Row, files: dict[str, str]) -> dict[str, str]:
    """The files in an order that says nothing of which of them the fix changes."""
    paths = sorted(files)
    random.Random(row.instance_id).shuffle(paths)
    return {path: files[path] for path in paths}


def _task(
    options: SweOptions, row: Row, where: str, files: Files, with_fix: dict[str, str], before: Files, after: Files
) -> TaskRow | None:
    reference = {path: text for path, text in with_fix.items() if path not in before or path in after}
    parts = _parts(options, row, files, reference)
    if parts is None:
        return None
    cuts = [f"{path}: {part.cut}" for path, part in parts.items() if part.cut]
    spec = "\n\n".join(part for part in (row.problem.strip(), *cuts) if part)
    provenance = {
        "source": "swe",
        "instance_id": row.instance_id,
        "repo": row.repo,
        "commit": row.base_commit,
        "row": where,
        "license": "that of the repository",
        "changed": sorted(before.keys() | after.keys()),
        "fail_to_pass": row.fail_to_pass,
        "pass_to_pass": row.pass_to_pass,
    }
    return {
        "task_id": row.instance_id,
        "kind": "repair",
        "prompt": repair_prompt(spec, {path: part.text for path, part in parts.items()}),
        "files": rows_from_files(files),
        "reference": rows_from_files(reference),
        "tests": NO_TESTS,
        "label": "",
        "source": json.dumps(provenance, ensure_ascii=False),
    }


def _parts(options: SweOptions, row: Row, files: Files, reference: Files) -> dict[str, Part] | None:
    """What the prompt shows of each file; None if that does not tell where a change goes.

    Files that are not edited are shown in as many windows as those that are, so that the number says nothing.
    """
    draws = {path: random.Random(f"{row.instance_id} {path}") for path in files}
    parts: dict[str, Part] = {}
    for path, text in files.items():
        if text != (changed := reference.get(path, text)):
            part = part_around(text, changed, options.window_chars, draws[path])
            if part is None:
                return None
            parts[path] = part
    counts = [part.windows for part in parts.values() if part.cut] or [1]
    for path in files.keys() - parts.keys():
        windows = draws[path].choice(counts)
        parts[path] = part_anywhere(files[path], windows, options.window_chars, draws[path])
    return {path: parts[path] for path in files}
