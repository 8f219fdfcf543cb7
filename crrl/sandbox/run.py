"""Runs one command in a fresh folder behind the best walls of this machine: the cold path, which keeps nothing.

What each level contains, and what it does not, is in docs/sandbox.md, and printed by `python -m crrl.sandbox --check`.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence

from crrl.errors import SandboxError
from crrl.sandbox.cold import run_cold
from crrl.sandbox.command import find_program
from crrl.sandbox.levels import Level, choose_level
from crrl.sandbox.outcome import Limits, Outcome
from crrl.sandbox.server import Server
from crrl.sandbox.tree import TreeError, lay_out
from crrl.sandbox.view import SEARCH_PATH
from crrl.schema import Files


def run(
    command: Sequence[str], files: Files, limits: Limits, *, stdin: bytes = b"", level: Level | None = None
) -> Outcome:
    """Run `command` in a fresh folder that holds `files`.

    Args:
        command: program and arguments; `python` means this interpreter. Other programs are looked up in SEARCH_PATH only;
            a script of the folder is run by its interpreter (`sh run.sh`).
        files: relative path → text. A path that leaves the folder, or that no folder can hold, gives `crashed`.
        limits: what it may use.
        stdin: what it reads from descriptor 0; /dev/null if empty. What it writes to descriptor 3 is the outcome's report.
        level: the walls around it; None: the best this machine offers. A weaker one is never taken instead.

    Returns:
        The outcome; never raises for anything that the command or the files do. Nothing that it started is alive.
        `unavailable` if the machine does not offer the level.

    Cost: a few ms above the command itself at the level `namespaces` (docs/benchmarks.md). `Workers` is faster.
    """
    started = time.monotonic()
    try:
        return run_at(choose_level(level), command, files, limits, stdin, started)
    except (SandboxError, OSError) as error:
        name = " ".join(command[:1])
        return Outcome("unavailable", stderr=f"cannot run {name}: {error}", wall_s=time.monotonic() - started)


def run_at(level: Level, command: Sequence[str], files: Files, limits: Limits, stdin: bytes, started: float) -> Outcome:
    """`run` at a level that is known to be there. Raises SandboxError and OSError for what is our fault."""
    program = find_program(command)
    if program is None:
        raise SandboxError(f"no program {' '.join(command[:1])!r} in {SEARCH_PATH}")
    try:
        tree = lay_out(files, limits)
    except TreeError as error:
        return Outcome("crashed", stderr=str(error))
    if level == "namespaces":
        return run_cold([program, *command[1:]], tree, limits, stdin, started)
    is_python = program == sys.executable
    line = list(command[1:]) if is_python else [program, *command[1:]]
    with contextlib.closing(Server(level, ())) as server:
        return server.run(line, is_python, tree, limits, stdin, fresh=True)
