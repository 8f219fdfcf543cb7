"""All weights from the trainer's GPUs into the servers', by vLLM's own NCCL engine (serve.sync nccl).

Needs GPUs: its parts are tested without, the whole is not. vLLM 0.31 does the transfer; here is what it asks for: the weights,
gathered one by one where ZeRO-3 holds them in parts, and the servers (crrl.serve.transfer).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import torch

from crrl.cluster.plan import roles
from crrl.cluster.rendezvous import Port, claim_port, own_address
from crrl.config import RunConfig
from crrl.errors import RunError
from crrl.serve.client import Server
from crrl.serve.fleet import Fleet
from crrl.serve.transfer import WeightTransfer
from crrl.train.publishing import gathered
from crrl.train.ranks import Ranks


class Weight(NamedTuple):
    """What is said of one weight before it comes: vLLM's `ParamMeta`."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]


@dataclass(frozen=True)
class WholeWeights:
    """A model's weights, each gathered when its turn comes: vLLM's `WeightSource`. To be iterated on all ranks in step."""

    model: torch.nn.Module
    dtype: torch.dtype
    """The servers'."""

    def metadata(self) -> list[Weight]:
        """Name, type and whole shape of each, in the order in which they come; gathers nothing. Tied weights come once."""
        return [Weight(name, self.dtype, _whole_shape(weight)) for name, weight in self.model.named_parameters()]

    def __iter__(self) -> Iterator[tuple[str, torch.Tensor]]:
        for name, weight in self.model.named_parameters():
            with gathered([weight]):
                # A copy: vLLM still packs it when ZeRO-3 has divided the weight again.
                yield name, weight.detach().to(self.dtype, copy=True)

    @property
    def size(self) -> int:
        """Bytes of one round."""
        return sum(torch.Size(one.shape).numel() * one.dtype.itemsize for one in self.metadata())


class NcclPublisher:
    """A `Publisher`. The servers that are up at the first round are those of all: one that dies ends the attempt."""

    def __init__(self, config: RunConfig, trainer: Any, ranks: Ranks, fleet: Fleet | None) -> None:
        """`fleet`: on rank 0 only."""
        self._config = config
        self._device = torch.device(trainer.accelerator.device)
        self._ranks = ranks
        self._fleet = fleet
        model = trainer.accelerator.unwrap_model(trainer.model)
        self._weights = WholeWeights(model, getattr(torch, config.serve.dtype or config.grpo.dtype))
        self._transfer: WeightTransfer | None = None
        self._port: Port | None = None
        self._engine: Any = None

    def collect(self, version: int) -> Callable[[Fleet], int]:
        """Send the weights as they stand; on all ranks. Raises ServerError if a server fails meanwhile."""
        if self._fleet is None:
            self._send()
        else:
            transfer = self._transfer = self._transfer or self._to(self._fleet)
            finish_or_break(self._send, transfer.broken)
        return lambda _: self._weights.size

    def _to(self, fleet: Fleet) -> WeightTransfer:
        servers, wanted = fleet.servers(), roles(self._config).servers
        if len(servers) != wanted:
            raise RunError(
                f"{len(servers)} of {wanted} servers are up: serve.sync nccl needs all of them from the start"
            )
        return WeightTransfer(servers, roles(self._config).server_gpus, self._config.serve.request_s)

    def _send(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.set_device(self._device)  # of this thread
        if self._engine is None:
            self._engine = self._joined()
        self._engine.send_weights()

    def _joined(self) -> Any:
        """vLLM's engine, in one process group with the servers on rank 0."""
        from vllm.distributed.weight_transfer.nccl_engine import NCCLTrainerInitInfo, NCCLTrainerWeightTransferEngine

        address, port, world_size = "", 0, 0
        if self._transfer is not None:
            self._port = claim_port()
            address, port, world_size = (
                self._address(self._transfer.servers),
                self._port.number,
                self._transfer.world_size,
            )
        info = NCCLTrainerInitInfo(address, port, world_size, rank=self._ranks.rank)
        return NCCLTrainerWeightTransferEngine.trainer_init(info, client=self._transfer, source=self._weights)

    def _address(self, servers: Sequence[Server]) -> str:
        """This node's, as the servers reach it."""
        hosts = [urlsplit(server.endpoint.url).hostname or "" for server in servers]
        return own_address("" if "127.0.0.1" in hosts else self._config.cluster.network_interface, hosts)


def finish_or_break(act: Callable[[], None], broken: Future[None]) -> None:
    """Do what NCCL may never let end, in a thread of its own: returns when it has, raises what it raises, or what breaks it."""
    done: Future[None] = Future()

    def run() -> None:
        try:
            act()
            done.set_result(None)
        except BaseException as error:  # whatever it is, who waits has to know
            done.set_exception(error)

    Thread(target=run, name="nccl", daemon=True).start()
    first, _ = wait([done, broken], return_when=FIRST_COMPLETED)
    (broken if broken in first else done).result()


def _whole_shape(weight: torch.nn.Parameter) -> tuple[int, ...]:
    return tuple(getattr(weight, "ds_shape", weight.shape))
