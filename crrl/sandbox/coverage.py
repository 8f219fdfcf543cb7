"""What each level does and does not hold. Every "no" of the landlock column is shown by a test that does it there."""

from __future__ import annotations

from typing import NamedTuple

from crrl.sandbox.levels import LEVELS, Level, missing


class Row(NamedTuple):
    """One thing a program might do, and how each level answers: `yes` (contained), else what is left open."""

    what: str
    namespaces: str
    landlock: str
    limits: str


COVERAGE = (
    Row("time, processor time, memory of each process, size of each file, open files", "yes", "yes", "yes"),
    Row("memory of all its processes together (looked at every 50 ms)", "yes", "yes", "yes"),
    Row("everything it started is dead afterwards, daemons too", "yes", "yes", "yes, while it spares the supervisor"),
    Row("writing to files outside its folder", "yes", "yes", "no"),
    Row("reading files outside, but the interpreter and the system's programs", "yes", "yes", "no"),
    Row("names, sizes and dates of files outside", "yes", "no: stat works", "no"),
    Row("environment and memory of other processes", "yes", "yes", "no"),
    Row("which processes exist", "yes", "no: stat of /proc/PID works", "no"),
    Row("signals to other processes", "yes", "yes; below ABI 6 not even to its own children", "no"),
    Row("network, loopback, sockets of the host", "yes; a loopback of its own", "yes; no sockets but pairs", "no"),
    Row("total size of its folder", "yes", "no: only of each file", "no"),
    Row("number of files", "yes; cold within 50 ms", "no", "no"),
    Row("number of processes", "yes", "no: counted with all of the user's", "no: counted with all of the user's"),
    Row("modes, owners and dates of files", "yes: its own only", "said to be done, never done", "no"),
    Row("semaphores and shared memory (/dev/shm)", "yes: its own only", "yes: refused", "no"),
    Row("ptrace, mounts, keys, io_uring, bpf and other rare parts of the kernel", "yes", "yes", "no"),
    Row("a hole in the kernel; time measured through shared caches", "no", "no", "no"),
)


def render_table() -> list[str]:
    """The table as Markdown lines, as docs/sandbox.md has it."""
    head = ["| contained | namespaces | landlock | limits |", "|---|---|---|---|"]
    return head + [f"| {' | '.join(row)} |" for row in COVERAGE]


def describe() -> tuple[Level | None, list[str]]:
    """The level in force (None: none), and lines that say so, why no better one, and what it does not cover."""
    reasons: dict[Level, str] = {level: missing(level) for level in LEVELS}
    best: Level | None = next((level for level in LEVELS[:-1] if not reasons[level]), None)
    lines = [f"sandbox level in force: {best or 'none'}"]
    for level in LEVELS:
        if reasons[level]:
            lines.append(f"  {level}: not available: {reasons[level]}")
        elif level == "limits" and best is None:
            lines.append("  limits: available, but weak: only taken where it is demanded by name")
    if best:
        lines += ["not covered:"]
        lines += [f"  {row.what}: {answer}" for row in COVERAGE if not (answer := getattr(row, best)).startswith("yes")]
    return best, lines
