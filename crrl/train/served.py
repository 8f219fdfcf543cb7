"""A trainer that generates by the run's servers: what it publishes to them, where it finds them, how long it waits."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from crrl.cluster.plan import roles
from crrl.config import RunConfig
from crrl.errors import RunError
from crrl.report.attempt_folder import AttemptFolder
from crrl.report.heartbeat import ATTEMPT, SERVER, Heartbeat, read_beats
from crrl.report.run_folder import RunFolder, write_aside
from crrl.serve.endpoint import Endpoint, read_endpoints
from crrl.serve.fleet import Fleet
from crrl.serve.keeper import read_served_model
from crrl.train.fingerprint import probe_tokens
from crrl.train.nccl import NcclPublisher
from crrl.train.publishing import AdapterPublisher, FilesPublisher, Publisher
from crrl.train.rollout import Rollouts, attach
from crrl.train.run_trainer import ReinforcementTrainer

_POLL_S = 0.2
_TELL_EVERY_S = 15.0


def serve_trainer(
    config: RunConfig,
    folder: RunFolder,
    trainer: ReinforcementTrainer,
    tokenizer: PreTrainedTokenizerBase,
    tasks: Dataset,
    started_from: Path | str,
) -> None:
    """Have a trainer's completions come from the run's servers; on all ranks. Nothing is waited for yet.

    Raises RunError where no supervisor has started servers.
    """
    attempt = _own_attempt(folder)
    if trainer.ranks.is_first and config.serve.sync != "files":
        write_aside(attempt.served_model, f"{started_from}\n")
    fleet = _fleet(config, attempt, trainer.heartbeat) if trainer.ranks.is_first else None
    publisher: Publisher = AdapterPublisher(trainer, folder.adapters, config.serve.dtype or config.grpo.dtype)
    if config.serve.sync == "files":
        publisher = FilesPublisher(
            trainer, tokenizer, started_from, config.grpo.dtype, folder.weights, attempt, trainer.ranks
        )
    elif config.serve.sync == "nccl":
        publisher = NcclPublisher(config, trainer, trainer.ranks, fleet)
    rollouts = Rollouts(
        config,
        trainer,
        fleet,
        publisher,
        _waiting(config, attempt, trainer.heartbeat, tell=trainer.ranks.is_first),
        probe_tokens(tokenizer, tasks),
        trainer.heartbeat,
    )
    attach(trainer, rollouts)


def _own_attempt(folder: RunFolder) -> AttemptFolder:
    number = os.environ.get(ATTEMPT)
    if not number:
        raise RunError("this run generates by a vLLM server, which only launch.py starts; start or resume it with that")
    return folder.attempt(int(number))


def _fleet(config: RunConfig, attempt: AttemptFolder, heartbeat: Heartbeat) -> Fleet:
    serve = config.serve
    return Fleet(
        lambda: current_endpoints(attempt),
        completions_at_once=serve.max_num_seqs,
        request_timeout_s=serve.request_s,
        # As long as a server has to notice that it is stuck, and to start again; then its keeper has ended the run.
        patience_s=2 * serve.silent_s + serve.start_min * 60,
        on_wait=heartbeat.advance,
    )


def current_endpoints(attempt: AttemptFolder) -> list[Endpoint]:
    """The servers that are up, without those that have loaded another model than is wanted by now."""
    wanted = read_served_model(attempt)
    return [endpoint for endpoint in read_endpoints(attempt.servers) if not wanted or endpoint.model == wanted]


def _waiting(config: RunConfig, attempt: AttemptFolder, heartbeat: Heartbeat, *, tell: bool) -> Callable[[], None]:
    """Waits until every server was up once. Each has a keeper that ends the run when it does not come up in time."""
    came: set[tuple[str, str]] = set()

    def are_up(wanted: str) -> bool:
        came.update((endpoint.name, wanted) for endpoint in current_endpoints(attempt))
        return len([model for _, model in came if model == wanted]) >= roles(config).servers

    def wait() -> None:
        wanted, started = read_served_model(attempt), time.monotonic()
        told = started
        with heartbeat.during("wait for the servers"):
            while not are_up(wanted):
                heartbeat.advance()
                if tell and time.monotonic() - told > _TELL_EVERY_S:
                    told = time.monotonic()
                    print(f"waiting for the server: {told - started:.0f} s so far, {_doing(attempt)}", flush=True)
                time.sleep(_POLL_S)

    return wait


def _doing(attempt: AttemptFolder) -> str:
    """What the servers do, and where to read more."""
    beats = [beat for beat in read_beats(attempt.heartbeats).values() if beat.role == SERVER]
    said = ", ".join(f"{beat.phase} on {beat.node}" for beat in beats) or "no sign of one"
    return f"{said}; see logs/{attempt.number}/server-*.log"
