"""How many syntax errors a text has; the parsing is done by a worker process (`parse_worker`, which says why)."""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from threading import Lock

from crrl.errors import SandboxError
from crrl.rewards.grammars import Grammar, grammar_of

KEPT_COUNTS = 4096
UNREADABLE = math.inf
"""The parser ran out of time or memory: no code looks like that."""

_WORKER = Path(__file__).with_name("parse_worker.py")
_SMALLEST = b"\n"


class _Worker:
    """The process that parses, started when it is first needed and again when a text killed it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = Lock()

    def count(self, grammar: Grammar, text: bytes) -> float:
        with self._lock:
            found = self._ask(grammar, text)
            if found is None:
                # The text's fault or ours? A worker that cannot read a blank line never could.
                if self._ask(grammar, _SMALLEST) is None:
                    raise SandboxError(
                        f"syntax errors cannot be counted: the parser of {grammar.module} does not start; "
                        f"`{sys.executable} -c 'import tree_sitter, {grammar.module}'` says why"
                    )
                return UNREADABLE
            return found

    def stop(self) -> None:
        """End the process if this one started it (a fork's child must leave its parent's alone)."""
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            process.kill()
            process.communicate()

    def _ask(self, grammar: Grammar, text: bytes) -> int | None:
        """The worker's answer; None if it died."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(b"%s %s %d\n" % (grammar.module.encode(), grammar.function.encode(), len(text)))
            process.stdin.write(text)
            process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            self.stop()
            return None
        return int(answer)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._owner != os.getpid():
            self._owner = os.getpid()
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the trainer, which ends it
            )
        return self._process


_worker = _Worker()
atexit.register(_worker.stop)


@lru_cache(KEPT_COUNTS)
def count_errors(path: str, text: str) -> float:
    """How many nodes of a text the parser could not read, or had to make up.

    Args:
        path: its extension decides the language; without a grammar the count is 0.
        text: any text.

    Returns:
        The count; UNREADABLE if the parser exceeds its time or memory (`parse_worker`).

    Raises:
        SandboxError: the parser is missing or broken.

    Cost: about 1 ms for 30 KB; 0.1 s to start the worker, again after each unreadable text.
    """
    grammar = grammar_of(path)
    if grammar is None or not text:
        return 0
    return _worker.count(grammar, text.encode("utf-8", "replace"))
