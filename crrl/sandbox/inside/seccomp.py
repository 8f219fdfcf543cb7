"""The filter on system calls: written out as BPF, so that neither libseccomp nor a compiler is needed.

A rule names calls and what their arguments must be to be let through; every other call is let through. Each refusal is an
errno, as if the kernel could not do it: a program that asks is told so, and may go on.
"""

from __future__ import annotations

import errno
import platform
import struct
from typing import NamedTuple

from .syscalls import ARCHITECTURES, numbers

_LOAD, _EQUAL, _SET, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x54, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_X32_BIT = 0x40000000
_WHOLE = 0xFFFFFFFF

_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_SOCK_STREAM, _SOCK_SEQPACKET = 1, 5
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}
_O_ACCMODE, _O_TRUNC = 3, 0o1000


class Check(NamedTuple):
    """`argument & mask` must be one of `values`."""

    argument: int
    values: tuple[int, ...]
    mask: int = _WHOLE


class Rule(NamedTuple):
    """The calls are refused with `code` unless every check holds; without checks always."""

    calls: str
    checks: tuple[Check, ...] = ()
    code: int = errno.EPERM


# Whatever reaches the kernel's rarely used parts, other processes' memory, mounts, keys, clocks.
_PRIVILEGED = Rule(
    "ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise process_mrelease move_pages migrate_pages "
    "mount umount2 pivot_root chroot open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick mount_setattr "
    "unshare setns kexec_load kexec_file_load bpf perf_event_open keyctl add_key request_key userfaultfd init_module "
    "finit_module delete_module reboot swapon swapoff quotactl quotactl_fd acct settimeofday clock_settime clock_adjtime "
    "adjtimex syslog lookup_dcookie name_to_handle_at open_by_handle_at fanotify_init vhangup iopl ioperm modify_ldt "
    "personality"
)
# ENOSYS makes libraries fall back to older calls (clone3 → clone, whose flags can be read here). Memory that no limit
# counts (memfd, System V) and queues that outlive their process are not there at all.
_ABSENT = Rule(
    "clone3 io_uring_setup io_uring_enter io_uring_register memfd_create memfd_secret shmget shmat msgget semget mq_open",
    code=errno.ENOSYS,
)
_NO_NAMESPACES = Rule("clone", (Check(0, (0,), _NEW_NAMESPACES),))
# The server has the same user id: a job must not lower its priority or its limits. 0 is the caller itself.
_OWN_LIMITS_ONLY = (
    Rule("prlimit64 sched_setaffinity sched_setscheduler sched_setparam sched_setattr", (Check(0, (0,)),)),
    Rule("setpriority", (Check(0, (0,)), Check(1, (0,)))),
    Rule("ioprio_set", (Check(0, (1,)), Check(1, (0,)))),
)
EVERYWHERE = (_PRIVILEGED, _ABSENT, _NO_NAMESPACES, *_OWN_LIMITS_ONLY)

# AF_VSOCK, AF_PACKET, AF_ALG and others are not, or not always, divided by network namespaces.
IN_NAMESPACES = (
    *EVERYWHERE,
    Rule("socket", (Check(0, (_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK)),), errno.EAFNOSUPPORT),
)

# The host's network and sockets are there: only a connected pair may be made (what asyncio and multiprocessing need). A
# pair of datagram sockets could still send to any address.
_PAIRS_ONLY = (
    Rule("socket connect bind listen accept accept4", code=errno.EACCES),
    Rule("socketpair", (Check(0, (_AF_UNIX,)), Check(1, (_SOCK_STREAM, _SOCK_SEQPACKET), 0xF)), errno.EACCES),
)
# Landlock does not know these: said to be done, and not done, because `shutil.copy` asks for them.
_NO_CHANGE_OF_MODES = Rule(
    "chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes utimensat futimesat setxattr lsetxattr "
    "fsetxattr removexattr lremovexattr fremovexattr setxattrat removexattrat file_setattr",
    code=0,
)
# Below ABI 3 Landlock lets whoever may read a file empty it.
_NO_TRUNCATION_WITHOUT_WRITING = (
    Rule("truncate"),
    Rule("open", (Check(1, (0, 1, 2, 3, 0o1001, 0o1002, 0o1003), _O_ACCMODE | _O_TRUNC),)),
    Rule("openat", (Check(2, (0, 1, 2, 3, 0o1001, 0o1002, 0o1003), _O_ACCMODE | _O_TRUNC),)),
    Rule("openat2", code=errno.ENOSYS),
)
UNDER_LANDLOCK = (*EVERYWHERE, *_PAIRS_ONLY, _NO_CHANGE_OF_MODES, *_NO_TRUNCATION_WITHOUT_WRITING)


def own_signals_only(pid: int) -> tuple[Rule, ...]:
    """For kernels where Landlock does not scope signals (ABI below 6): to itself and its group, or to nobody."""
    return (
        Rule("kill tgkill tkill", (Check(0, (0, pid)),)),
        Rule("rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal"),
    )


def is_supported() -> bool:
    return platform.machine() in ARCHITECTURES


def render_filter(rules: tuple[Rule, ...], machine: str | None = None) -> bytes:
    """The rules as a program of struct sock_filter. A call of another architecture (32 bit, x32) ends the process."""
    machine = machine or platform.machine()
    table = numbers(machine)
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        *([(_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _KILL)] if machine == "x86_64" else []),
    ]
    for rule in rules:
        body = _body(rule)
        for call in rule.calls.split():
            if call in table:
                lines += [(_EQUAL, 0, len(body), table[call]), *body]
    return b"".join(struct.pack("=HBBI", *line) for line in [*lines, (_RETURN, 0, 0, _ALLOW)])


def _body(rule: Rule) -> list[tuple[int, int, int, int]]:
    refuse = (_RETURN, 0, 0, _ERRNO | rule.code)
    lines: list[tuple[int, int, int, int]] = []
    for argument, values, mask in rule.checks:
        lines.append((_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument))
        if mask != _WHOLE:
            lines.append((_AND, 0, 0, mask))
        # Each value that fits jumps over the values after it and over the refusal.
        lines += [(_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
        lines.append(refuse)
    return [*lines, (_RETURN, 0, 0, _ALLOW)] if rule.checks else [refuse]
