"""`crrl data build`, `crrl data show`, `crrl data sample` and `crrl data download`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from crrl.data.build import SPLITS, advice_on_none, default_kind, make_plan
from crrl.data.check_row import RowError, checked_task, is_pair
from crrl.data.dataset import built_table, title_of
from crrl.data.demonstrations import sample_run
from crrl.data.hub import download
from crrl.data.options import BuildOptions, Option, known_options, read_pairs
from crrl.data.paths import local_path
from crrl.data.plan import Plan, parts_of
from crrl.data.read_jsonl import read_jsonl
from crrl.data.report_table import print_report
from crrl.data.rows import BadRow
from crrl.data.show import print_task
from crrl.data.sources import SOURCES
from crrl.data.table import read_arrow
from crrl.data.write_jsonl import refuse_name, write_jsonl
from crrl.errors import ConfigError, DataError
from crrl.schema import KINDS


def add_data_command(commands: Any) -> None:
    """Add `data` and its own commands to argparse subparsers."""
    from crrl.cluster.commands import add_run_arguments

    data = commands.add_parser("data", help="build and look at training data").add_subparsers(
        required=True, metavar="COMMAND"
    )
    build = data.add_parser("build", help="write a source's tasks to a .jsonl or .jsonl.gz file")
    names = "; ".join(f"{source.name}: {source.about}" for source in SOURCES.values())
    build.add_argument("source", metavar="SOURCE", help=f"{names}. NAME:PATH and a .jsonl file's path work too")
    build.add_argument("--out", required=True, type=Path, metavar="FILE", help="FILE.jsonl or FILE.jsonl.gz to write")
    build.add_argument("--force", action="store_true", help="replace FILE")
    build.add_argument(
        "--kind", default="", choices=("", *KINDS), help="which kind of task (default: the first that the source holds)"
    )
    build.add_argument("--split", default="train", choices=SPLITS, help="which part of the source (default: train)")
    for name, entry in _flags().items():
        metavar = {int: "N", float: "SHARE"}.get(type(entry.default), "TEXT")
        about = entry.about.replace("%", "%%")
        build.add_argument(f"--{name.replace('_', '-')}", default=argparse.SUPPRESS, metavar=metavar, help=about)
    build.add_argument(
        "--data-options",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="options as in launch.py --data.options; in a mixture SOURCE.NAME=VALUE is for one part",
    )
    build.set_defaults(run=run_build)
    sample = data.add_parser("sample", help="keep the completions of a run whose rewards passed a bar, for --stage sft")
    add_run_arguments(sample)
    sample.add_argument("--out", required=True, type=Path, metavar="FILE", help="FILE.jsonl or FILE.jsonl.gz to write")
    sample.add_argument("--force", action="store_true", help="replace FILE")
    sample.add_argument(
        "--min",
        nargs="+",
        metavar="REWARD=SCORE",
        required=True,
        help="the least of each reward, as tests=1 format=0.8",
    )
    sample.add_argument("--per-task", type=int, default=4, metavar="N", help="at most N of one task (default: 4)")
    sample.set_defaults(run=run_sample)
    download = data.add_parser("download", help="fetch a public data set into the Hugging Face cache")
    download.add_argument("name", metavar="OWNER/NAME", help="the data set, as ASSERT-KTH/PrimeVul")
    download.add_argument("--revision", default="", help="a commit or tag of it (default: the newest)")
    download.set_defaults(run=run_download)
    show = data.add_parser("show", help="print tasks of a built file: prompt, and the human fix as a diff")
    show.add_argument("file", type=Path, metavar="FILE", help="a file that `crrl data build` wrote")
    show.add_argument("--n", type=int, default=1, metavar="N", help="how many tasks (default: 1)")
    show.set_defaults(run=run_show)


def run_build(arguments: argparse.Namespace) -> int:
    """Build the tasks or find them in the cache, write them to a file, print the summary. Returns the exit code."""
    options = {name: value for name, value in vars(arguments).items() if name in _flags()}
    options |= read_pairs("--data-options", arguments.data_options)
    kind = arguments.kind or default_kind(arguments.source)
    plan = make_plan(arguments.source, kind=kind, split=arguments.split, options=options)
    _refuse_to_replace_a_source(plan, arguments.out)
    refuse_name(arguments.out)
    _refuse_to_replace(arguments)
    with ending_by_sigterm():
        table, report = built_table(plan)
        count = write_jsonl(read_arrow(table), arguments.out)
    print_report(report, title_of(plan), sys.stdout)
    if not count:
        raise DataError(f"no task is left, so {arguments.out} is not written; {advice_on_none(plan, report)}")
    print(f"{count} tasks written to {arguments.out}")
    return 0


@contextmanager
def ending_by_sigterm() -> Iterator[None]:
    """SIGTERM ends what is done as an exception, so that what was begun is cleared away."""

    def end(number: int, frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_sample(arguments: argparse.Namespace) -> int:
    """Write demonstrations of a run's own completions. Returns the exit code."""
    from crrl.cluster.commands import found_run

    if arguments.per_task < 1:
        raise ConfigError(f"--per-task {arguments.per_task}: must be 1 or more")
    refuse_name(arguments.out)
    _refuse_to_replace(arguments)
    run = found_run(arguments)
    bars = dict(_bar(word) for word in arguments.min)
    count = write_jsonl(sample_run(run, bars, arguments.per_task), arguments.out)
    if not count:
        raise DataError(
            f"no completion of {run.run_id} passed {' '.join(arguments.min)}, so {arguments.out} is not written"
        )
    print(
        f"{count} demonstrations written to {arguments.out}; launch.py --stage sft --sft.demonstrations {arguments.out}"
    )
    return 0


