"""The cold path of the level `namespaces`: bubblewrap, a shell that sets the limits, the program. Nothing is kept."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import io
import os
import resource
import select
import signal
import subprocess
import tarfile
import termios
import time
from collections.abc import Sequence
from pathlib import Path

from crrl.errors import SandboxError
from crrl.sandbox import bubblewrap
from crrl.sandbox.inside import boxes, rlimits, seccomp, watch
from crrl.sandbox.outcome import REPORT_BYTES, Limits, Outcome, build_outcome

# Descriptor 0 comes in as the report's, because a shell can only move descriptors of one digit. dash says -p where bash
# says -u. tar only for trees of more files than descriptors should be spent on.
_SET_LIMITS = """\
unset PWD; ulimit -c 0; ulimit -S -t "$1"; ulimit -H -t "$2"; ulimit -v "$3"; ulimit -f "$4"; ulimit -n "$5"
ulimit -u "$6" 2>/dev/null || ulimit -p "$6"; exec 3<&0 0<"$7"; shift 7"""
_UNPACK = "tar -xf /run/tree.tar; "
_MOST_DESCRIPTORS = 64
_HIDES_THE_FIRST = ("--size", "4096", "--perms", "0555", "--tmpfs", "/proc/1", "--remount-ro", "/proc/1")
"""The first process is bubblewrap's own, without the filter; an ordinary user's program has its user id, and could change it."""
_ENV = "/usr/bin/env"
_HEEDED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_BLOCK_BYTES = 512
_WITHOUT_PIDFD_S = 0.001


def run_cold(command: Sequence[str], tree: dict[str, bytes], limits: Limits, stdin: bytes, started: float) -> Outcome:
    """Run `command` (its program is a path) in fresh namespaces. Raises SandboxError and OSError for what is our fault."""
    with contextlib.ExitStack() as opened:
        out, err, report = (_memory_file(opened, b"") for _ in range(3))
        rules = _memory_file(opened, _filter())
        gate = _gate(opened)
        settings, options = bubblewrap.open_settings(opened)
        options += ["--die-with-parent", "--seccomp", str(rules), "--block-fd", str(gate)]
        options += ["--size", str(limits.folder_mb << 20), "--tmpfs", boxes.PLACE, "--dir", f"{boxes.PLACE}/shm"]
        options += ["--dir", bubblewrap.WORK, "--chdir", bubblewrap.WORK, *_HIDES_THE_FIRST]
        given = _files(opened, tree, stdin)
        if len(tree) <= _MOST_DESCRIPTORS:
            options += [
                word
                for path in bubblewrap.folders_above(tuple(tree))
                for word in ("--dir", f"{bubblewrap.WORK}/{path}")
            ]
        for descriptor, option, place in given:
            options += ["--perms", "0644", option, str(descriptor), place]
        prepare = (_UNPACK if len(tree) > _MOST_DESCRIPTORS else "") + bubblewrap.give_away(boxes.PLACE) + _SET_LIMITS
        numbers = [*_shell_limits(limits), "/run/stdin" if stdin else "/dev/null"]
        line = bubblewrap.command_line(options, [*_heeding_signals(), *command], prepare=prepare, arguments=numbers)
        passed = [rules, gate, *settings, *(each for each, _, _ in given)]
        process, first = bubblewrap.start(line, stdin=report, stdout=out, stderr=err, pass_fds=passed)
        how = _wait(process, first, started + limits.wall_s, limits, gate)
        streams = (
            _end(out, 4 * limits.output_chars),
            _end(err, 4 * limits.output_chars),
            os.pread(report, REPORT_BYTES, 0),
        )
        if how == "ended" and not _was_passed(gate):
            raise SandboxError(
                f"bubblewrap ended before the program began: {streams[1].decode('utf-8', 'replace')[-300:]}"
            )
    return build_outcome(how, process.returncode, streams, limits, time.monotonic() - started)


def _heeding_signals() -> list[str]:
    """Words that let the program heed what our process ignores: a background job, say, ignores Ctrl-C, and what it starts too."""
    names = [each.name.removeprefix("SIG") for each in _HEEDED if signal.getsignal(each) is signal.SIG_IGN]
    words = [_ENV, f"--default-signal={','.join(names)}"]
    return words if names and _is_known(words[1]) else []


@functools.lru_cache(maxsize=8)
def _is_known(option: str) -> bool:
    """Whether this machine's env has the option: coreutils 8.31 and later."""
    return not subprocess.run([_ENV, option, "true"], check=False, stderr=subprocess.DEVNULL).returncode


