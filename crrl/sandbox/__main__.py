"""`python -m crrl.sandbox --check`: which walls this machine has, why no better ones, and what they do not cover."""

from __future__ import annotations

import argparse
import contextlib
import sys

from crrl.errors import SandboxError
from crrl.sandbox.coverage import describe, render_table
from crrl.sandbox.levels import LEVELS, require


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m crrl.sandbox", description=__doc__)
    parser.add_argument("--check", action="store_true", help="say which level is in force (the default)")
    parser.add_argument("--line", action="store_true", help="only the first line")
    parser.add_argument("--table", action="store_true", help="what every level contains, as Markdown")
    parser.add_argument("--require", metavar="LEVEL", help=f"fail unless this level is offered: {', '.join(LEVELS)}")
    given = parser.parse_args(arguments)
    if given.require:
        try:
            require(given.require)
        except SandboxError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    best, lines = describe()
    said = [lines[0] if best else "; ".join(line.strip() for line in lines[:-1])] if given.line else lines
    with contextlib.suppress(BrokenPipeError):  # the reader, `head` say, has enough
        print("\n".join([*said, *(render_table() if given.table else [])]), flush=True)
    return 0 if best else 2


if __name__ == "__main__":
    sys.exit(main())
