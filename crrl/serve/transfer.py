"""All servers of a run as one receiver of whole weights, for vLLM's NCCL engine (serve.sync nccl).

vLLM's `NCCLTrainerWeightTransferEngine` in the trainer tells the servers by such an object what comes next, while it broadcasts
the weights to their GPUs: one process group, rank 0 the trainer, then the GPUs of each server in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from crrl.serve.client import Server

JOIN_S = 600.0
"""A server has this long to join the process group: NCCL builds its connections meanwhile."""


@dataclass(frozen=True)
class WeightTransfer:
    """vLLM's `VLLMWeightSyncClient`; each call returns once all servers have answered, or raises the first one's ServerError."""

    servers: Sequence[Server]
    gpus: int
    """Of each server; each is a rank of the process group."""
    timeout_s: float
    """Of one round of weights."""
    broken: Future[None] = field(default_factory=Future)
    """Holds the first failure. Who waits for NCCL needs it: a broadcast to a server that has given up never ends."""

    @property
    def world_size(self) -> int:
        """Ranks of the process group, the trainer's included."""
        return 1 + len(self.servers) * self.gpus

    def init_weight_transfer_engine(self, init_info: Mapping[str, Any]) -> None:
        """Have every server join the process group, each at ranks of its own."""
        first = int(init_info["rank_offset"])

        def join(place: int, server: Server) -> None:
            info = {**init_info, "rank_offset": first + place * self.gpus}
            server.control("/init_weight_transfer_engine", {"init_info": info}, JOIN_S)

        self._all(join)

    def start_weight_update(self) -> None:
        """Let nothing be generated from here on: in between, layers are without weights."""

        def start(_: int, server: Server) -> None:
            server.control("/pause?mode=wait", {}, self.timeout_s)
            server.control("/start_weight_update", {}, self.timeout_s)

        self._all(start)

    def update_weights(self, update_info: Any) -> None:
        """Have every server receive what is broadcast meanwhile."""
        self._all(
            lambda _, server: server.control("/update_weights", {"update_info": update_info}, self.timeout_s),
        )

    def finish_weight_update(self, weight_version: str | None = None) -> None:
        """Let the servers generate again, from the new weights."""

        def finish(_: int, server: Server) -> None:
            server.control("/finish_weight_update", {"weight_version": weight_version}, self.timeout_s)
            server.reset_prefix_cache()
            server.control("/resume", {}, self.timeout_s)

        self._all(finish)

    def _all(self, act: Callable[[int, Server], None]) -> None:
        pool = ThreadPoolExecutor(max_workers=len(self.servers))
        try:
            calls = [pool.submit(act, place, server) for place, server in enumerate(self.servers)]
            done, _ = wait(calls, return_when=FIRST_EXCEPTION)
            failure = next((call.exception() for call in done if call.exception()), None)
        finally:
            pool.shutdown(wait=False)
        if failure is not None:
            if not self.broken.done():
                self.broken.set_exception(failure)
            raise failure
