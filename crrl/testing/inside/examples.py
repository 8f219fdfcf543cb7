"""Runs the examples of doctest files, without knowing what they should print, and reports what they did print or raise."""

from __future__ import annotations

import io
import sys
import traceback
from types import CodeType
from typing import Any

from crrl.testing.inside.audit import watch
from crrl.testing.inside.exposed import public_names
from crrl.testing.inside.origin import ROOT, unload_shadowed
from crrl.testing.inside.rewrite import compile_test, fresh_builtins
from crrl.testing.inside.verdict import end, hexed, signature, write_report

_format = traceback.format_exception_only


def run_examples(job: dict[str, Any]) -> None:
    """Run every example of every file. Does not return.

    job: nonce; known_words; files: a list of lists of (id, source).
    """
    nonce = job.pop("nonce")
    unload_shadowed()
    sys.path.insert(0, ROOT[:-1])
    public = public_names(None)
    watch(frozenset(job["known_words"]))
    for examples in job["files"]:
        public["shown"] = builtins = fresh_builtins()
        names: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
        for name, source in examples:
            _run_example(name, source, names, public["show"])
    end(lambda lines: signature(nonce, lines), [], 0)


def _run_example(name: str, source: str, names: dict[str, Any], show: Any) -> None:
    printed, raised = io.StringIO(), ""
    sys.stdout, sys.displayhook = printed, show
    try:
        exec(_compiled(name, source), names)
    except BaseException as error:  # SystemExit too, as doctest does
        raised = _raised(error)
    # A value of type str: a class derived from it could have methods of the answer's.
    write_report([f"example {hexed(name)} {hexed(str(printed.getvalue()))} {hexed(raised)}"])


def _compiled(name: str, source: str) -> CodeType:
    return compile_test(source, f"<doctest {name}>", "single")


def _raised(error: BaseException) -> str:
    """The last lines of a traceback, as doctest compares them: for a SyntaxError without the quoted line."""
    try:
        lines = _format(type(error), error)
        kind = type(error)
        if issubclass(kind, SyntaxError):
            starts = (f"{kind.__qualname__}:", f"{kind.__module__}.{kind.__qualname__}:")
            first = next((index for index, line in enumerate(lines) if line.startswith(starts)), 0)
            lines = lines[first:]
        return "".join(map(str, lines))
    except BaseException:
        return "an exception that cannot be shown\n"
