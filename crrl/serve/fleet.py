"""All servers of a run as one: groups spread by free room, one adapter everywhere, servers that die and come back.

A group is one request, so it is either whole or not there: a server that dies loses nothing but time, and nothing is counted
twice. Before a server is used after a new start, it gets the current adapter.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Condition, Lock
from typing import NamedTuple

from crrl.serve.at_once import as_they_come
from crrl.serve.client import Sample, Sampling, Server, ServerError
from crrl.serve.endpoint import Endpoint

BASE_MODEL = "base"
"""What every server calls the model without an adapter."""
TRIES = 4
"""Of one group, each on a server that said it was healthy."""
MOST_REQUESTS = 256
"""On their way at a time, to all servers."""
POLL_S = 0.5
LONGEST_REST_S = 60.0
"""Of a server that failed again and again; the first rest is a second."""


class Adapter(NamedTuple):
    """The weights that completions must come from: the name that servers know them by, and their folder."""

    name: str
    path: str


class Prompt(NamedTuple):
    """What one group is drawn from: token ids, and the seed of its draws (None: the server's own)."""

    token_ids: Sequence[int]
    seed: int | None = None


@dataclass
class _Member:
    """One server as the fleet sees it."""

    server: Server
    free: int
    """Further completions that it takes now."""
    adapter: Adapter | None = None
    is_up: bool = True
    failures: int = 0
    """Times it went down since its last success."""
    rests_until: float = 0.0
    """Not used before that time: one whose `/health` answers while its completions hang would take every group's tries."""
    loading: Lock = field(default_factory=Lock)


class Fleet:
    """The servers of a run. One caller at a time generates or publishes; the requests go out in parallel."""

    def __init__(
        self,
        read_endpoints: Callable[[], Sequence[Endpoint]],
        *,
        completions_at_once: int,
        request_timeout_s: float,
        patience_s: float,
        on_wait: Callable[[], None] = lambda: None,
    ) -> None:
        """Args:
        completions_at_once: those that one server gets at a time, in groups of any size; a larger group goes to an idle one.
        patience_s: how long to wait for any server to be up; `on_wait` is called again and again meanwhile.
        """
        self._read_endpoints = read_endpoints
        self._completions_at_once = completions_at_once
        self._request_timeout_s = request_timeout_s
        self._patience_s = patience_s
        self._on_wait = on_wait
        self._members: dict[str, _Member] = {}
        self._changed = Condition()
        self._looked_at = 0.0
        self._adapter: Adapter | None = None

    @property
    def model(self) -> str:
        """The name of what completions come from now."""
        return self._adapter.name if self._adapter else BASE_MODEL

    def publish(self, adapter: Adapter) -> int:
        """Load an adapter into every server that is up, and confirm it; the others get it when they come back.

        An adapter of the current name takes its place, so no completion may be under way then. Returns how many have it.
        Raises ServerError if none has.
        """
        is_busy = any(member.free < self._completions_at_once for member in self._members.values())
        if adapter.name == self.model and is_busy:
            raise ServerError("an adapter cannot be replaced while completions come from it", is_final=True)
        self._adapter = adapter
        started = time.monotonic()
        while True:
            self._look(at_once=True)
            loaded = sum(self._is_ready(member) for member in list(self._members.values()) if member.is_up)
            if loaded:
                return loaded
            if time.monotonic() - started > self._patience_s:
                raise ServerError(f"no server took the adapter {adapter.path} within {self._patience_s:g} s")
            self._on_wait()
            time.sleep(POLL_S)

    def servers(self) -> list[Server]:
        """Those that are up, by name."""
        self._look(at_once=True)
        return [member.server for _, member in sorted(self._members.items()) if member.is_up]

    def forget(self, name: str) -> None:
        """Unload an adapter that nothing comes from any more."""
        for member in self._members.values():
            if member.is_up:
                try:
                    member.server.unload_adapter(name)
                except ServerError as error:
                    self._set_down(member, error)

    def generate(self, prompts: Sequence[Prompt], count: int, sampling: Sampling) -> Iterator[tuple[int, list[Sample]]]:
        """Draw `count` completions of each prompt: its place among the prompts and its group, as soon as that is there.

        Raises ServerError if a group could not be drawn, or no server was up for `patience_s`.
        """
        model = self.model
        return as_they_come(
            lambda place: self._draw(prompts[place], count, sampling, model), len(prompts), MOST_REQUESTS
        )

    def score(self, tokens: Sequence[int]) -> dict[str, list[float]]:
        """Server → log-probabilities of `tokens` under the current weights, of those that are up; waits for one.

        With serve.data_parallel above 1 a server has several engines, and the request goes to one of them: the others'
        weights are not compared.

        Raises ServerError if none was up for `patience_s`.
        """
        started = time.monotonic()
        while True:
            self._look(at_once=True)
            found = {name: scores for name, one in list(self._members.items()) if (scores := self._score(one, tokens))}
            if found:
                return found
            if time.monotonic() - started > self._patience_s:
                raise ServerError(f"no server was up for {self._patience_s:g} s")
            self._on_wait()
            time.sleep(POLL_S)

    def _score(self, member: _Member, tokens: Sequence[int]) -> list[float]:
        """Of one server; nothing if it is down."""
        if not member.is_up or not self._is_ready(member):
            return []
        try:
            return member.server.score(tokens, model=self.model)
        except ServerError as error:
            if error.is_final:
                raise
            self._set_down(member, error)
            return []

    def close(self) -> None:
        """Let all connections go."""
        for member in self._members.values():
            member.server.close()

    def _draw(self, prompt: Prompt, count: int, sampling: Sampling, model: str) -> list[Sample]:
        last: ServerError | None = None
        for _ in range(TRIES):
            member = self._take(count)
            try:
                samples = member.server.complete(prompt.token_ids, count, sampling, model=model, seed=prompt.seed)
                member.failures = 0
                return samples
            except ServerError as error:
                if error.is_final:
                    raise
                last = error
                self._set_down(member, error)
            finally:
                self._give_back(member, count)
        raise ServerError(f"a group could not be drawn in {TRIES} tries; last: {last}")

    def _take(self, count: int) -> _Member:
        """The server with the most room, with the current adapter in it. Waits until one has room for `count` completions."""
        room = min(count, self._completions_at_once)
        waited_since = time.monotonic()
        while True:
            self._look()
            with self._changed:
                up = [member for member in self._members.values() if member.is_up]
                member = max(up, key=lambda one: one.free, default=None)
                if member is None or member.free < room:
                    if member is not None:
                        waited_since = time.monotonic()  # a busy server is no missing one
                    elif time.monotonic() - waited_since > self._patience_s:
                        raise ServerError(f"no server was up for {self._patience_s:g} s")
                    else:
                        self._on_wait()
                    self._changed.wait(POLL_S)
                    continue
                member.free -= count
            try:
                if self._is_ready(member):
                    return member
            except BaseException:
                self._give_back(member, count)
                raise
            self._give_back(member, count)

    def _give_back(self, member: _Member, count: int) -> None:
        with self._changed:
            member.free += count
            self._changed.notify_all()

    def _set_down(self, member: _Member, why: ServerError) -> None:
        with self._changed:
            if member.is_up:
                member.is_up = False
                member.failures += 1
                rest_s = min(LONGEST_REST_S, POLL_S * 2**member.failures)
                member.rests_until = time.monotonic() + rest_s
                print(
                    f"{why}; it is left alone for {rest_s:g} s, or until it is started again",
                    file=sys.stderr,
                    flush=True,
                )
            self._looked_at = 0.0
            self._changed.notify_all()

    def _is_ready(self, member: _Member) -> bool:
        """Whether the server has the current adapter, loading it if it has another one or none."""
        wanted = self._adapter
        with member.loading:
            if wanted is None or member.adapter == wanted:
                return True
            try:
                _load(member.server, wanted)
            except ServerError as error:
                if error.is_final:
                    raise
                self._set_down(member, error)
                return False
            member.adapter = wanted
            return True

    def _look(self, *, at_once: bool = False) -> None:
        """See which servers there are, at most twice a second: new ones, those started again, those that answer again."""
        with self._changed:
            if not at_once and time.monotonic() - self._looked_at < POLL_S:
                return
            self._looked_at = time.monotonic()
        for endpoint in self._read_endpoints():
            member = self._members.get(endpoint.name)
            if member is None or member.server.endpoint != endpoint:
                self._welcome(member, Server(endpoint, self._request_timeout_s))
            elif not member.is_up and time.monotonic() >= member.rests_until and member.server.is_healthy():
                with self._changed:
                    # It may have lost what it held, and loading again costs milliseconds.
                    member.adapter, member.is_up = None, True
                    self._changed.notify_all()

    def _welcome(self, before: _Member | None, fresh: Server) -> None:
        """Use a server from now on, unless another thread has come first: two members of one server would load twice."""
        is_healthy = fresh.is_healthy()
        with self._changed:
            if is_healthy and self._members.get(fresh.endpoint.name) is before:
                self._members[fresh.endpoint.name] = _Member(fresh, self._completions_at_once)
                self._changed.notify_all()
                return
        fresh.close()


def _load(server: Server, wanted: Adapter) -> None:
    """Have a server answer by an adapter. One that has it already may be asked by others right now: nothing is touched."""
    if server.models().get(wanted.name) == wanted.path:
        return
    # Not vLLM's load_inplace: 0.31 keeps that flag with the adapter, and reads its files again at every step.
    server.unload_adapter(wanted.name)
    server.load_adapter(wanted.name, wanted.path)
    if server.models().get(wanted.name) != wanted.path:
        raise ServerError(f"server {server.endpoint.name} has other weights than {wanted.path}")
    server.reset_prefix_cache()
