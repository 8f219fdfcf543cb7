"""What a program may see of this machine's file system: this interpreter, the system's programs and libraries."""

from __future__ import annotations

import functools
import os
import site
import sys
from pathlib import Path

SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin"
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
INSIDE = Path(__file__).parent / "inside"
"""The fork server's code."""
ETC = Path(__file__).parent / "etc"
"""Stand-ins for files that name users and machines."""
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = ("ld.so.cache", "localtime", "services")
ALTERNATIVES = "/etc/alternatives"
"""Links that some programs of Debian are reached by."""


def system_paths() -> list[str]:
    return [path for path in _SYSTEM if os.path.lexists(path)]


@functools.lru_cache(maxsize=1)
def stand_ins() -> tuple[str, ...]:
    return tuple(str(path) for path in sorted(ETC.iterdir()))


def settings_paths() -> list[str]:
    """Files below /etc that programs need and that say nothing about this machine's users."""
    return [path for name in _SETTINGS if os.path.isfile(path := f"/etc/{name}")]


@functools.lru_cache(maxsize=1)
def interpreter_paths() -> tuple[str, ...]:
    """This interpreter, its standard library and its site-packages, as few folders as hold them, none below /usr."""
    wanted = {sys.prefix, sys.base_prefix, sys.exec_prefix, *site.getsitepackages()}
    wanted |= {os.path.dirname(os.path.dirname(path)) for path in _links(sys.executable)}
    wanted |= {os.path.realpath(path) for path in wanted}
    outside = sorted(path for path in wanted if os.path.isdir(path) and not _is_below(path, "/usr"))
    return tuple(path for path in outside if not any(_is_below(path, other) for other in outside if other != path))


def _links(path: str) -> list[str]:
    """The path, and what it links to, step by step."""
    found = [path]
    while os.path.islink(path) and len(found) < 40:
        path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
        found.append(path)
    return found


def _is_below(path: str, folder: str) -> bool:
    return os.path.commonpath((path, folder)) == folder


def environment(folder: str) -> dict[str, str]:
    """All that a program finds in its environment."""
    return {
        "PATH": SEARCH_PATH,
        "LANG": "C.UTF-8",
        "HOME": folder,
        "TMPDIR": folder,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",  # the order of a set must not decide a reward
    }