def _bar(word: str) -> tuple[str, float]:
    name, _, score = word.partition("=")
    try:
        bar = float(score)
    except ValueError:
        bar = -1.0
    if not 0 <= bar <= 1:
        raise ConfigError(f"--min {word}: must be REWARD=SCORE with a score in [0, 1], as in tests=1")
    return name, bar


def run_download(arguments: argparse.Namespace) -> int:
    """Fetch a data set. Returns the exit code."""
    folder = download(arguments.name, arguments.revision)
    name = arguments.name + (f"@{arguments.revision}" if arguments.revision else "")
    print(f"{arguments.name} is in {folder}; builds find it as {name}")
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    """Print the first tasks of a file. Returns the exit code."""
    from rich.console import Console

    if arguments.n < 1:
        raise ConfigError(f"--n {arguments.n}: must be 1 or more")
    console = Console(highlight=False)
    shown = 0
    for read in islice(read_jsonl(arguments.file), arguments.n):
        if isinstance(read, BadRow):
            raise DataError(str(read))
        where, row = read
        if is_pair(row):
            raise DataError(
                f"{where}: a before/after pair, not a task; first: crrl data build {arguments.file} --out …"
            )
        try:
            print_task(console, checked_task(row))
        except RowError as problem:
            raise DataError(f"{where}: {problem}") from problem
        shown += 1
    if not shown:
        raise DataError(f"{arguments.file}: holds no tasks")
    return 0


def _refuse_to_replace_a_source(plan: Plan, out: Path) -> None:
    """Of a mixture: one of any part's."""
    for part in parts_of(plan):
        path = getattr(part.source_options, "path", "")
        if path and part.source.reads_rows and out.is_file() and _is_one_of(out, local_path(path)):
            raise ConfigError(f"--out {out}: is a file of the source, which would be lost; choose another name")


def _is_one_of(file: Path, source: Path) -> bool:
    if source.is_file():
        return file.samefile(source)
    return file.resolve().is_relative_to(source.resolve())


def _refuse_to_replace(arguments: argparse.Namespace) -> None:
    if arguments.out.exists() and not arguments.force:
        raise ConfigError(f"--out {arguments.out}: is there already; --force replaces it")


def _flags() -> dict[str, Option]:
    return known_options(BuildOptions, *(source.options_type for source in SOURCES.values()))
