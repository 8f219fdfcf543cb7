"""Runs a Python program in this process as `python …` would in a new one.

What a program can see of the difference is listed in docs/sandbox.md; what would differ otherwise is not run here, but by a
new interpreter (`parse_command` answers None).
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import os
import runpy
import signal
import sys
import traceback
import types
from importlib.machinery import BuiltinImporter, SourceFileLoader
from typing import Any, NamedTuple, NoReturn

from .hidden import Hidden

_FLAGS = frozenset("BEISsu")
_BROKEN_OUTPUT = 120  # what Python ends with if its output cannot be written at the end


class Program(NamedTuple):
    """A command of the forms `python [-flags] (-c CODE | -m MODULE | SCRIPT) …`."""

    flags: frozenset[str]
    kind: str
    """-c, -m or script."""
    text: str
    """Code, module name or path."""
    arguments: tuple[str, ...]


def parse_command(arguments: list[str]) -> Program | None:
    """What follows `python`; None for what only a new interpreter can do."""
    flags: set[str] = set()
    for place, argument in enumerate(arguments):
        if argument in ("-c", "-m") and place + 1 < len(arguments):
            return Program(frozenset(flags), argument, arguments[place + 1], tuple(arguments[place + 2 :]))
        if not argument.startswith("-"):
            is_script = argument.endswith(".py")
            return Program(frozenset(flags), "script", argument, tuple(arguments[place + 1 :])) if is_script else None
        if argument == "-" or not _FLAGS.issuperset(argument[1:]):
            return None
        flags.update(argument[1:])
    return None


def compile_text(text: str) -> types.CodeType:
    return compile(text, "<string>", "exec", dont_inherit=True)


def prepare(program: Program, hidden: Hidden) -> None:
    """Give this process the streams, paths and names that the program's own interpreter would have."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if "u" in program.flags:
        open_streams(is_unbuffered=True)
    sys.orig_argv[:] = [sys.executable, program.kind, program.text, *program.arguments]
    sys.dont_write_bytecode = "B" in program.flags or not program.flags & {"E", "I"}
    sys.meta_path.insert(0, hidden)
    if program.kind == "-m":
        __import__("runpy")
    if program.kind == "script":
        sys.argv = [program.text, *program.arguments]
        first = os.path.dirname(os.path.realpath(program.text))
    else:
        sys.argv = [program.kind, *program.arguments]
        first = os.getcwd() if program.kind == "-m" else ""
    if "I" not in program.flags:
        sys.path.insert(0, first)


def run(program: Program, code: types.CodeType | None) -> NoReturn:
    """Run it to its end, and end this process as Python would. `code`: the compiled text of `-c`, if it is known."""
    main = _fresh_main()
    # Our own frames must not cost the program recursion.
    sys.setrecursionlimit(sys.getrecursionlimit() + _depth())
    status, sign = 0, 0
    try:
        _execute(program, code, main)
    except SystemExit as error:
        status = _exit_status(error)
    except KeyboardInterrupt as error:
        _show(error)
        sign = signal.SIGINT
    except BaseException as error:
        _show(error)
        status = 1
    _finish(main, status, sign)


def _execute(program: Program, code: types.CodeType | None, main: types.ModuleType) -> None:
    if program.kind == "-m":
        runpy._run_module_as_main(program.text)  # type: ignore[attr-defined]
        return
    if program.kind == "script":
        path = os.path.abspath(program.text)
        main.__file__ = path
        main.__cached__ = None  # type: ignore[attr-defined]
        main.__loader__ = SourceFileLoader("__main__", path)
        code = _compile_file(program, path)
    exec(code or compile_text(program.text), main.__dict__)


def _compile_file(program: Program, path: str) -> types.CodeType:
    """What cannot be read or compiled is left to a new interpreter, which says so in its own words."""
    try:
        with open(path, "rb") as source:
            return compile(source.read(), path, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        flags = [f"-{flag}" for flag in sorted(program.flags)]
        run_afresh([sys.executable, *flags, program.text, *program.arguments])


def run_afresh(command: list[str]) -> NoReturn:
    """This process becomes `command`, with the signals as a new process has them."""
    for sign in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(sign, signal.SIG_DFL)
    os.execve(command[0], command, os.environ)


def _fresh_main() -> types.ModuleType:
    main = types.ModuleType("__main__")
    main.__loader__ = BuiltinImporter
    main.__dict__.update(__builtins__=__import__("builtins"), __annotations__={})
    sys.modules["__main__"] = main
    return main


def open_streams(is_unbuffered: bool = False) -> None:
    """Streams like the ones Python makes at its start. The server makes them once, for files like a job's, before it forks."""
    sys.stdin = sys.__stdin__ = _stream(0, "r", "<stdin>", "surrogateescape")  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _stream(1, "w", "<stdout>", "surrogateescape", is_unbuffered)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _stream(2, "w", "<stderr>", "backslashreplace", is_unbuffered, True)  # type: ignore[misc]


def _stream(
    descriptor: int, mode: str, name: str, errors: str, is_unbuffered: bool = False, is_by_line: bool = False
) -> io.TextIOWrapper:
    raw: Any = open(descriptor, mode + "b", buffering=0 if is_unbuffered else -1, closefd=False)  # noqa: SIM115
    (raw if is_unbuffered else raw.raw).name = name
    stream = io.TextIOWrapper(
        raw,
        "utf-8",
        errors,
        newline="\n" if mode == "w" else None,
        line_buffering=is_by_line,
        write_through=is_unbuffered,
    )
    stream.mode = mode  # type: ignore[misc]
    return stream


def _depth() -> int:
    frame: types.FrameType | None = sys._getframe()
    depth = 0
    while frame:
        depth, frame = depth + 1, frame.f_back
    return depth


def _exit_status(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF if abs(error.code) < 1 << 63 else 0xFF
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    with contextlib.suppress(Exception):
        sys.stderr.write(f"{error.code}\n")
    return 1


def _show(error: BaseException) -> None:
    """The traceback without our own frames."""
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    error.__traceback__ = trace
    try:
        sys.excepthook(type(error), error, trace)
    except BaseException:
        traceback.print_exc()


def _finish(main: types.ModuleType, status: int, sign: int) -> NoReturn:
    """Threads are waited for, then exit functions, then what __main__ holds, then the output."""
    with contextlib.suppress(BaseException):
        sys.modules["threading"]._shutdown()
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    with contextlib.suppress(BaseException):
        main.__dict__.clear()
        gc.collect()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except BaseException:
            status = _BROKEN_OUTPUT
    if sign:
        signal.signal(sign, signal.SIG_DFL)
        os.kill(os.getpid(), sign)
    os._exit(status)
