"""The command `crrl`. A subcommand is one function that adds itself to the parser and names what runs it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from crrl.cluster.commands import add_run_commands
from crrl.cluster.doctor import add_doctor_command
from crrl.data.command import add_data_command
from crrl.errors import CrrlError
from crrl.evaluate.command import add_compare_command, add_eval_command
from crrl.evaluate.export_command import add_export_command
from crrl.report.command import add_report_command
from crrl.tracking.sync import add_sync_command

COMMANDS: tuple[Callable[[Any], None], ...] = (
    add_data_command,
    add_eval_command,
    add_compare_command,
    add_run_commands,
    add_doctor_command,
    add_sync_command,
    add_report_command,
    add_export_command,
)
"""Each adds commands to argparse subparsers, with `set_defaults(run=…)`: a function Namespace → exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0; 2 for a mistake of the user or in the data, told in one line."""
    parser = argparse.ArgumentParser(prog="crrl", description="Reinforcement learning that repairs programs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add_command in COMMANDS:
        add_command(commands)
    chosen = parser.parse_args(arguments)
    try:
        code: int = chosen.run(chosen)
        sys.stdout.flush()
    except CrrlError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, `head` say, has enough; what is still buffered must not complain at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
