"""The next batch of completions, drawn by the servers while the trainer trains on the one before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from crrl.serve.client import Sample

_POLL_S = 1.0


class Ahead:
    """Groups that are being drawn by a thread of their own, from the weights of one version.

    The thread is a daemon: a run that stops does not wait for completions that nobody will train on.
    """

    def __init__(
        self, groups: Sequence[list[int]], version: int, draw: Callable[[], Iterator[tuple[int, list[Sample]]]]
    ) -> None:
        """`groups`: token ids of the prompts; `version`: optimizer steps of the weights; `draw`: each group with its place."""
        self.groups = groups
        self.version = version
        self._draw = draw
        self._drawn: list[tuple[int, list[Sample]]] = []
        self._failure: BaseException | None = None
        self._is_done = threading.Event()
        threading.Thread(target=self._run, name="crrl-ahead", daemon=True).start()

    def wait(self, on_wait: Callable[[], None]) -> list[tuple[int, list[Sample]]]:
        """All groups. `on_wait` is called every second until then. Raises what the drawing raised."""
        while not self._is_done.wait(_POLL_S):
            on_wait()
        if self._failure is not None:
            raise self._failure
        return self._drawn

    def _run(self) -> None:
        try:
            self._drawn.extend(self._draw())
        except BaseException as error:  # raised where the groups are waited for
            self._failure = error
        finally:
            self._is_done.set()
