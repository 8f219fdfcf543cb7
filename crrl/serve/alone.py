"""A vLLM server for one caller, outside any run: started, waited for, ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import tempfile
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

_POLL_S = 0.5


@contextlib.contextmanager
def serving(
    config: RunConfig, model: str, *, cores: set[int] | None = None, on_wait: Callable[[str], None] = lambda said: None
) -> Iterator[Endpoint]:
    """The server of `model`, set up by `config` as in a run, on this machine alone, once it gives completions.

    Args:
        cores: where it runs; None: where this process may.
        on_wait: hears again and again what it said last, until it is up.

    Raises ServerError, with its own words, if it does not come up within serve.start_min.
    """
    with tempfile.TemporaryDirectory(prefix="crrl-serve-") as name:
        folder = Path(name)
        token, log = folder / "token", folder / "vllm.log"
        write_token(token)
        port = claim_port()
        command = server_command(config, model, "127.0.0.1", port.number)
        with log.open("ab") as stream, _on(cores):
            process = VllmProcess(command, server_environment(config, token), log, output=stream.fileno())
        server = Server(
            Endpoint("server", f"http://127.0.0.1:{port.number}", str(token), 1, model), config.serve.request_s
        )
        try:
            _wait(process, server, config.serve.start_min * 60, on_wait)
            yield server.endpoint
        finally:
            server.close()
            process.end(below=process.pid)
            port.release()


def _wait(process: VllmProcess, server: Server, limit_s: float, on_wait: Callable[[str], None]) -> None:
    end = time.monotonic() + limit_s
    while not (server.is_healthy() and _answers(server)):
        words = process.has_ended() or (f"was not up within {limit_s:g} s" if time.monotonic() > end else "")
        if words:
            cause = process.complaint() or process.last_line()
            raise ServerError(f"the server {words}; it said: {cause}", is_final=True)
        on_wait(process.last_line())
        time.sleep(_POLL_S)


def _answers(server: Server) -> bool:
    try:
        server.complete([1], 1, Sampling(max_tokens=1), model=BASE_MODEL)
    except ServerError:
        return False
    return True


@contextlib.contextmanager
def _on(cores: set[int] | None) -> Iterator[None]:
    """What is started in it runs on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
