"""`crrl report RUN`: the page about a run, written anew."""

from __future__ import annotations

from typing import Any


def add_report_command(commands: Any) -> None:
    """Add the command to argparse subparsers."""
    from crrl.cluster.commands import add_run_arguments, found_run

    parser = commands.add_parser("report", help="write a run's report.html anew: curves, completions, attempts")
    add_run_arguments(parser)
    parser.set_defaults(run=lambda chosen: _report(found_run(chosen)))


def _report(folder: Any) -> int:
    from crrl.report.page import write_report

    write_report(folder)
    print(folder.report)
    return 0
