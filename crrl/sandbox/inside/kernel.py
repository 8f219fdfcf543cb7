"""Calls of the kernel that Python 3.11 has no name for."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION_3 = 0x20080522

MS_NOSUID, MS_NODEV, MS_REMOUNT = 2, 4, 32
MNT_DETACH = 2


def syscall(number: int, *arguments: Any) -> int:
    return _checked(_libc.syscall(ctypes.c_long(number), *arguments))


def mount(kind: bytes, place: bytes, flags: int, options: bytes) -> None:
    _checked(_libc.mount(kind, place, kind, ctypes.c_ulong(flags), options))


def unmount(place: bytes) -> None:
    """The mount is gone from sight at once, and freed as soon as nothing uses it."""
    _checked(_libc.umount2(place, MNT_DETACH))


def set_dumpable(is_dumpable: bool) -> None:
    """Whether processes of the same user may look into this one (/proc/PID/mem, ptrace)."""
    _prctl(_PR_SET_DUMPABLE, int(is_dumpable))


def adopt_orphans() -> None:
    """What a descendant leaves behind becomes this process's child, not init's."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def forbid_new_privileges() -> None:
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


_no_capabilities = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()


def drop_capabilities() -> None:
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    _checked(_libc.capset(*_no_capabilities))


class _Program(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def load_filter(program: bytes) -> Callable[[], None]:
    """What puts the calling process, and what it starts, under a seccomp filter (struct sock_filter, 8 bytes each).

    Two steps, because everything that is made before a fork is cheap after it.
    """
    text = ctypes.create_string_buffer(program, len(program))
    whole = _Program(len(program) // 8, ctypes.cast(text, ctypes.c_void_p))
    place = ctypes.addressof(whole)

    def apply() -> None:
        assert text and whole  # kept as long as this function
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, place)

    return apply


_libc.prctl.argtypes = [ctypes.c_int, *(4 * [ctypes.c_ulong])]


def _prctl(option: int, second: Any = 0, third: Any = 0) -> None:
    _checked(_libc.prctl(option, second, third, 0, 0))


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
