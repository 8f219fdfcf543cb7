"""Runs one command in a fresh folder with limits on time, memory, files and output.

Contained: wall time, and for each process its CPU time, address space, open files and the size of what it writes; core dumps,
output, environment, standard input. What the command left running in its process group is killed, a loop of forks
too. The folder is removed afterwards, and with it what was written to TMPDIR.

**Not** contained (a plain subprocess, same user): the network; reading outside of the folder, so also the tests themselves and
/proc; writing where that user may write, and how many files; signals to that user's processes; the number of processes; a
process that leaves the group with `setsid` lives on, though not beyond its own CPU time.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from crrl.schema import Files

OutcomeKind = Literal["passed", "failed", "timeout", "memory", "crashed", "unavailable"]

SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin"
_SHELL = "/bin/sh"
# Limits are set by a shell that then becomes the command: about 1 ms, against 10 ms for a second interpreter, and unlike
# preexec_fn it lets Python start the process without copying the page tables of a trainer that holds a model.
# The soft limit on time sends SIGXCPU; at the hard one, a second later, the kernel kills, which looks like a lack of memory.
_SET_LIMITS = """\
ulimit -c 0; ulimit -S -t "$1"; ulimit -H -t "$2"; ulimit -v "$3"; ulimit -f "$4"; ulimit -n "$5"; shift 5; exec "$@"
"""
_BLOCK_BYTES = 512
_POLL_S = 0.002


@dataclass(frozen=True)
class Limits:
    """What one command may use."""

    wall_s: float = 10.0
    """Seconds from start to end."""
    cpu_s: float = 10.0
    """Seconds of processor time of each process, rounded up to whole seconds."""
    memory_mb: int = 1024
    """Address space of each process, in MiB."""
    file_mb: int = 16
    """Size of each file written, and of each of stdout and stderr, in MiB."""
    open_files: int = 128
    """File descriptors of each process."""
    output_chars: int = 20_000
    """Characters kept of each of stdout and stderr (the last ones)."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    kind: `passed` (exit code 0), `failed` (another), `timeout`, `memory`, `crashed` (killed by a signal, or its files cannot
    be laid out in a folder), `unavailable` (it was not run: our fault, not the program's).
    """

    kind: OutcomeKind
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    wall_s: float = 0.0


def run(command: Sequence[str], files: Files, limits: Limits) -> Outcome:
    """Run `command` in a fresh folder that holds `files`.

    Args:
        command: program and arguments; `python` means this interpreter. Other programs are looked up in SEARCH_PATH only;
            a script of the folder is run by its interpreter (`sh run.sh`).
        files: relative path → text. A path that leaves the folder, or that no folder can hold, gives `crashed`.
        limits: what it may use.

    Returns:
        The outcome; never raises for anything that the command or the files do.

    Cost: about 2 ms above the command itself (docs/rewards.md).
    """
    started = time.monotonic()
    program = _find_program(command)
    if program is None:
        return Outcome("unavailable", stderr=f"no program {' '.join(command[:1])!r} in {SEARCH_PATH}")
    try:
        with _fresh_folder() as folder:
            if problem := _write_files(folder, files):
                return Outcome("crashed", stderr=problem)
            return _run_in(folder, [program, *command[1:]], limits, started)
    except OSError as error:
        return Outcome("unavailable", stderr=f"cannot run {program}: {error}", wall_s=time.monotonic() - started)


def _find_program(command: Sequence[str]) -> str | None:
    if not command:
        return None
    if command[0] == "python":
        return sys.executable
    # `which` would take a relative path from our own folder, not from the command's.
    if "/" in command[0] and not command[0].startswith("/"):
        return None
    return shutil.which(command[0], path=SEARCH_PATH)


@contextlib.contextmanager
def _fresh_folder() -> Iterator[Path]:
    # realpath: on some systems the temporary folder is a link, and a program that compares its paths must not notice.
    folder = Path(tempfile.mkdtemp(prefix="crrl-")).resolve()
    try:
        yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove what a program left, even folders it made unreadable or nested deeper than Python can walk."""
    try:
        shutil.rmtree(folder)
    except (OSError, RecursionError):
        subprocess.run(["/bin/chmod", "-R", "u+rwx", str(folder)], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["/bin/rm", "-rf", str(folder)], check=False, stderr=subprocess.DEVNULL)


def _write_files(folder: Path, files: Files) -> str | None:
    """Lay out the files; returns what is wrong with them, or None. Raises OSError if the disk fails."""
    for path, text in files.items():
        parts = path.split("/")
        if not path or "\0" in path or path.startswith("/") or ".." in parts:
            return f"path {path!r} leaves the folder"
        place = folder.joinpath(*parts)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            # surrogatepass: text that is no valid Unicode must fail as a program, not as our error.
            place.write_bytes(text.encode("utf-8", "surrogatepass"))
        except (FileExistsError, NotADirectoryError, IsADirectoryError, UnicodeEncodeError):
            return f"path {path!r} cannot be a file of this tree"
        except OSError as error:
            if error.errno in (errno.ENAMETOOLONG, errno.EINVAL):
                return f"path {path!r} is no file name: {error.strerror}"
            raise
    return None


def _run_in(folder: Path, command: list[str], limits: Limits, started: float) -> Outcome:
    # Files, not pipes: nothing to drain, the size limit caps them, and a process that survives cannot keep us waiting.
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            [_SHELL, "-c", _SET_LIMITS, _SHELL, *_shell_limits(limits), *command],
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            ended = _wait(process, limits.wall_s - (time.monotonic() - started))
        finally:
            _kill_group(process)
        code = process.wait()
        out, err = _read_end(stdout, limits.output_chars), _read_end(stderr, limits.output_chars)
    return Outcome(_kind(ended, code, err), code, out, err, time.monotonic() - started)


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": SEARCH_PATH,
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",  # the order of a set must not decide a reward
    }


