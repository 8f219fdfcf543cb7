"""The oracle of doctest files: examples run in the sandbox, what they should print stays here."""

from __future__ import annotations

import doctest
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from crrl.errors import DataError
from crrl.schema import Files
from crrl.testing.style import doctest_files, doctest_options

_CHECKER = doctest.OutputChecker()


@dataclass(frozen=True)
class Example:
    """One example: its id `FILE:LINE` (its first line, from 1), its source, and what it should print or raise."""

    test_id: str
    source: str
    want: str
    exc_msg: str | None
    flags: int


def read_examples(arguments: Sequence[str], tests: Files) -> list[list[Example]]:
    """The examples that `python -m doctest ARGUMENTS` runs, file by file, without those marked `+SKIP`.

    Raises DataError for a file that is no doctest, or an option flag that does not exist.
    """
    flags = 0
    for name in doctest_options(arguments).values():
        if name not in doctest.OPTIONFLAGS_BY_NAME:
            raise DataError(f"tests.command: doctest has no option {name!r}")
        flags |= doctest.OPTIONFLAGS_BY_NAME[name]
    return [list(_examples_of(path, tests[path], flags)) for path in doctest_files(arguments)]


@lru_cache(maxsize=1024)
def _examples_of(path: str, text: str, flags: int) -> tuple[Example, ...]:
    try:
        found = doctest.DocTestParser().get_examples(text, path)
    except ValueError as error:
        raise DataError(f"the test file {path} is no doctest: {error}") from error
    examples = []
    for example in found:
        own = flags
        for flag, is_on in example.options.items():
            own = own | flag if is_on else own & ~flag
        if not own & doctest.SKIP:
            examples.append(Example(f"{path}:{example.lineno + 1}", example.source, example.want, example.exc_msg, own))
    return tuple(examples)


def job_of(files: Sequence[Sequence[Example]]) -> dict[str, Any]:
    """What the sandbox is told: ids and sources."""
    return {"files": [[(example.test_id, example.source) for example in examples] for examples in files]}


def compare(files: Sequence[Sequence[Example]], got: Mapping[str, tuple[str, str]], finished: bool) -> dict[str, bool]:
    """Example → whether it printed or raised what it should, as doctest decides it.

    Args:
        files: the examples.
        got: id → (what was printed, the last lines of the exception's traceback or "").
        finished: whether the run came to its own end. If not, an example that should print nothing counts as failed: that
            it printed nothing is then no evidence that it ran.
    """
    results = {}
    for examples in files:
        for example in examples:
            found = got.get(example.test_id)
            is_empty = not example.want and not finished
            results[example.test_id] = found is not None and not is_empty and _passes(example, *found)
    return results


def _passes(example: Example, printed: str, raised: str) -> bool:
    if not raised:
        shown = printed if not printed or printed.endswith("\n") else printed + "\n"
        return _CHECKER.check_output(example.want, shown, example.flags)
    if example.exc_msg is None:
        return False
    if _CHECKER.check_output(example.exc_msg, raised, example.flags):
        return True
    if not example.flags & doctest.IGNORE_EXCEPTION_DETAIL:
        return False
    return _CHECKER.check_output(_without_detail(example.exc_msg), _without_detail(raised), example.flags)


def _without_detail(message: str) -> str:
    """The name of an exception's class: of `a.b.Error: text`, `Error`."""
    name = message.partition("\n")[0].partition(":")[0]
    return name.rpartition(".")[2]
