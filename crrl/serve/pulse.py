"""Whether each engine of a server gets on with its work: those that do must not hide one that hangs."""

from __future__ import annotations

from collections.abc import Mapping

from crrl.serve.client import Engine

_WHOLE = ""
"""Stands for all engines of a server that does not tell of them."""


class Pulse:
    """When each engine of a server was last seen to get on.

    One that generates for others may keep the supervisor's completion waiting, but then it makes tokens. Where one has nothing to
    do it makes none, but then that completion comes back: the server sends it to the engine with the least to do.
    """

    def __init__(self, now: float) -> None:
        """`now`: the time from which silence counts, in seconds."""
        self._lived = {_WHOLE: now}
        self._made: dict[str, float] = {}

    def feel(self, now: float, gives: bool, engines: Mapping[str, Engine]) -> bool:
        """Take in one look at the server; whether all engines got on since the one before.

        Args:
            gives: whether the supervisor's completion came back.
            engines: what the server says of them; none if it does not.
        """
        oldest = min(self._lived.values())
        names = list(engines) or list(self._lived)
        lived = {name: gives if name not in engines else self._gets_on(name, engines[name], gives) for name in names}
        self._lived = {name: now if lives else self._lived.get(name, oldest) for name, lives in lived.items()}
        self._made |= {name: engine.tokens_made for name, engine in engines.items()}
        return all(lived.values())

    def _gets_on(self, name: str, engine: Engine, gives: bool) -> bool:
        return engine.tokens_made > self._made.get(name, engine.tokens_made) or (gives and not engine.running)

    def rest(self, now: float) -> None:
        """Let no silence before `now` count."""
        self._lived = dict.fromkeys(self._lived, now)

    def longest_silence(self, now: float) -> tuple[str, float]:
        """The engine that has not got on for longest, and for how many seconds."""
        engine = min(self._lived, key=self._lived.__getitem__)
        return engine, now - self._lived[engine]
