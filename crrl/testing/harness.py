"""The text that a run of tests starts in the sandbox: the files of `crrl.testing.inside` as one program."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "inside"
_ALWAYS = ("origin", "verdict", "equality", "rewrite", "exposed", "audit", "job")
_TESTS = ("vault", "prepare", "script")
_PARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "doctest": (("examples",), ("display",), "run_examples"),
    "script": ((*_TESTS, "judge_script"), ("loader",), "run_script_job"),
    "tests": ((*_TESTS, "asserts", "frameworks", "judge"), ("loader", "results"), "run_job"),
}
"""Program → its further files, the files with a namespace of their own, the function that runs a job."""
_START = """\
from __future__ import annotations
__builtins__ = dict(vars(__import__("builtins")))
"""
_END = """
PUBLIC_TEXT = {public!r}
hide_main()
{run}(read_job())
"""


@cache
def harness(program: str) -> str:
    """The program `doctest`, `script` or `tests`, for `python -I -B -c`. Cost: about 1 ms, once."""
    files, public, run = _PARTS[program]
    return _START + "".join(map(_body, (*_ALWAYS, *files))) + _END.format(public="".join(map(_body, public)), run=run)


@cache
def code_digest() -> str:
    """Changes with every change of how tests are run and read, so that results of other code are never taken for this one's."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for path in sorted((*package.glob("testing/**/*.py"), *package.glob("sandbox/**/*.py"))):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _body(name: str) -> str:
    return "".join(_without_own_imports((_FOLDER / f"{name}.py").read_text(encoding="utf-8")))


def _without_own_imports(text: str) -> Iterator[str]:
    """The lines of a file but for its imports of the other ones, and of the future."""
    is_import = False
    for line in text.splitlines(keepends=True):
        is_import = is_import or line.startswith(("from crrl.", "from __future__"))
        if not is_import:
            yield line
        is_import = is_import and line.rstrip().endswith(("(", ","))