def _shell_limits(limits: Limits) -> list[str]:
    cpu_s = _allowed(resource.RLIMIT_CPU, max(1, math.ceil(limits.cpu_s)))
    file_bytes = _allowed(resource.RLIMIT_FSIZE, limits.file_mb << 20)
    return [
        str(cpu_s),
        str(_allowed(resource.RLIMIT_CPU, cpu_s + 1)),
        str(_allowed(resource.RLIMIT_AS, limits.memory_mb << 20) // 1024),
        str(file_bytes // _BLOCK_BYTES),
        str(_allowed(resource.RLIMIT_NOFILE, limits.open_files)),
    ]


def _allowed(kind: int, wanted: int) -> int:
    """`wanted`, or this process's own hard limit if that is lower: to ask for more would end the shell."""
    hard = resource.getrlimit(kind)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> bool:
    """Whether the process ended in time; it is not reaped. Popen.wait would poll, up to 50 ms too long."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:  # Linux before 5.3, as on many clusters, or a container that forbids it
        return _wait_polling(process.pid, timeout_s)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(max(0.0, timeout_s) * 1000))
    finally:
        os.close(descriptor)


def _wait_polling(pid: int, timeout_s: float) -> bool:
    end = time.monotonic() + timeout_s
    # WNOWAIT: not reaped, so that its number still names its group when that is killed.
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() >= end:
            return False
        time.sleep(_POLL_S)
    return True


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # The leader is not reaped yet, so its number cannot have become another process's.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _read_end(stream: IO[bytes], chars: int) -> str:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - 4 * chars))
    return stream.read().decode("utf-8", "replace")[-chars:]


def _kind(ended: bool, code: int, stderr: str) -> OutcomeKind:
    if not ended or code == -signal.SIGXCPU:
        return "timeout"
    if code == 0:
        return "passed"
    # Both only tell two failures apart: a program that fakes them gains nothing.
    if code == -signal.SIGKILL or "MemoryError" in stderr[-200:]:
        return "memory"
    return "failed" if code > 0 else "crashed"
