"""What a task's command is: examples of doctest, a test framework, a program, or something that is not Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from crrl.schema import Files

Style = Literal["doctest", "pytest", "unittest", "script", "command"]
_WITH_VALUE = ("W", "X")


@dataclass(frozen=True)
class Command:
    """A command, taken apart.

    style: see `Style`. flags: what stands between `python` and the program. form: how the program is named. target: its path,
    module or source. arguments: what follows.
    """

    style: Style
    flags: tuple[str, ...] = ()
    form: Literal["script", "module", "code"] = "script"
    target: str = ""
    arguments: tuple[str, ...] = ()


def read_command(command: Sequence[str], tests: Files) -> Command:
    """Take a task's command apart. `tests`: the task's test files.

    `python -m doctest FILE…` is of the style `doctest` if every FILE is a text file that the tests bring; with a Python file
    it is a program like any other.
    """
    if not command or command[0] != "python":
        return Command("command")
    flags, rest = _split_flags(command[1:])
    if not rest or rest[0] == "-":
        return Command("command")
    if rest[0] in ("-m", "-c"):
        if len(rest) < 2:
            return Command("command")
        form: Literal["module", "code"] = "module" if rest[0] == "-m" else "code"
        return Command(
            _module_style(rest[1], rest[2:], tests) if form == "module" else "script", flags, form, rest[1], rest[2:]
        )
    return Command("script", flags, "script", rest[0], rest[1:])


def _module_style(module: str, arguments: Sequence[str], tests: Files) -> Style:
    if module == "doctest":
        files = doctest_files(arguments)
        return "doctest" if files and all(file in tests and not file.endswith(".py") for file in files) else "script"
    if module in ("pytest", "unittest"):
        return module  # type: ignore[return-value]
    return "script"


def doctest_files(arguments: Sequence[str]) -> list[str]:
    """The files among the arguments of `python -m doctest`."""
    options = doctest_options(arguments)
    return [word for index, word in enumerate(arguments) if not word.startswith("-") and index not in options]


def doctest_options(arguments: Sequence[str]) -> dict[int, str]:
    """The option flags among the arguments of `python -m doctest` (`-o ELLIPSIS`), by their place."""
    return {index + 1: arguments[index + 1] for index, word in enumerate(arguments[:-1]) if word in ("-o", "--option")}


def _split_flags(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Python's own options, and the rest from the program on."""
    index = 0
    while index < len(words) and words[index].startswith("-") and words[index] not in ("-", "-m", "-c"):
        index += 2 if words[index][1:] in _WITH_VALUE else 1
    return tuple(words[:index]), tuple(words[index:])
