"""`crrl data build` and `crrl data show`."""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from crrl.data.build import SPLITS, Report, build_tasks, make_plan
from crrl.data.check_row import RowError, checked_task
from crrl.data.options import BuildOptions, Option, known_options
from crrl.data.read_jsonl import read_jsonl
from crrl.data.report_table import print_report, shown_progress
from crrl.data.rows import BadRow
from crrl.data.sources import SOURCES
from crrl.errors import ConfigError, DataError
from crrl.schema import KINDS, TaskRow, files_from_rows

if TYPE_CHECKING:
    from rich.console import Console

_NOT_HERE = ("cache_dir",)


def add_data_command(commands: Any) -> None:
    """Add `data` and its own commands to argparse subparsers."""
    data = commands.add_parser("data", help="build and look at training data").add_subparsers(
        required=True, metavar="COMMAND"
    )
    build = data.add_parser("build", help="write a source's tasks to a .jsonl or .jsonl.gz file")
    names = "; ".join(f"{source.name}: {source.about}" for source in SOURCES.values())
    build.add_argument("source", metavar="SOURCE", help=f"{names}. NAME:PATH and a .jsonl file's path work too")
    build.add_argument("--out", required=True, type=Path, metavar="FILE", help="FILE.jsonl or FILE.jsonl.gz to write")
    build.add_argument("--kind", default="repair", choices=KINDS)
    build.add_argument("--split", default="train", choices=SPLITS)
    for name, entry in _flags().items():
        metavar = {int: "N", float: "SHARE"}.get(type(entry.default), "TEXT")
        about = entry.about.replace("%", "%%")
        build.add_argument(f"--{name.replace('_', '-')}", default=argparse.SUPPRESS, metavar=metavar, help=about)
    build.set_defaults(run=run_build)
    show = data.add_parser("show", help="print tasks of a built file: prompt, and the human fix as a diff")
    show.add_argument("file", type=Path, metavar="FILE")
    show.add_argument("--n", type=int, default=1, metavar="N", help="how many tasks")
    show.set_defaults(run=run_show)


def run_build(arguments: argparse.Namespace) -> int:
    """Write the tasks aside, rename when whole, print the summary. Returns the exit code."""
    options = {name: value for name, value in vars(arguments).items() if name in _flags()}
    plan = make_plan(arguments.source, kind=arguments.kind, split=arguments.split, options=options)
    report = Report()
    title = f"{plan.source.name}, {plan.split}"
    with shown_progress(build_tasks(plan, report), report, title, sys.stderr) as tasks:
        write_jsonl(tasks, arguments.out)
    print_report(report, title, sys.stdout)
    print(f"{report.kept} tasks written to {arguments.out}")
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    """Print the first tasks of a file. Returns the exit code."""
    from rich.console import Console

    console = Console(highlight=False)
    for read in islice(read_jsonl(arguments.file), arguments.n):
        if isinstance(read, BadRow):
            raise DataError(str(read))
        where, row = read
        try:
            _print_task(console, checked_task(row))
        except RowError as problem:
            raise DataError(f"{where}: {problem}") from problem
    return 0


def write_jsonl(tasks: Iterable[TaskRow], path: Path) -> None:
    """Write tasks as JSON lines, gzip if the name ends in .gz; equal tasks give equal bytes."""
    if not path.name.endswith((".jsonl", ".jsonl.gz")):
        raise ConfigError(f"--out {path}: the name must end in .jsonl or .jsonl.gz")
    if not path.parent.is_dir():
        raise ConfigError(f"--out {path}: there is no folder {path.parent}")
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("wb") as raw:
            if path.name.endswith(".gz"):
                with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
                    _write_lines(tasks, packed)
            else:
                _write_lines(tasks, raw)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _write_lines(tasks: Iterable[TaskRow], out: IO[bytes] | gzip.GzipFile) -> None:
    for task in tasks:
        out.write(json.dumps(task, ensure_ascii=False).encode() + b"\n")


def _print_task(console: Console, task: TaskRow) -> None:
    from rich.rule import Rule
    from rich.syntax import Syntax
    from rich.text import Text

    from crrl.diffs import render_unified

    console.print(Rule(Text(f"{task['task_id']} ({task['kind']})")))
    console.print(Text(f"source: {task['source']}"))
    for message in task["prompt"]:
        console.print(Text(f"\n[{message['role']}]", style="bold"))
        console.print(Text(message["content"]))
    if task["reference"]:
        diff = render_unified(files_from_rows(task["files"]), files_from_rows(task["reference"]))
        console.print(Text("\n[the human fix]", style="bold"))
        console.print(Syntax(diff, "diff", background_color="default"))
    if task["tests"]["command"]:
        console.print(Text(f"\ntests: {' '.join(task['tests']['command'])}, {task['tests']['timeout_s']} s"))
    if task["label"]:
        console.print(Text(f"\nlabel: {task['label']}"))


def _flags() -> dict[str, Option]:
    known = known_options(BuildOptions, *(source.options_type for source in SOURCES.values()))
    return {name: entry for name, entry in known.items() if name not in _NOT_HERE}
