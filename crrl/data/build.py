"""From a source to tasks: check every row, split by a hash, filter, count. One row at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from crrl.data.filters import Filter, filters_for
from crrl.data.options import BuildOptions, pick_options, refuse_unknown
from crrl.data.paths import local_path
from crrl.data.rows import BadRow, Dropped, Item, SeenKeys, Sourced, content_key, split_of
from crrl.data.sources import SOURCES, Source
from crrl.diffs import apply_patch, make_patch
from crrl.errors import ConfigError, CrrlError, DataError
from crrl.schema import KINDS, TaskRow, files_from_rows

SPLITS = ("train", "heldout", "all")


@dataclass(frozen=True)
class Plan:
    """What is to be built: a source, which of its tasks, and every option."""

    source: Source
    source_options: Any
    kind: str
    split: str
    options: BuildOptions


@dataclass
class Report:
    """What became of every row."""

    read: int = 0
    kept: int = 0
    other_split: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    """Reason → rows."""
    bad: list[str] = field(default_factory=list)
    """The bad rows that were skipped, each with its place and reason; at most `skip_bad`."""

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it; `Report.from_dict` reads it."""
        return {**vars(self), "dropped": dict(self.dropped), "bad": list(self.bad)}  # asdict() counts a Counter's pairs

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Report:
        """The report that `as_dict` wrote."""
        return cls(**{**values, "dropped": Counter(values["dropped"])})

    def __str__(self) -> str:
        counts = [f"{self.read} rows read", f"{self.kept} kept"]
        counts += [f"{self.other_split} in the other split"] if self.other_split else []
        counts += [f"{count} dropped: {reason}" for reason, count in self.dropped.most_common()]
        return ", ".join(counts + ([f"{len(self.bad)} bad"] if self.bad else []))


def make_plan(source: str, *, kind: str, split: str, options: Mapping[str, Any]) -> Plan:
    """Understand a source's name, `name:PATH` or the path of a .jsonl file, and its options.

    Raises ConfigError for an unknown name, option, kind or split, naming what is known.
    """
    name, path = _name_and_path(source)
    known = SOURCES[name]
    given = {**options, "path": path} if path else dict(options)
    refuse_unknown(given, BuildOptions, known.options_type)
    if kind not in KINDS:
        raise ConfigError(f"unknown kind {kind!r}; known are {', '.join(KINDS)}")
    if split not in (known.splits or SPLITS):
        raise ConfigError(f"{name} has no split {split!r}; it has {', '.join(known.splits or SPLITS)}")
    return Plan(known, pick_options(known.options_type, given), kind, split, pick_options(BuildOptions, given))


def build_tasks(plan: Plan, report: Report) -> Iterator[TaskRow]:
    """Yields the tasks of a plan in the source's order, counting every row in `report`.

    Raises DataError at the first bad row more than `skip_bad`, naming file and row: a column that is missing or wrong,
    a reference that equals its files or that no patch can reproduce.

    Cost: about 1 ms a task of real code (bench/data_memory.py); memory does not grow with the number of rows.
    """
    filters = filters_for(plan.options)
    with closing(SeenKeys()) as seen:
        for item in plan.source.items(plan.source_options, plan.options, plan.split):
            report.read += 1
            task = _judge(plan, filters, seen, item, report)
            if task is not None:
                report.kept += 1
                yield task
                if report.kept == plan.options.rows:
                    return


def reference_problem(task: TaskRow) -> str | None:
    """Why a task's reference cannot be the result of a patch, or None: the oracle's own answer must reproduce it."""
    if not task["reference"]:
        return None
    files, reference = files_from_rows(task["files"]), files_from_rows(task["reference"])
    try:
        if apply_patch(files, make_patch(files, reference)) == reference:
            return None
    except (CrrlError, ValueError) as error:
        return f"no patch makes the reference from the files: {error}"
    return "no patch makes the reference from the files"


def _judge(plan: Plan, filters: list[Filter], seen: SeenKeys, item: Item, report: Report) -> TaskRow | None:
    """The task to keep, or None once what became of the row is counted."""
    if isinstance(item, Sourced) and (problem := reference_problem(item.task)):
        item = BadRow(item.where, problem)
    if isinstance(item, BadRow):
        _allow(item, report, plan.options.skip_bad)
        return None
    if isinstance(item, Dropped):
        report.dropped[item.reason] += 1
        return None
    task = item.task
    if plan.split not in (*plan.source.splits, "all", split_of(task, plan.options.heldout_share)):
        report.other_split += 1
        return None
    reason = _wrong_kind(task, plan.kind) or next((why for test in filters if (why := test(task))), None)
    if reason is None and not seen.add(content_key(task)):
        reason = "same content as an earlier row"
    if reason:
        report.dropped[reason] += 1
        return None
    return task


def _allow(row: BadRow, report: Report, limit: int) -> None:
    if len(report.bad) < limit:
        report.bad.append(str(row))
        return
    if not limit:
        raise DataError(f"{row} (skip_bad=N goes on after up to N bad rows)")
    raise DataError(f"{row}; that is one more than skip_bad={limit} allows, after {'; '.join(report.bad)}")


def _wrong_kind(task: TaskRow, kind: str) -> str | None:
    return None if task["kind"] == kind else f"kind is {task['kind']}, not {kind}"


def _name_and_path(source: str) -> tuple[str, str]:
    name, colon, path = source.partition(":")
    if name in SOURCES:
        if colon and not path:
            raise ConfigError(f"{source!r} names no path; write {name}:PATH")
        return name, path
    if source.endswith((".jsonl", ".jsonl.gz")) or local_path(source).is_file():
        return "jsonl", source
    hint = f"; for a git repository write commits:{source}" if local_path(source).is_dir() else ""
    raise ConfigError(f"unknown data source {source!r}; known are {', '.join(SOURCES)}, or a .jsonl file's path{hint}")
