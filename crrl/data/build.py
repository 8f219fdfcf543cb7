"""From a source to tasks: check every row, split by a hash, filter, count. One row at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from crrl.data.filters import Filter, filters_for
from crrl.data.groups import with_group
from crrl.data.journal import NOTHING_KEPT, Journal
from crrl.data.mixture import is_mixture, mixture_plan
from crrl.data.options import BuildOptions, pick_options, refuse_unknown
from crrl.data.paths import local_path
from crrl.data.plan import Plan
from crrl.data.rows import (
    BOTH_SPLITS,
    OTHER_SPLIT,
    BadRow,
    Dropped,
    Found,
    Item,
    SeenKeys,
    Sourced,
    Together,
    content_key,
    left_out,
    splits_of,
    with_pairs,
)
from crrl.data.sources import SOURCES, source_named
from crrl.data.tests_check import with_sound_tests
from crrl.diffs import apply_patch, make_patch
from crrl.errors import ConfigError, CrrlError, DataError
from crrl.schema import KINDS, Kind, TaskRow, files_from_rows

SPLITS = ("train", "heldout", "all")
_WRONG_KIND = "kind is"


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


def make_plan(source: str, *, kind: Kind | str, split: str, options: Mapping[str, Any]) -> Plan:
    """Understand a source's name, `name:PATH` or the path of a .jsonl file, and its options.

    `a:0.5,b:PATH:0.3` is a mixture (`crrl.data.mixture`).

    Raises ConfigError for an unknown name, option, kind or split, naming what is known.
    """
    if is_mixture(source):
        return mixture_plan(source, make_plan, kind=kind, split=split, options=options)
    name, path, own_kind = _name_and_path(source)
    if own_kind and own_kind != kind:
        raise ConfigError(f"{source} holds {own_kind} tasks, not {kind}")
    known = SOURCES[name]
    if path and options.get("path", path) != path:
        raise ConfigError(f"{source} and path={options['path']}: both name where {name} reads; give one of them")
    given = {**options, "path": path} if path else dict(options)
    refuse_unknown(given, BuildOptions, known.options_type)
    if kind not in KINDS:
        raise ConfigError(f"unknown kind {kind!r}; known are {', '.join(KINDS)}")
    if kind not in known.kinds:
        holds = " and ".join(known.kinds)
        raise ConfigError(
            f"the {name} source holds {holds} tasks, not {kind}; name another source, or ask for {known.kinds[0]}"
        )
    if split not in (known.splits or SPLITS):
        raise ConfigError(f"{name} has no split {split!r}; it has {', '.join(known.splits or SPLITS)}")
    return Plan(known, pick_options(known.options_type, given), kind, split, pick_options(BuildOptions, given))


def default_kind(source: str, wanted: Kind | None = None) -> Kind:
    """The kind that a source's name says, else `wanted` or the first that it can hold; repair of one that is not known.

    Of a mixture: what the first part says that says one, else what the first part can hold.
    """
    parts = source.split(",") if is_mixture(source) else [source]
    names = [source_named(part.strip().partition(":")[0]) for part in parts]
    said = next((kind for _, kind in names if kind), None)
    first = names[0][0]
    held = SOURCES[first].kinds if first else KINDS
    return said or (wanted if wanted in held else held[0])


def build_tasks(plan: Plan, report: Report, journal: Journal = NOTHING_KEPT) -> Iterator[TaskRow]:
    """Yields the tasks of a plan in the source's order, counting every row in `report`.

    Raises DataError at the first bad row more than `skip_bad`, naming file and row: a column that is missing or wrong,
    a reference that equals its files or that no patch can reproduce.

    Cost: about 1 ms a task of real code (bench/data_memory.py); memory does not grow with the number of rows.
    """
    limit = plan.options.rows
    for item in judged_items(plan, journal):
        if isinstance(item, Found):
            if limit and report.kept + len(item.parts) > limit:
                return
            for part in item.parts:
                report.read += 1
                report.kept += 1
                yield part.task
            if report.kept == limit:
                return
            continue
        report.read += 1
        if isinstance(item, BadRow):
            _allow(item, report, plan.options.skip_bad)
        elif item.reason == OTHER_SPLIT:
            report.other_split += 1
        else:
            report.dropped[item.reason] += 1


def judged_items(plan: Plan, journal: Journal = NOTHING_KEPT) -> Iterator[Item]:
    """Yields what becomes of every row of a plan: a task to keep, a reason to drop it, or what is wrong with it."""
    with closing(SeenKeys()) as seen:
        yield from checked_items(plan, judged_rows(plan, journal, seen), journal)


def checked_items(plan: Plan, items: Iterable[Item], journal: Journal) -> Iterable[Item]:
    """The items, but tasks whose tests are no judge are bad rows, if the plan asks for that."""
    return with_sound_tests(items, journal) if plan.options.check_tests else items


def judged_rows(plan: Plan, journal: Journal, seen: SeenKeys) -> Generator[Item, None, None]:
    """As `judged_items`, without a look at the tests.

    `seen` holds the content of earlier tasks, of this plan or others; that of tasks of the other split too, so that whichever
    split is built, the same one of equal tasks is kept.
    """
    filters = filters_for(plan.options)
    for row in with_pairs(plan.source.items(plan.source_options, plan.options, plan.split, plan.kind, journal)):
        yield from _judged(plan, filters, seen, row) if isinstance(row, Found) else [row]


def advice_on_none(plan: Plan, report: Report) -> str:
    """What to do where no task is left."""
    if not report.read:
        return f"nothing was read: the source is empty, or holds nothing of the split {plan.split} (docs/data.md)"
    kinds = sum(count for reason, count in report.dropped.items() if reason.startswith(_WRONG_KIND))
    if kinds == report.read:
        return "ask for the kind that they are (--kind, in a run --task), or give other data"
    if report.other_split + kinds == report.read:
        return (
            "all lie in the other split: ask for that one, or for all (--split all), or hold out another share "
            f"(heldout_share, which is {plan.options.heldout_share:g})"
        )
    return f"give more data, filter less, or hold out another share (heldout_share, which is {plan.options.heldout_share:g})"


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


def _judged(plan: Plan, filters: list[Filter], seen: SeenKeys, item: Found) -> list[Item]:
    """The item, or why each of its tasks is left out."""
    keys = [content_key(part.task) for part in item.parts]
    outs = [_left_out(plan, filters, key in seen, part) for part, key in zip(item.parts, keys, strict=True)]
    if not any(outs):
        for key in keys:
            seen.add(key)
        outs = [_elsewhere(plan, part) for part in item.parts]
    if any(outs):
        return left_out(item, outs)
    parts = tuple(replace(part, task=with_group(part.task, part.group)) for part in item.parts)
    return [Together(parts) if isinstance(item, Together) else parts[0]]


def _left_out(plan: Plan, filters: list[Filter], is_known: bool, part: Sourced) -> Dropped | BadRow | None:
    """Why a task is in no split."""
    task = part.task
    if problem := reference_problem(task):
        return BadRow(part.where, problem)
    reason = _wrong_kind(task, plan.kind) or next((why for test in filters if (why := test(task))), None)
    if reason is None and is_known:
        reason = "same content as an earlier row"
    return Dropped(part.where, reason) if reason else None


def _elsewhere(plan: Plan, part: Sourced) -> Dropped | BadRow | None:
    """Why a task is not in the plan's split."""
    if plan.split in (*plan.source.splits, "all"):
        return None
    splits = splits_of(part.split_key, plan.options.heldout_share)
    if splits == {plan.split}:
        return None
    return Dropped(part.where, BOTH_SPLITS if len(splits) > 1 else OTHER_SPLIT)


def _allow(row: BadRow, report: Report, limit: int) -> None:
    if len(report.bad) < limit:
        report.bad.append(str(row))
        return
    if not limit:
        raise DataError(f"{row} (skip_bad=N goes on after up to N bad rows)")
    raise DataError(f"{row}; that is one more than skip_bad={limit} allows, after {'; '.join(report.bad)}")


def _wrong_kind(task: TaskRow, kind: str) -> str | None:
    return None if task["kind"] == kind else f"{_WRONG_KIND} {task['kind']}, not {kind}"


def _name_and_path(source: str) -> tuple[str, str, Kind | None]:
    """(name, path or "", the kind that the name says)."""
    given, colon, path = source.partition(":")
    name, kind = source_named(given)
    if name:
        if colon and not path:
            raise ConfigError(f"{source!r} names no path; write {given}:PATH")
        return name, path, kind
    if source.endswith((".jsonl", ".jsonl.gz")) or local_path(source).is_file():
        return "jsonl", source, None
    hint = f"; for a git repository write commits:{source}" if local_path(source).is_dir() else ""
    raise ConfigError(f"unknown data source {source!r}; known are {', '.join(SOURCES)}, or a .jsonl file's path{hint}")
