"""vLLM as a process of its own: started, looked at from outside, ended with all that it started."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from crrl.cluster.processes import kill_all_below

_COMPLAINT = re.compile(r"\b\w*(?:Error|Exception|error): .+")
"""How a line of its log looks that says why it died; the first one is the cause, later ones are echoes."""
_MARK = re.compile(r"^(\(\w+ pid=\d+\)\s*)?(\w+ \d\d-\d\d \d\d:\d\d:\d\d \[[^\]]*\]\s*)?")
"""What vLLM writes before each line."""
_HARMLESS = re.compile(r"(\(\w+ pid=\d+\)\s*)?(DEBUG|INFO|WARNING) ")
"""How a line begins that names an error which has not happened: vLLM warns of what a low limit of open files may lead to."""


class VllmProcess:
    """One start of vLLM, writing into the log of its keeper."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path, output: int | None = None
    ) -> None:
        """`log`: the file that vLLM's output goes to; `output`: its descriptor, None where it is this process's own."""
        self._log = log
        self._began_at = log.stat().st_size if log.is_file() else 0
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Of its first process."""
        return self._process.pid

    def has_ended(self) -> str | None:
        """How it ended, in words; None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def end(self, below: int | None = None) -> None:
        """Kill it, and everything below a process: this one, whose children include an engine that outlived its parent."""
        kill_all_below(below or os.getpid())
        self._process.kill()
        self._process.wait()

    def complaint(self) -> str:
        """What it said first that sounds like a cause; "" if nothing does."""
        lines = (line for line in self._lines() if not _HARMLESS.match(line))
        said = (match[0] for line in lines if (match := _COMPLAINT.search(line)))
        return next(said, "")[:300]

    def last_line(self) -> str:
        """What it said last."""
        lines = [line for line in self._lines()[-50:] if any(letter.isalnum() for letter in line)]
        return _MARK.sub("", lines[-1]).strip()[:160] if lines else ""

    def _lines(self) -> list[str]:
        try:
            with self._log.open("rb") as stream:
                stream.seek(self._began_at)
                return stream.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return []
