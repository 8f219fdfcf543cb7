"""What a job may use of its node: not what the login node allows that it was submitted from."""

from __future__ import annotations

import resource

_RAISED = (
    resource.RLIMIT_CPU,
    resource.RLIMIT_AS,
    resource.RLIMIT_DATA,
    resource.RLIMIT_FSIZE,
    resource.RLIMIT_NPROC,
    resource.RLIMIT_MEMLOCK,  # NCCL locks the memory that it sends from over InfiniBand
    resource.RLIMIT_NOFILE,
)
_MOST_FILES = 65_536
"""More than vLLM wants; some programs go through all numbers that files may have."""


def raise_limits() -> None:
    """Raise the soft limits of this process, and so of all that it starts, to the hard ones.

    Slurm gives a job the soft limits of the shell that submitted it (PropagateResourceLimits, by default all of them). Those of a
    login node are made for people: some minutes of processor time, few processes and files, no memory to lock. The hard ones are
    the node's own.
    """
    for kind in _RAISED:
        soft, hard = resource.getrlimit(kind)
        wanted = _lower(hard, _MOST_FILES) if kind == resource.RLIMIT_NOFILE else hard
        if _lower(soft, wanted) != wanted:
            resource.setrlimit(kind, (wanted, hard))


def _lower(one: int, other: int) -> int:
    if resource.RLIM_INFINITY in (one, other):  # -1
        return max(one, other)
    return min(one, other)
