"""The kernel's limits on each process."""

from __future__ import annotations

import math
import resource


def limits_of(
    cpu_s: float, memory_mb: int, file_mb: int, open_files: int, processes: int
) -> dict[int, tuple[int, int]]:
    """Resource → soft and hard limit, none above what this process itself is allowed.

    The soft limit on time sends SIGXCPU; at the hard one, a second later, the kernel kills.
    """
    seconds = max(1, math.ceil(cpu_s))
    wanted = {
        resource.RLIMIT_CPU: (seconds, seconds + 1),
        resource.RLIMIT_AS: (memory_mb << 20,) * 2,
        resource.RLIMIT_FSIZE: (file_mb << 20,) * 2,
        resource.RLIMIT_NOFILE: (open_files,) * 2,
        resource.RLIMIT_NPROC: (processes,) * 2,
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_MEMLOCK: (0, 0),
    }
    return {kind: (_allowed(kind, soft), _allowed(kind, hard)) for kind, (soft, hard) in wanted.items()}


def set_limits(limits: dict[int, tuple[int, int]]) -> None:
    for kind, pair in limits.items():
        resource.setrlimit(kind, pair)


def _allowed(kind: int, wanted: int) -> int:
    """`wanted`, or this process's own hard limit if that is lower: to ask for more would be refused."""
    hard = resource.getrlimit(kind)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
