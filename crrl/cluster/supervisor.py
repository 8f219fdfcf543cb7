"""The supervisor of one node: starts the node's roles, watches everybody's heartbeats, and sees to it that all end together."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from types import FrameType

from crrl.cluster.aftermath import add_last_line, write_down
from crrl.cluster.attempts import is_superseded
from crrl.cluster.ending import Ending, end_attempt, read_ending
from crrl.cluster.place import Place
from crrl.cluster.processes import dump_stacks, kill_all_below
from crrl.cluster.role_process import RoleProcess
from crrl.cluster.roles import Role
from crrl.cluster.watchdog import Watch
from crrl.config import WatchdogConfig
from crrl.report.attempt_folder import AttemptFolder, listed, read_json
from crrl.report.heartbeat import SUPERVISOR, Beat, Heartbeat, read_beats
from crrl.report.page import report_if_possible
from crrl.report.run_folder import RunFolder, write_aside

_POLL_S = 0.1
_LOOK_EVERY_S = 1.0
"""Between looks into the run's folder, which may lie on a network file system."""
_WITNESS_PATIENCE_S = 6.0
"""How long the node of a process that died has to say so, before one that only noticed does."""
_WELL = ("done", "stopped")
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)


class Supervisor:
    """One node's part of one attempt."""

    def __init__(
        self,
        folder: RunFolder,
        attempt: AttemptFolder,
        place: Place,
        rule: WatchdogConfig,
        trainer_nodes: Sequence[int],
    ) -> None:
        """`trainer_nodes`: the numbers of the nodes whose trainers have to end well for the run to be done."""
        self._folder = folder
        self._attempt = attempt
        self._place = place
        self._rule = rule
        self._trainer_nodes = trainer_nodes
        self._processes: list[RoleProcess] = []
        self._heartbeat = Heartbeat(
            attempt.heartbeat(SUPERVISOR, place.name, place.node), SUPERVISOR, place.name, place.node
        )
        self._watch = Watch(rule, place.nodes)
        self.held = contextlib.ExitStack()
        """What the attempt holds on this node: let go once its processes have ended, before Slurm may end this one."""
        self._asked_by = ""
        self._is_kill = False
        self._handed_on = False
        self._looked_at = 0.0
        self._witness_since = 0.0
        self._beats: dict[str, Beat] = {}

    def listen(self) -> None:
        """Take the signals by which a scheduler or a user asks the run to stop."""
        for number in _SIGNALS:
            signal.signal(number, self._take)
        self._heartbeat.start()

    def start(self, roles: Sequence[Role]) -> None:
        """Start the node's processes."""
        for role in roles:
            log = self._folder.log(self._attempt.number, role.name, self._place.name)
            process = RoleProcess(role, self._attempt, self._place.name, log)
            self._processes.append(process)
            self._folder.append_event(
                "started", attempt=self._attempt.number, role=role.name, node=self._place.name, pid=process.pid
            )
        self._heartbeat.enter("run")

    def wait(self, until: Callable[[], bool] = lambda: False) -> Ending | None:
        """Supervise until the attempt has ended, on this node or on another; or until something holds: None then."""
        while not until():
            ending = self._turn()
            if ending is not None:
                return ending
            time.sleep(_POLL_S)
        return None

    def finish(self, ending: Ending) -> Ending:
        """End everything on this node, write down why, and have the job started again where that is right.

        Returns the attempt's end: that of the node that noticed one first.
        """
        is_over = is_superseded(self._folder, self._attempt)
        is_mine = not is_over and end_attempt(self._attempt, ending)
        ending = ending if is_mine else read_ending(self._attempt) or ending
        if ending.kind == "stalled":
            dump_stacks(os.getpid())
        kill_all_below(os.getpid())
        self.held.close()
        for process in self._processes:
            add_last_line(process.log, ending)
        self._heartbeat.stop()
        if not is_over:
            write_down(self._folder, self._attempt, self._place, self._rule, ending, is_mine=is_mine)
        if is_mine and self._folder.config.is_file():
            report_if_possible(self._folder)  # only here the end is known, whatever it was
        return ending

    def _take(self, number: int, _: FrameType | None) -> None:
        is_again = bool(self._asked_by) and number in (signal.SIGTERM, signal.SIGINT)
        # In a job, several signals are one request: a notice, then the end. The scheduler kills by itself.
        self._is_kill |= is_again and not self._place.job
        self._asked_by = self._asked_by or signal.Signals(number).name

    def _turn(self) -> Ending | None:
        if self._is_kill:
            kill_all_below(os.getpid())
        self._hand_on_request()
        is_due = time.monotonic() - self._looked_at >= _LOOK_EVERY_S
        has_ended = any(process.has_ended for process in self._processes)
        own = self._own_end() if is_due or has_ended else None
        if not is_due and own is None:
            return None
        self._looked_at = time.monotonic()
        self._beats = read_beats(self._attempt.heartbeats)
        return self._told() or own or self._all_ended() or self._watch.look(self._beats)

    def _hand_on_request(self) -> None:
        if self._asked_by and not self._handed_on:
            with contextlib.suppress(OSError):  # a disk that is full for a moment: tried again
                write_aside(self._attempt.stop, self._asked_by + "\n")
                self._handed_on = True
                for process in self._processes:
                    process.ask_to_stop()

    def _own_end(self) -> Ending | None:
        """A failure on this node. Processes that ended well are only told of: the others may still work."""
        for process in self._processes:
            ending = process.end(self._beats)
            if ending is None:
                continue
            if ending.kind in _WELL:
                self._tell_of(ending.kind)
            elif not process.is_only_a_witness(ending) or self._was_patient():
                return ending
        return None

    def _tell_of(self, kind: str) -> None:
        if self._heartbeat.phase != kind:
            self._heartbeat.enter(kind)
            self._heartbeat.beat()
            self._looked_at = 0.0

    def _was_patient(self) -> bool:
        self._witness_since = self._witness_since or time.monotonic()
        return self._place.nodes == 1 or time.monotonic() - self._witness_since > _WITNESS_PATIENCE_S

    def _told(self) -> Ending | None:
        """What another node has found; or that this whole attempt is over."""
        if is_superseded(self._folder, self._attempt):
            return Ending("lost", f"node {self._place.name} was left behind: the run goes on in a later attempt")
        return read_ending(self._attempt)

    def _all_ended(self) -> Ending | None:
        """Done, or stopped, once the trainers of every node are; the first node's to say."""
        phases = {beat.rank: beat.phase for beat in self._beats.values() if beat.role == SUPERVISOR}
        ended = {phases.get(node, "") for node in self._trainer_nodes}
        if not self._place.is_first or not ended <= set(_WELL):
            return None
        if ended == {"done"}:
            return Ending("done", "done", {}, self._place.name)
        said = [str(outcome["said"]) for path in listed(self._attempt.outcomes) if (outcome := read_json(path))]
        by = said[0] if said else self._asked_by or "a signal"
        return Ending("stopped", f"stopped by {by}; a checkpoint is written", {}, self._place.name)
