"""The options of a build and of its sources, described once: for calls, for command lines and for error messages."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, NamedTuple, TypeVar, get_type_hints

from crrl.errors import ConfigError

T = TypeVar("T")
NOT_CONTENT = ("path", "parts", "workers")
"""Options of sources that do not themselves decide what is built: the identity of a source stands for the first two."""


class Option(NamedTuple):
    """One field of an options dataclass; `Annotated` says what it is for, its default says its type."""

    name: str
    default: Any
    about: str


@dataclass(frozen=True)
class BuildOptions:
    """What every source understands. A limit of 0 is no limit."""

    rows: Annotated[int, "at most this many tasks; 0: all there are (toy: 1000)"] = 0
    seed: Annotated[
        int, "which programs a generated source makes, and their order; sources that are read keep theirs"
    ] = 1
    skip_bad: Annotated[int, "go on after up to this many bad rows, and list them"] = 0
    heldout_share: Annotated[float, "share of the content that belongs to the split heldout, chosen by a hash"] = 0.1
    max_prompt_tokens: Annotated[int, "drop tasks whose prompt is longer, counted by the tokenizer; 0: no limit"] = 0
    tokenizer: Annotated[Any, "name or folder of the model's tokenizer (or the tokenizer itself)"] = ""
    max_files: Annotated[int, "drop tasks that show or change more files; 0: no limit (commits: 5)"] = 0
    max_changed_lines: Annotated[int, "drop tasks that remove and add more lines; 0: no limit (commits: 200)"] = 0
    check_tests: Annotated[int, "1: run each task's tests once; one whose tests pass without a repair is a bad row"] = 0
    cache_dir: Annotated[str, "where built datasets are kept; default: CRRL_CACHE_DIR, else ~/.cache/crrl"] = ""

    def __post_init__(self) -> None:
        for name in ("rows", "skip_bad", "max_prompt_tokens", "max_files", "max_changed_lines"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name}={getattr(self, name)}: must be 0 or more")
        if self.check_tests not in (0, 1):
            raise ConfigError(f"check_tests={self.check_tests}: must be 0 or 1")
        if not 0.0 <= self.heldout_share <= 1.0:
            raise ConfigError(f"heldout_share={self.heldout_share}: must be a share between 0 and 1")
        if self.max_prompt_tokens and self.tokenizer in ("", None):
            raise ConfigError(
                "max_prompt_tokens needs tokenizer=NAME: prompts are counted by the model's own tokenizer"
            )


def known_options(*types: Any) -> dict[str, Option]:
    """Name → option, for every field of these dataclasses; the first one wins."""
    known: dict[str, Option] = {}
    for kind in types:
        hints = get_type_hints(kind, include_extras=True)
        for entry in fields(kind):
            known.setdefault(entry.name, Option(entry.name, entry.default, hints[entry.name].__metadata__[0]))
    return known


def refuse_unknown(options: Mapping[str, Any], *types: Any) -> None:
    """Raises ConfigError, with the nearest known name, if an option belongs to none of these dataclasses."""
    known = known_options(*types)
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise ConfigError(f"unknown data option {name!r}; {hint}")


def read_pairs(flag: str, words: Sequence[str]) -> dict[str, str]:
    """The options of a command line, `name=value` each. Raises ConfigError for a word that is none."""
    pairs = [word.partition("=") for word in words]
    for name, equals, value in pairs:
        if not (name and equals):
            raise ConfigError(f"{flag} {name}{equals}{value}: must be name=value, as in heldout_share=0.2")
    return {name: value for name, _, value in pairs}


def pick_options(kind: type[T], options: Mapping[str, Any]) -> T:
    """Those of the options that a dataclass knows, as one of it. Text is read as the option's type.

    Raises ConfigError for a value of another type.
    """
    known = known_options(kind)
    return kind(**{name: _value(known[name], value) for name, value in options.items() if name in known})


def _value(entry: Option, value: Any) -> Any:
    wanted = type(entry.default)
    if entry.name == "tokenizer":
        return value
    if wanted is tuple:
        items = value.split(",") if isinstance(value, str) else value
        return tuple(item.strip().lstrip(".") for item in items if item.strip())
    if wanted is str:
        return str(value)
    try:
        if isinstance(value, bool) or (wanted is int and isinstance(value, float)):
            raise ValueError
        return wanted(value)
    except (TypeError, ValueError):
        number = "a whole number" if wanted is int else "a number"
        raise ConfigError(f"{entry.name}={value!r}: must be {number} ({entry.about})") from None
