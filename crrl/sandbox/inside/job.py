"""One job: a fresh folder with its files, a forked child behind the walls, and what came of it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import CodeType
from typing import Any, NoReturn

from . import program, rlimits, sweep, watch, wire
from .boxes import Box
from .hidden import Hidden

_READY, _COMPILED, _FAILED = b"r", b"c", b"!"
"""What the child says before its program runs: the walls stand; `-c` compiles; or why neither (then a text follows)."""
_REPORT = 3
_HIGH = 100


class JobError(Exception):
    """The walls could not be put up: nobody's fault but ours."""


class Request:
    """What our process asks for: header and blobs as they came."""

    def __init__(self, header: dict[str, Any], blobs: list[bytes]) -> None:
        self.command: list[str] = header["command"]
        self.python: bool = header["python"]
        self.fresh: bool = header["fresh"]
        self.limits: dict[str, Any] = header["limits"]
        self.end = time.monotonic() + header["wall_s"]
        self.stdin, *texts = blobs
        self.files = dict(zip(header["paths"], texts, strict=True))


class Codes:
    """Compiled `-c` programs by text. Only what a job compiled behind the walls is compiled here: a text may be a trap."""

    _MOST = 64

    def __init__(self) -> None:
        self._codes: dict[str, CodeType] = {}

    def get(self, text: str) -> CodeType | None:
        return self._codes.get(text)

    def keep(self, text: str) -> None:
        if text not in self._codes:
            if len(self._codes) >= self._MOST:
                self._codes.pop(next(iter(self._codes)))
            self._codes[text] = program.compile_text(text)


class Shop:
    """Where jobs are done, one after the other."""

    def __init__(self, box: Box, hidden: Hidden, channel: int) -> None:
        self._box = box
        self._hidden = hidden
        self._channel = channel
        self._codes = Codes()
        # Once: each look into the names of modules touches pages that a fork shares.
        self._loaded = {name.partition(".")[0] for name in hidden.names()}

    def run(self, request: Request) -> tuple[dict[str, Any], list[bytes]]:
        """Header and blobs (stdout, stderr, report) of the answer. Raises JobError, and OSError if a wall cannot be built."""
        started = time.monotonic()
        self._box.open(request.limits["folder_mb"], request.limits["folder_files"])
        try:
            _write_files(self._box.folder, request.files)
            streams = [os.memfd_create(name) for name in ("stdout", "stderr", "report")]
            try:
                how, status, marks = self._fork(request, streams)
                keep = 4 * request.limits["output_chars"]
                ends = [_end(stream, keep) for stream in streams[:2]]
                answer = [*ends, os.pread(streams[2], request.limits["report_bytes"], 0)]
            finally:
                for stream in streams:
                    os.close(stream)
        finally:
            self._box.close()
        if _FAILED in marks or (how == "ended" and not marks):
            raise JobError(marks.decode("utf-8", "replace") or "the job's process ended before its program began")
        if marks == _READY + _COMPILED:
            self._codes.keep(request.command[request.command.index("-c") + 1])
        return {"how": how, "status": status, "wall_s": time.monotonic() - started}, answer

    def _fork(self, request: Request, streams: list[int]) -> tuple[str, int | None, bytes]:
        """How it ended, its status, and what the child said of itself before the program began."""
        limits = rlimits.limits_of(
            request.limits["cpu_s"],
            request.limits["memory_mb"],
            request.limits["file_mb"],
            request.limits["open_files"],
            self._box.most_processes(request.limits["processes"]),
        )
        plan = None if request.fresh or not request.python else program.parse_command(request.command)
        if plan and self._shadows(request.files):
            plan = None
        marks, mark = os.pipe()
        child = os.fork()
        if not child:
            self._become(request, limits, plan, streams, mark)
        os.close(mark)
        try:
            how = watch.watch(child, request.end, lambda: _look(request), self._channel)
        finally:
            status = sweep.kill_all(child)
            said = os.read(marks, 4096)
            os.close(marks)
        if how == "abandoned":
            raise wire.WireError("our process is gone")
        return how, status, said

    def _shadows(self, files: dict[str, bytes]) -> bool:
        """Whether a name of the tree is that of a module that is loaded here: Python would have found the tree's."""
        return not self._loaded.isdisjoint(part.partition(".")[0] for path in files for part in path.split("/"))

    def _become(
        self,
        request: Request,
        limits: dict[int, tuple[int, int]],
        plan: program.Program | None,
        streams: list[int],
        mark: int,
    ) -> NoReturn:
        """The child: gives up everything, then is the program."""
        try:
            os.setsid()
            os.chdir(self._box.folder)
            _take_streams(request.stdin, streams)
            mark = _keep_open(mark, self._box)
            code = self._codes.get(plan.text) if plan else None
            if plan:
                program.prepare(plan, self._hidden)
            self._box.enter()
            rlimits.set_limits(limits)
            os.write(mark, _READY)
            if plan:
                code = _compile(plan, code, mark)
                os.close(mark)
                program.run(plan, code)
            program.run_afresh([sys.executable, *request.command] if request.python else request.command)
        except BaseException as error:
            os.write(mark, _FAILED + repr(error).encode("utf-8", "replace")[:1000])
        finally:
            os._exit(1)


def _look(request: Request) -> watch.Ending:
    folders = (Path(f"/proc/{pid}") for pid in sweep.family())
    return "memory" if watch.uses_more_memory(folders, request.limits["memory_mb"]) else "ended"


def _keep_open(mark: int, box: Box) -> int:
    """Close all but the streams, the mark, and what the box needs, which get the numbers after the report's."""
    if box.descriptor >= 0:
        box.descriptor = os.dup2(box.descriptor, _HIGH + _REPORT + 2)
    mark = os.dup2(mark, _REPORT + 1, inheritable=False)
    if box.descriptor >= 0:
        box.descriptor = os.dup2(box.descriptor, _REPORT + 2)
    os.closerange(_REPORT + (2 if box.descriptor < 0 else 3), os.sysconf("SC_OPEN_MAX"))
    return mark


def _compile(plan: program.Program, code: CodeType | None, mark: int) -> CodeType | None:
    if plan.kind != "-c" or code:
        return code
    try:
        code = program.compile_text(plan.text)
    except BaseException:  # told by the program itself, in its own way
        return None
    os.write(mark, _COMPILED)
    return code


def _take_streams(stdin: bytes, streams: list[int]) -> None:
    source = os.memfd_create("stdin") if stdin else os.open("/dev/null", os.O_RDONLY)
    if stdin:
        with open(source, "wb", closefd=False) as stream:
            stream.write(stdin)
        os.lseek(source, 0, os.SEEK_SET)
    # Out of the way first: one of them may have a number that is given out.
    high = [os.dup2(each, _HIGH + place) for place, each in enumerate((source, *streams))]
    for place, each in enumerate(high):
        os.dup2(each, place)


def _write_files(folder: str, files: dict[str, bytes]) -> None:
    made = {folder}
    for path, text in files.items():
        place = os.path.join(folder, path)
        parent = os.path.dirname(place)
        if parent not in made:
            os.makedirs(parent, exist_ok=True)
            made.add(parent)
        with open(place, "wb") as stream:
            stream.write(text)


def _end(stream: int, size: int) -> bytes:
    whole = os.lseek(stream, 0, os.SEEK_END)
    return os.pread(stream, size, max(0, whole - size))
