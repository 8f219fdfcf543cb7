"""The other nodes of a job, by their names and by the addresses that Slurm reaches them at."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from crrl.cluster.queue import answer


def other_nodes(host: Mapping[str, str], ask: Callable[[Sequence[str]], str | None] = answer) -> list[str]:
    """Names first, then addresses: not on every cluster do names mean something outside of Slurm."""
    nodes = host.get("SLURM_JOB_NODELIST", "")
    if not nodes:
        return []
    me = host.get("SLURMD_NODENAME", "")
    names = (ask(["scontrol", "show", "hostnames", nodes]) or "").split()
    said = ask(["scontrol", "--oneliner", "show", "node", nodes]) or ""
    addresses = [address for name, address in re.findall(r"NodeName=(\S+).*?NodeAddr=(\S+)", said) if name != me]
    return list(dict.fromkeys([*(name for name in names if name != me), *addresses]))
