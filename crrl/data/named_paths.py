"""The files and folders that a run's data settings name: made absolute where the run is recorded, shown to its image."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from crrl.data.hub import is_hub_name
from crrl.data.mixture import is_mixture
from crrl.data.paths import local_path

_OPTIONS = ("path", "clones")
_ALWAYS = ("jsonl", "commits")
"""What follows these names is a path even if there is nothing (yet): others may name a data set of the hub."""
_SHARE = re.compile(r":[0-9.]+(e-?[0-9]+)?$")


def absolute_source(source: str) -> str:
    """A source, or mixture of sources, with its local paths made absolute."""
    if is_mixture(source):
        parts = [(_SHARE.sub("", part.strip()), _SHARE.search(part.strip())) for part in source.split(",")]
        return ",".join(absolute_source(part) + (share[0] if share else "") for part, share in parts)
    name, colon, path = source.partition(":")
    if colon and path and _is_path(path, always=name in _ALWAYS):
        return f"{name}:{_absolute(path)}"
    if not colon and source.endswith((".jsonl", ".jsonl.gz")):
        return _absolute(source)
    return source


def absolute_options(options: Mapping[str, str]) -> dict[str, str]:
    """Options with their local paths made absolute."""
    return {
        name: _absolute(value) if _names_path(name) and _is_path(value, always=False) else value
        for name, value in options.items()
    }


def local_paths(source: str, options: Mapping[str, str]) -> list[str]:
    """The absolute paths in a source and its options, each once."""
    named = [part if part.startswith("/") else part.partition(":")[2] for part in source_parts(source)]
    named += [value for name, value in options.items() if _names_path(name)]
    return list(dict.fromkeys(path for path in named if path.startswith("/")))


def hub_names(source: str, options: Mapping[str, str]) -> list[str]:
    """The data sets of the hub in a source and its options, as `owner/name` or `owner/name@revision`, each once."""
    named = [part.partition(":")[2] for part in source_parts(source)]
    named += [value for name, value in options.items() if name.rpartition(".")[2] == "path"]
    return list(dict.fromkeys(name for name in named if is_hub_name(name)))


def source_parts(source: str) -> list[str]:
    """The sources of a mixture, without their shares; of any other source, itself."""
    return [_SHARE.sub("", part.strip()) for part in source.split(",")] if is_mixture(source) else [source]


def _names_path(option: str) -> bool:
    return option.rpartition(".")[2] in _OPTIONS


def _is_path(text: str, *, always: bool) -> bool:
    return always or text.startswith(("/", "~", "./", "../")) or local_path(text).exists()


def _absolute(text: str) -> str:
    return os.path.abspath(local_path(text))  # noqa: PTH100 (keeps symbolic links)
