"""Who keeps the vLLM server of a node up: starts it, publishes it once it answers, starts it again when it does not.

A server counts as up once `/health` answers and a completion has come back. From then on a completion is asked of it again and
again; one that neither gives it nor gets on with what others asked is killed and started again (crrl.serve.pulse).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from crrl.cluster.rendezvous import Port, claim_port
from crrl.config import TINY_MODEL, RunConfig
from crrl.report.attempt_folder import AttemptFolder
from crrl.report.heartbeat import Heartbeat
from crrl.serve.access import write_token
from crrl.serve.client import Sampling, Server, ServerError
from crrl.serve.command import server_command, server_environment
from crrl.serve.endpoint import Endpoint
from crrl.serve.fleet import BASE_MODEL
from crrl.serve.pulse import Pulse
from crrl.serve.seeds import seed_of_start
from crrl.serve.vllm_process import VllmProcess

_POLL_S = 0.5
_TELL_EVERY_S = 15.0
_PROBE = [1]
"""A prompt of one token: any model has it."""
NEW_WEIGHTS = "has new weights to load"
"""How a start of the server ends where all weights are published as files (serve.sync files)."""


class ServerFailed(Exception):  # noqa: N818 (an end of the attempt, not an error of ours)
    """The server cannot be kept up. `was_up`: it once was, so another attempt may do better."""

    def __init__(self, words: str, *, was_up: bool) -> None:
        super().__init__(words)
        self.was_up = was_up


@dataclass
class Keeper:
    """The server of one node in one attempt."""

    config: RunConfig
    attempt: AttemptFolder
    node: str
    host: str
    """The address that it listens on, and no other."""
    log: Path
    heartbeat: Heartbeat
    command: Callable[[RunConfig, str, str, int], list[str]] = server_command
    """Config, model, address and port → what starts the server."""

    def keep(self) -> None:
        """Serve until somebody kills this process. Raises ServerFailed."""
        token = self.attempt.token(self.node)
        write_token(token)
        port = claim_port()
        died = boot = 0
        while True:
            boot += 1
            model = self._wait_for_model()
            words = self._serve(model, port, token, boot)
            if words == NEW_WEIGHTS:
                continue
            died += 1
            if died > self.config.serve.most_restarts:
                raise ServerFailed(
                    f"{self._name} {words}; it was started again {self.config.serve.most_restarts} times", was_up=True
                )
            self._say(f"{words}; it is started again")

    @property
    def _name(self) -> str:
        return f"the server on {self.node}"

    def _say(self, words: str) -> None:
        print(f"{self._name} {words}", flush=True)

    def _wait_for_model(self) -> str:
        """What to load: the run's model, or, where the trainer makes that first, what it says when it has."""
        config = self.config
        if not config.imitates and config.model != TINY_MODEL and config.serve.sync != "files":
            return config.model
        with self.heartbeat.during("wait for the model"):
            while not (model := read_served_model(self.attempt)):
                time.sleep(_POLL_S)
            return model

    def _serve(self, model: str, port: Port, token: Path, boot: int) -> str:
        """One start of vLLM, to its end; returns how that came. Raises ServerFailed if the first one never was up."""
        seeded = replace(self.config, seed=seed_of_start(self.config.seed, self.attempt.number, boot))
        command = self.command(seeded, model, self.host, port.number)
        vllm = VllmProcess(command, server_environment(self.config, token), self.log)
        server = Server(
            Endpoint(self.node, f"http://{self.host}:{port.number}", str(token.resolve()), boot, model),
            self.config.serve.silent_s,
        )
        try:
            words = self._wait_until_up(vllm, server)
            if words and boot == 1:  # one that never was up will not be
                raise ServerFailed(f"{self._name} did not come up: {words}", was_up=False)
            return words or self._watch(vllm, server)
        finally:
            self.attempt.endpoint(self.node).unlink(missing_ok=True)
            server.close()
            vllm.end()

    def _wait_until_up(self, vllm: VllmProcess, server: Server) -> str:
        """Publish the server once it has given a completion. Returns why it never did; "" if it did."""
        limit_s = self.config.serve.start_min * 60
        started = told = time.monotonic()
        self.heartbeat.enter("start the server")
        while True:
            waited = time.monotonic() - started
            if words := vllm.has_ended():
                return _with_cause(words, vllm)
            if waited > limit_s:
                return _with_cause(f"not up within {limit_s / 60:g} min (serve.start_min)", vllm)
            if time.monotonic() - told > _TELL_EVERY_S:
                told = time.monotonic()
                self._say(f"has been starting for {waited:.0f} s; last: {vllm.last_line()}")
                self.heartbeat.advance()
            if server.is_healthy() and _gives_a_completion(server, limit_s - waited):
                server.endpoint.write(self.attempt.endpoint(self.node))
                self._say(f"is up after {time.monotonic() - started:.0f} s: {server.endpoint.url}")
                return ""
            time.sleep(_POLL_S)

    def _watch(self, vllm: VllmProcess, server: Server) -> str:
        """See that it serves; returns how that ended."""
        silent_s = self.config.serve.silent_s
        self.heartbeat.enter("serve")
        pulse = Pulse(time.monotonic())
        while True:
            time.sleep(min(5.0, silent_s / 4))
            if words := vllm.has_ended():
                return _with_cause(words, vllm)
            if read_served_model(self.attempt) not in ("", server.endpoint.model):
                self._say("starts again, with new weights")
                return NEW_WEIGHTS
            gives = _gives_a_completion(server, silent_s)
            engines, now = server.engines(), time.monotonic()
            if pulse.feel(now, gives, engines) or server.is_paused():  # who paused it has limits of its own
                pulse.rest(now)
                self.heartbeat.advance()
            engine, silence_s = pulse.longest_silence(now)
            if silence_s > silent_s:
                what = (
                    f"has an engine, number {engine}, that made no token" if len(engines) > 1 else "gave no completion"
                )
                return f"{what} for {silence_s:.0f} s"


def read_served_model(attempt: AttemptFolder) -> str:
    """What the trainer wants to be served; "" if it has not said so yet."""
    try:
        return attempt.served_model.read_text().strip()
    except OSError:
        return ""


def _gives_a_completion(server: Server, timeout_s: float) -> bool:
    try:
        server.complete(_PROBE, 1, Sampling(max_tokens=1), model=BASE_MODEL, timeout_s=max(1.0, timeout_s))
        return True
    except ServerError:
        return False


def _with_cause(words: str, vllm: VllmProcess) -> str:
    cause = vllm.complaint() or vllm.last_line()
    return f"{words}; it said: {cause}" if cause else words
