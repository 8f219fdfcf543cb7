"""Landlock: the file system and the signals that a process and its children may still reach. Needs no privilege.

https://docs.kernel.org/userspace-api/landlock.html; ABI 1 is Linux 5.13, 2: 5.19, 3: 6.2, 4: 6.7, 5: 6.10, 6: 6.12.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

from .kernel import syscall

_CREATE, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_ALL_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_TCP = 3  # bind, connect: all of it refused
_SCOPES = 3  # abstract sockets, signals
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READING = _EXECUTE | _READ_FILE | _READ_DIR
SCOPING_ABI = 6


def abi() -> int:
    """The version that this kernel offers; 0: none."""
    try:
        return syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    except OSError:
        return 0


def build_ruleset(read: Iterable[str], write: Iterable[str], devices: Iterable[str]) -> int:
    """A descriptor of the rules: what is beneath `read` may be read and run, `write` too and changed, `devices` used.

    Paths that are not there are left out. Everything else of the file system, TCP, and signals and abstract sockets of
    processes outside are refused, as far as the ABI knows them.
    """
    version = abi()
    everything = _ALL_BY_ABI[min(version, 5)]
    attributes = struct.pack("=QQQ", everything, _TCP, _SCOPES)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    for paths, rights in (
        (read, _READING),
        (write, everything & ~(_MAKE_CHAR | _MAKE_BLOCK)),
        (devices, _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV),
    ):
        for path in paths:
            _allow(ruleset, path, rights & everything)
    return ruleset


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights, place)
        syscall(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(place)


def restrict_self(ruleset: int) -> None:
    """No way back; new privileges must have been forbidden before."""
    syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
