"""From rows to tasks: pairs by commit, splits that share no function, verdicts that are looked at before they are believed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from crrl.cwe import BENIGN
from crrl.data.check_row import RowError
from crrl.data.groups import group_key
from crrl.data.hub import dataset_files, says
from crrl.data.options import BuildOptions
from crrl.data.prompts import classify_prompt, repair_prompt
from crrl.data.read_table import read_tables, tables_digest
from crrl.data.rows import BadRow, Dropped, Item, Sourced, split_of
from crrl.data.sources.primevul.checks import check
from crrl.data.sources.primevul.options import PrimevulOptions
from crrl.data.sources.primevul.pairs import Pair, pairs_of
from crrl.data.sources.primevul.rows import COLUMNS, Row, checked_row
from crrl.data.sources.primevul.shelf import Shelf, Shelved
from crrl.errors import DataError
from crrl.schema import NO_TESTS, Kind, TaskRow, rows_from_files

_QUESTION = "Does this function of {project} have a vulnerability, and which?"
_LICENSE = "that of the project"


def items(options: PrimevulOptions, asked: BuildOptions, split: str, kind: Kind) -> Iterator[Item]:
    """Yields the tasks of the pairs of a split, and why rows make none.

    classify: both halves of a pair, one after the other; so half of the tasks is benign. repair: one task a pair.

    Raises DataError for files that cannot be read, and as `checks.check`.
    """
    with Shelf() as shelf:
        yield from _fill(shelf, options, asked)
        check(shelf, options)
        for rows in shelf.commits():
            if split in ("all", rows[0].split):
                for found in pairs_of(rows):
                    yield from _items_of(found, shelf, options, kind) if isinstance(found, Pair) else [found]


def identity(options: PrimevulOptions) -> str:
    """Changes with the files."""
    return tables_digest(dataset_files(options.path, options.files))


def _fill(shelf: Shelf, options: PrimevulOptions, asked: BuildOptions) -> Iterator[Item]:
    """Put every row onto the shelf; yields the rows that are none."""
    for file in dataset_files(options.path, options.files):
        for read in read_tables([file], COLUMNS):
            if isinstance(read, BadRow):
                yield read
                continue
            where, values = read
            try:
                row = checked_row(values)
            except RowError as problem:
                yield BadRow(where, str(problem))
                continue
            if options.verdicts == "inverted":
                row = Row(**{**vars(row), "is_vulnerable": not row.is_vulnerable})
            shelf.put(Shelved(row, where, _split_of(row, file, options, asked), says(file.name, "paired")))
    shelf.close_intake()


def _split_of(row: Row, file: Path, options: PrimevulOptions, asked: BuildOptions) -> str:
    if options.splits == "published":
        words = re.split(r"[^a-z]+", file.name.lower())
        if "train" in words:
            return "train"
        if not {"valid", "validation", "test"}.isdisjoint(words):
            return "heldout"
        raise DataError(f"{file}: its name has none of train, valid, test; splits=commit makes splits by a hash")
    return split_of(group_key(_group(row)), asked.heldout_share)


def _group(row: Row) -> str:
    return f"{row.project}@{row.commit}"


def _items_of(pair: Pair, shelf: Shelf, options: PrimevulOptions, kind: Kind) -> list[Item]:
    where, row = pair.vulnerable.where, pair.vulnerable.row
    if reason := _unfit(pair, shelf, options, kind):
        return [Dropped(where, reason)]
    group = _group(row)
    if kind == "repair":
        return [Sourced(_repair(pair), where, group)]
    return [Sourced(_classification(half, pair), half.where, group) for half in _in_some_order(pair)]


def _unfit(pair: Pair, shelf: Shelf, options: PrimevulOptions, kind: Kind) -> str:
    vulnerable, fixed = pair.vulnerable.row, pair.fixed.row
    if options.max_function_chars and max(len(vulnerable.func), len(fixed.func)) > options.max_function_chars:
        return f"a function of more than {options.max_function_chars} characters"
    if pair.vulnerable.split == "train" and any(
        shelf.has(half.content, split="heldout") for half in (vulnerable, fixed)
    ):
        return "a function that the split heldout has as well"
    if kind == "classify" and not vulnerable.cwes:
        return "no CWE id"
    if kind == "classify" and (
        shelf.where_judged(vulnerable.content, vulnerable=False) or shelf.where_judged(fixed.content, vulnerable=True)
    ):
        return "contradictory labels: the same function has the other verdict in another commit"
    if kind == "classify" and len(shelf.weaknesses(vulnerable.content)) > 1:
        return "contradictory labels: the same function has other CWE ids in another commit"
    return ""


def _in_some_order(pair: Pair) -> tuple[Shelved, Shelved]:
    """The halves of a pair, in an order that says nothing of which is which."""
    first, second = sorted(pair, key=lambda half: half.row.content)
    return first, second


def _path(row: Row) -> str:
    name = row.file_name.rpartition("/")[2]
    if name and name.isprintable() and "`" not in name and name == name.strip():
        return name
    return "function.cpp" if "::" in row.func or "template" in row.func else "function.c"


def _provenance(pair: Pair) -> dict[str, object]:
    row = pair.vulnerable.row
    name = row.name or "function"
    return {
        "source": "primevul",
        "kind": ", ".join(row.cwes) or "unknown",
        "repo": row.project,
        "commit": row.commit,
        "pair": f"{row.project}@{row.commit[:12]}/{name}/{row.content[:8]}",
        "cve": row.cve,
        "function": name,
        "license": _LICENSE,
    }


def _classification(half: Shelved, pair: Pair) -> TaskRow:
    row = half.row
    path = _path(row)
    return {
        "task_id": f"primevul-{row.project}-{row.commit[:12]}-{row.content[:12]}",
        "kind": "classify",
        "prompt": classify_prompt(_QUESTION.format(project=row.project), {path: row.func}),
        "files": rows_from_files({path: row.func}),
        "reference": [],
        "tests": NO_TESTS,
        "label": ", ".join(pair.vulnerable.row.cwes) if row.is_vulnerable else BENIGN,
        "source": json.dumps({**_provenance(pair), "row": half.where}, ensure_ascii=False),
    }


def _repair(pair: Pair) -> TaskRow:
    row = pair.vulnerable.row
    path = _path(row)
    weakness = f" ({', '.join(row.cwes)})" if row.cwes else ""
    spec = f"This function of {row.project} has a vulnerability{weakness}."
    if row.about:
        spec += f"\n\n{row.about}"
    return {
        "task_id": f"primevul-repair-{row.project}-{row.commit[:12]}-{row.content[:12]}",
        "kind": "repair",
        "prompt": repair_prompt(spec, {path: row.func}),
        "files": rows_from_files({path: row.func}),
        "reference": rows_from_files({path: pair.fixed.row.func}),
        "tests": NO_TESTS,
        "label": "",
        "source": json.dumps({**_provenance(pair), "row": pair.vulnerable.where}, ensure_ascii=False),
    }
