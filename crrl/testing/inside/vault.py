"""Where a run's secrets are: what passed so far, and the tests' code.

They are local variables of a running generator. Nothing but its frame leads to them, and to look at frames is noted (audit.py).
It answers messages, and believes those about results only if the answer's code is nowhere on the stack.
"""

from __future__ import annotations

import _imp
import _signal  # type: ignore[import-not-found]  # what `signal` is made of has no stub
import sys
from collections.abc import Generator
from types import CodeType, FrameType, FunctionType, SimpleNamespace
from typing import Any

from crrl.testing.inside.audit import library_file
from crrl.testing.inside.origin import PUBLIC_FILE, TEST_CODES, is_answer_code, is_answer_frame
from crrl.testing.inside.rewrite import fresh_builtins
from crrl.testing.inside.verdict import signature, tampered

_getframe, _set_signal, _create_builtin = sys._getframe, _signal.signal, _imp.create_builtin
_QUIET = frozenset("__spec__ __name__ __path__ __file__ __loader__ __class__ __package__ __doc__".split())
"""Attributes of modules that the import system and introspection of ordinary programs ask for."""
_MAIN = ("run_job", "run_script_job", "run_framework_job")
_OURS_ALONE = ("touch", "space", "code", "signal", "builtin")
"""Messages that only the functions which libraries call back may send: they are answered with what the answer must not see, or
done for who called these."""
Codes = dict[str, tuple[CodeType, bool]]
"""File of the tests → its code, and whether it may see the real builtins."""
Vault = Generator[Any, tuple[Any, ...], None]


def vault(codes: Codes, known_words: frozenset[str], may_expect_failure: bool, nonce: str) -> Vault:
    """A generator to send messages to.

    Args:
        codes: the tests' code.
        nonce: what the report is signed with.
        known_words: see `watch`.
        may_expect_failure: whether the tests say of any test that it fails.
    """
    states: dict[str, str] = {}
    returned: set[str] = set()
    spaces: dict[int, tuple[Any, dict[str, Any]]] = {}
    current = ""
    reply: Any = None
    while True:
        message = yield reply
        kind, reply = message[0], None
        if kind in _OURS_ALONE and not _is_public(_getframe(1)):
            tampered(f"the answer asked for {kind}")
        if kind == "touch":
            reply = spaces[id(message[2])][1]
            _check_touch(message[1], reply, known_words)
        elif kind == "space":
            spaces[id(message[1])] = (message[1], message[2])
        elif kind == "is test":
            reply = message[1] in codes
        elif kind == "code":
            code, needs_real = codes[message[1]]
            reply = (code, sys.modules["builtins"].__dict__ if needs_real else fresh_builtins())
        elif kind == "signal":
            if "signal" not in known_words and not _is_librarys_signal(_getframe(2)):
                tampered("the answer set a signal handler")
            reply = _tried(_set_signal, message[1], message[2])
        elif kind == "builtin":
            name = getattr(message[1], "name", None)
            if "signal" not in known_words and (type(name) is not str or name in ("_signal", "_imp")):
                tampered(f"the answer made {name} anew")
            reply = _tried(_create_builtin, SimpleNamespace(name=name))
        elif not _is_honest_stack(_getframe(1)):
            tampered("the answer told results")
        elif kind == "sign":
            reply = signature(nonce, message[1])
        elif kind == "expect":
            states |= dict.fromkeys(message[1], "missing")
        elif kind == "start":
            current = message[1]
        elif kind == "returned":
            if _is_test_code(message[1]):
                returned.add(current)
            else:
                tampered("the answer replaced a test")
        elif kind == "status":
            states[message[1]] = _worse(states.get(message[1]), message[2])
        elif kind == "results":
            reply = {name: _counts(name in returned, state, may_expect_failure) for name, state in states.items()}


_ORDER = ("failed", "skipped", "xfailed", "xpassed", "passed")


def _worse(old: str | None, new: str) -> str:
    return new if old in (None, "missing") else min(old, new, key=_ORDER.index)


def _counts(has_returned: bool, state: str, may_expect_failure: bool) -> bool:
    """Whether a test passed: the framework says so, and its code was seen to come to its end."""
    if state == "xfailed":
        return may_expect_failure
    return has_returned and (state == "passed" or (state == "xpassed" and may_expect_failure))


def _is_public(frame: FrameType) -> bool:
    return frame.f_code.co_filename == PUBLIC_FILE and id(frame.f_code) in TEST_CODES


def _check_touch(name: str, space: dict[str, Any], known_words: frozenset[str]) -> None:
    caller = _getframe(3)  # _check_touch, the vault, GuardedModule, who asked
    module = str(space.get("__name__"))
    if (
        name not in _QUIET
        and is_answer_frame(caller)
        and known_words.isdisjoint((module.rpartition(".")[2], "modules"))
    ):
        tampered(f"the answer looked at {module}.{name}")


def _is_librarys_signal(frame: FrameType | None) -> bool:
    """Whether a function of a library's, or of the tests', sets a signal handler of its own accord.

    One that does not name `signal` was given it to call, as `contextlib.ExitStack.callback` is.
    """
    while frame is not None and library_file(frame) == "signal.py" and not is_answer_frame(frame):
        frame = frame.f_back
    return frame is not None and "signal" in frame.f_code.co_names and not is_answer_frame(frame)


def _tried(function: Any, *arguments: Any) -> tuple[Any, Exception | None]:
    """What a function returns, or raises: the vault must not end by it."""
    try:
        return function(*arguments), None
    except Exception as error:
        return None, error.with_traceback(None)


def _is_honest_stack(frame: FrameType | None) -> bool:
    """Whether no code of the answer's called, and it was our run, or a thread that the tests themselves started, that did."""
    is_tests_thread = False
    while frame is not None:
        code = frame.f_code
        if frame.f_globals is globals() and code.co_name in _MAIN:
            return True
        if is_answer_frame(frame):
            return False
        is_tests_thread |= id(code) in TEST_CODES and code.co_filename != PUBLIC_FILE
        frame = frame.f_back
    return is_tests_thread


def _is_test_code(function: Any) -> bool:
    """Whether a test is still the tests' own function, or a library's wrapper around it."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None:
        return not isinstance(function, FunctionType)
    # A library that makes functions of text names them <after itself>; `exec` alone says <string>.
    is_made = code.co_filename.startswith("<") and code.co_filename != "<string>"
    return is_made or not is_answer_code(code)
