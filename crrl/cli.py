"""The command `crrl`. A subcommand is one function that adds itself to the parser and names what runs it."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from crrl.cluster.commands import add_run_commands
from crrl.cluster.doctor import add_doctor_command
from crrl.data.command import add_data_command
from crrl.errors import CrrlError, words_of_refusal
from crrl.evaluate.command import add_compare_command, add_eval_command
from crrl.evaluate.export_command import add_export_command
from crrl.report.command import add_report_command
from crrl.tracking.sync import add_sync_command


class _Parser(argparse.ArgumentParser):
    """argparse, but a mistake is one line, with the flag that is nearest to one that is unknown."""

    def error(self, message: str) -> NoReturn:
        unknown = re.search(r"unrecognized arguments: .*?(--?[\w.-]+)", message)
        near = difflib.get_close_matches(unknown[1], self.flags(), 1) if unknown else []
        hint = f"did you mean {near[0]}?" if near else f"{self.prog} --help shows what is possible"
        self.exit(2, f"error: {' '.join(message.split())}; {hint}\n")

    def flags(self) -> list[str]:
        """All flags, those of commands too."""
        found = [flag for action in self._actions for flag in action.option_strings]
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for parser in action.choices.values():
                    found += parser.flags()
        return found


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
    parser = _Parser(prog="crrl", description="Reinforcement learning that repairs programs.")
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
    except PermissionError as error:
        print(f"error: {words_of_refusal(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, `head` say, has enough; what is still buffered must not complain at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
