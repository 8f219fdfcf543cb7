"""The processes that train a run together: which one this is, and the few things that they do in step.

A run of one process has one rank and no process group; everything here then answers at once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together. What says "on all ranks" must be called by each, in the same order."""

    rank: int
    count: int
    on_this_node: int = 1
    """How many of them share this machine's cores."""

    @property
    def is_first(self) -> bool:
        """Whether this process writes to the run's folder: one does."""
        return self.rank == 0

    @property
    def are_many(self) -> bool:
        """Whether there is anybody to wait for."""
        return self.count > 1

    def wait(self) -> None:
        """Go on once every rank is here; on all ranks."""
        if self.are_many:
            import torch.distributed as distributed

            distributed.barrier()

    def gather(self, value: T) -> list[T]:
        """Each rank's value, by rank; on all ranks."""
        if not self.are_many:
            return [value]
        import torch.distributed as distributed

        values: list[Any] = [None] * self.count
        distributed.all_gather_object(values, value)
        return values

    def any(self, value: bool) -> bool:
        """Whether one rank says yes; on all ranks. Cheap enough for every step."""
        if not self.are_many:
            return value
        import torch
        import torch.distributed as distributed
        from accelerate import PartialState

        flag = torch.tensor([int(value)], device=PartialState().device)
        distributed.all_reduce(flag, op=distributed.ReduceOp.MAX)
        return bool(flag.item())

    def share(self, values: Sequence[T]) -> Sequence[T]:
        """The part of a sequence that is this rank's: every `count`-th."""
        return values[self.rank :: self.count]

    def joined(self, shares: Sequence[Sequence[T]]) -> list[T]:
        """The sequence whose shares, by rank, these are."""
        total = sum(len(share) for share in shares)
        return [shares[index % self.count][index // self.count] for index in range(total)]


ALONE = Ranks(0, 1)
_OF_A_LAUNCHER = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"}


def ranks_of_environment() -> Ranks:
    """The ranks that `accelerate launch` started; without it, one."""
    numbers = (int(os.environ.get(name, default)) for name, default in _OF_A_LAUNCHER.items())
    return Ranks(*numbers)
