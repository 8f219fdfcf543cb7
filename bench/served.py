"""A vLLM server for a benchmark, by the command line and the environment of a run's; ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from crrl.cluster.rendezvous import claim_port
from crrl.config import RunConfig
from crrl.serve.access import write_token
from crrl.serve.client import Sampling, Server, ServerError
from crrl.serve.command import server_command, server_environment
from crrl.serve.endpoint import Endpoint
from crrl.serve.fleet import BASE_MODEL
from crrl.serve.vllm_process import VllmProcess

START_S = 900.0


@contextlib.contextmanager
def served(config: RunConfig, model: Path, folder: Path, cores: set[int] | None = None) -> Iterator[Endpoint]:
    """The server, once it gives completions. `cores`: where it runs; None: anywhere. Its output is `folder`/vllm.log."""
    token = folder / "server.token"
    write_token(token)
    port = claim_port()
    command = server_command(config, str(model), "127.0.0.1", port.number)
    with (folder / "vllm.log").open("ab") as log, _said_to(log.fileno()), _on(cores):
        process = VllmProcess(command, server_environment(config, token), folder / "vllm.log")
    endpoint = Endpoint("bench", f"http://127.0.0.1:{port.number}", str(token), 1, str(model))
    server = Server(endpoint, START_S)
    try:
        _wait_until(lambda: _answers(server), process)
        yield endpoint
    finally:
        server.close()
        process.end()


def _answers(server: Server) -> bool:
    try:
        server.complete([1], 1, Sampling(max_tokens=1), model=BASE_MODEL)
        return True
    except ServerError:
        return False


def _wait_until(is_so: Callable[[], bool], process: VllmProcess) -> None:
    end = time.monotonic() + START_S
    while not is_so():
        if words := process.has_ended():
            raise RuntimeError(f"vLLM {words}: {process.complaint() or process.last_line()}")
        if time.monotonic() > end:
            raise RuntimeError(f"vLLM was not up within {START_S:g} s: {process.last_line()}")
        time.sleep(0.2)


@contextlib.contextmanager
def _on(cores: set[int] | None) -> Iterator[None]:
    """What is started in it runs on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def _said_to(log: int) -> Iterator[None]:
    """What is started in it says what it says there: the server's process has its keeper's output."""
    before = os.dup(1), os.dup(2)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        yield
    finally:
        os.dup2(before[0], 1)
        os.dup2(before[1], 2)
        os.close(before[0])
        os.close(before[1])
