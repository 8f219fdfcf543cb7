"""Which program a command means."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

from crrl.sandbox.view import SEARCH_PATH


def find_program(command: Sequence[str]) -> str | None:
    """The path of a command's program: `python` is this interpreter, others are looked up in SEARCH_PATH only."""
    if not command:
        return None
    if command[0] == "python":
        return sys.executable
    # `which` would take a relative path from our own folder, not from the command's.
    if "/" in command[0] and not command[0].startswith("/"):
        return None
    return shutil.which(command[0], path=SEARCH_PATH)
