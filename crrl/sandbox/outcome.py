"""What a program may use, and how it ended."""

from __future__ import annotations

import signal
from dataclasses import asdict, dataclass
from typing import Any, Literal

OutcomeKind = Literal["passed", "failed", "timeout", "memory", "crashed", "unavailable"]
REPORT_BYTES = 4 << 20
"""The first bytes of the report that are kept."""
_SHELL_SIGNALS = range(129, 129 + 64)


@dataclass(frozen=True)
class Limits:
    """What one command may use."""

    wall_s: float = 10.0
    """Seconds from start to end."""
    cpu_s: float = 10.0
    """Seconds of processor time of each process, rounded up to whole seconds."""
    memory_mb: int = 1024
    """Address space of each process, in MiB; and what all its processes hold together, looked at every 50 ms."""
    processes: int = 64
    """Processes and threads at a time. Below the level `namespaces` they count with all others of the user."""
    file_mb: int = 16
    """Size of each file written, and of each of stdout, stderr and the report, in MiB."""
    folder_mb: int = 64
    """Size of everything that is written to files, in MiB. Level `namespaces` only."""
    folder_files: int = 4096
    """Number of files and folders. Level `namespaces` only."""
    open_files: int = 128
    """File descriptors of each process."""
    output_chars: int = 20_000
    """Characters kept of each of stdout and stderr (the last ones)."""

    def as_request(self) -> dict[str, Any]:
        return {**asdict(self), "report_bytes": REPORT_BYTES}


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    kind: `passed` (exit code 0), `failed` (another), `timeout`, `memory`, `crashed` (killed by a signal, or its files cannot
    be laid out in a folder), `unavailable` (it was not run: our fault, not the program's).
    exit_code: negative for a signal. As a shell does, 128 + n counts as signal n.
    report: what was written to descriptor 3, its first REPORT_BYTES.
    """

    kind: OutcomeKind
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    wall_s: float = 0.0
    report: bytes = b""


def build_outcome(
    how: str, code: int | None, streams: tuple[bytes, bytes, bytes], limits: Limits, wall_s: float
) -> Outcome:
    """From how the wait ended (`watch.Ending`), the exit code, and the ends of stdout and stderr and the report."""
    out, err = (_text(stream, limits.output_chars) for stream in streams[:2])
    if code is not None and code in _SHELL_SIGNALS:
        code = 128 - code
    return Outcome(_kind(how, code, err), code, out, err, wall_s, streams[2])


def _text(stream: bytes, chars: int) -> str:
    return stream.decode("utf-8", "replace")[-chars:] if chars else ""


def _kind(how: str, code: int | None, stderr: str) -> OutcomeKind:
    if how == "timeout" or code == -signal.SIGXCPU:
        return "timeout"
    if how == "memory":
        return "memory"
    if how == "files":
        return "failed"
    if code == 0:
        return "passed"
    # Both only tell two failures apart: a program that fakes them gains nothing.
    if code == -signal.SIGKILL or "MemoryError" in stderr[-200:]:
        return "memory"
    return "failed" if code is not None and code > 0 else "crashed"