def _gate(opened: contextlib.ExitStack) -> int:
    """A pipe that holds one byte. bubblewrap takes it when all walls stand, so the program cannot pretend they do not."""
    gate, fill = os.pipe()
    opened.callback(os.close, gate)
    os.write(fill, b"1")
    os.close(fill)
    return gate


def _was_passed(gate: int) -> bool:
    return fcntl.ioctl(gate, termios.FIONREAD, b"\0" * 4) == b"\0" * 4


def _memory_file(opened: contextlib.ExitStack, content: bytes) -> int:
    descriptor = os.memfd_create("crrl")
    opened.callback(os.close, descriptor)
    if content:
        with open(descriptor, "wb", closefd=False) as stream:
            stream.write(content)
        os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


@functools.lru_cache(maxsize=1)
def _filter() -> bytes:
    return seccomp.render_filter(seccomp.IN_NAMESPACES)


def _files(opened: contextlib.ExitStack, tree: dict[str, bytes], stdin: bytes) -> list[tuple[int, str, str]]:
    """Descriptor, bubblewrap's option and place of everything that is handed in."""
    given = [(_memory_file(opened, stdin), "--ro-bind-data", "/run/stdin")] if stdin else []
    if len(tree) > _MOST_DESCRIPTORS:
        return [*given, (_memory_file(opened, _tar(tree)), "--ro-bind-data", "/run/tree.tar")]
    return given + [(_memory_file(opened, text), "--file", f"{bubblewrap.WORK}/{path}") for path, text in tree.items()]


def _tar(tree: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, text in tree.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.mtime = len(text), 0o644, int(time.time())
            archive.addfile(entry, io.BytesIO(text))
    return packed.getvalue()


def _shell_limits(limits: Limits) -> list[str]:
    # One more process: bubblewrap's own first process counts where it has the program's user id.
    processes = limits.processes + (0 if bubblewrap.is_root() else 1)
    found = rlimits.limits_of(limits.cpu_s, limits.memory_mb, limits.file_mb, limits.open_files, processes)
    soft, hard = found[resource.RLIMIT_CPU]
    return [
        str(soft),
        str(hard),
        str(found[resource.RLIMIT_AS][1] // 1024),
        str(found[resource.RLIMIT_FSIZE][1] // _BLOCK_BYTES),
        str(found[resource.RLIMIT_NOFILE][1]),
        str(found[resource.RLIMIT_NPROC][1]),
    ]


def _wait(process: subprocess.Popen[bytes], first: int, end: float, limits: Limits, gate: int) -> watch.Ending:
    """Until the program ended or must be; then until its whole namespace is gone."""
    root = Path(f"/proc/{first}/root")
    with contextlib.ExitStack() as opened:
        gone = _open_process(first, opened)
        try:
            how = watch.watch(process.pid, end, lambda: _look(root, limits, gate))
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if gone is not None:
                    signal.pidfd_send_signal(gone, signal.SIGKILL)
                elif process.poll() is None:
                    os.kill(first, signal.SIGKILL)
            # bubblewrap ends before the namespace does: the first process is a zombie only when all others are gone.
            _await_end(first, gone)
            process.wait()
    return how


def _open_process(pid: int, opened: contextlib.ExitStack) -> int | None:
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None
    opened.callback(os.close, descriptor)
    return descriptor


def _await_end(pid: int, descriptor: int | None) -> None:
    if descriptor is not None:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while True:
            os.kill(pid, 0)
            time.sleep(_WITHOUT_PIDFD_S)


def _look(root: Path, limits: Limits, gate: int) -> watch.Ending:
    if not _was_passed(gate):  # still this machine's own files and processes
        return "ended"
    try:
        folder = os.statvfs(root / boxes.PLACE.lstrip("/"))
        processes = [root / "proc" / entry for entry in os.listdir(root / "proc") if entry.isdecimal()]
    except OSError:  # gone
        return "ended"
    if folder.f_files - folder.f_ffree > limits.folder_files + 4:
        return "files"
    return "memory" if watch.uses_more_memory(processes, limits.memory_mb) else "ended"


def _end(descriptor: int, size: int) -> bytes:
    whole = os.lseek(descriptor, 0, os.SEEK_END)
    return os.pread(descriptor, size, max(0, whole - size))
