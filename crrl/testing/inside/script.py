"""Runs `python SCRIPT`, `-m MODULE` or `-c CODE` and reports whether it came to its own end."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Callable
from types import CodeType, ModuleType, TracebackType
from typing import Any, NoReturn

from crrl.testing.inside.origin import ROOT, is_answer_code
from crrl.testing.inside.prepare import signer
from crrl.testing.inside.rewrite import _MARK, GUARDS, compile_test, fresh_builtins
from crrl.testing.inside.vault import Codes
from crrl.testing.inside.verdict import end

_show = traceback.print_exc
_open_code, _isfile = io.open_code, os.path.isfile


def leave(code: Any = None) -> NoReturn:
    """`sys.exit` in the tests' code."""
    raise SystemExit(code)


def end_script(job: dict[str, Any], codes: Codes, public: dict[str, Any]) -> NoReturn:
    """Run the job's program and report how it ended."""
    code, is_over = run_script(job, codes, public["guard"])
    end(signer(public), [f"script {code} {int(is_over)}"], code)


def run_script(job: dict[str, Any], codes: Codes, guard: Callable[[ModuleType], dict[str, Any]]) -> tuple[int, bool]:
    """Run a program as `__main__`: (exit code, whether it ended by itself).

    guard: what takes a module's namespace out of the answer's sight; done for code of the tests.

    job: form: `script`, `module` or `code`; target: path, name or source; arguments: what follows it.
    """
    try:
        code, name = _main_code(job, codes)
        main = ModuleType("__main__")
        vars(main).update(__file__=name, __builtins__=_builtins_for(name, codes))
        sys.modules["__main__"] = main
        sys.argv = [job["target"] if job["form"] == "script" else name, *job["arguments"]]
        exec(code, guard(main) if job["form"] == "code" or name in codes else vars(main))
    except SystemExit as error:
        # Only the tests end a run; an answer that is imported by them and leaves has skipped what follows.
        return _status(error), not (job["is_tests_own"] and _passed_through_answer(error.__traceback__))
    except BaseException:
        _show()
        return 1, True
    return 0, True


def _main_code(job: dict[str, Any], codes: Codes) -> tuple[CodeType, str]:
    if job["form"] == "code":
        return compile_test(job["target"], "<string>"), "-c"
    path = ROOT + job["target"]
    if job["form"] == "module":
        path = next((place for place in _module_places(job["target"]) if _isfile(place)), "")
        if not path:
            import runpy

            _, spec, code = runpy._get_module_details(job["target"])  # type: ignore[attr-defined]
            return code, spec.origin
    if path in codes:
        return codes[path][0], path
    with _open_code(path) as stream:
        return compile(stream.read(), path, "exec", dont_inherit=True), path


def _module_places(name: str) -> tuple[str, str]:
    start = ROOT + name.replace(".", os.sep)
    return os.path.join(start, "__main__.py"), start + ".py"


def _status(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    print(error.code, file=sys.stderr)
    return 1


def _passed_through_answer(trace: TracebackType | None) -> bool:
    while trace is not None:
        if is_answer_code(trace.tb_frame.f_code) and trace.tb_frame.f_globals is not globals():
            return True
        trace = trace.tb_next
    return False


def _builtins_for(path: str, codes: Codes) -> Any:
    return sys.modules["builtins"] if path in codes and codes[path][1] else fresh_builtins()


def install_exit() -> None:
    """Let `sys.exit` of the tests' code mean ours."""
    GUARDS[_MARK + "exit"] = leave
