"""What W&B has not got yet of a run, handed on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from crrl.config import RunConfig, as_dict
from crrl.report.run_folder import RunFolder
from crrl.tracking.entries import HELDOUT, MAIN_STAGE, GrowingMetrics, record_of
from crrl.tracking.facts import known_facts
from crrl.tracking.mode import Mode
from crrl.tracking.samples import COLUMNS_SHOWN, table_rows

INIT_TIMEOUT_S = 60.0


class Feed:
    """An open W&B run that reads a run's folder. Its id is the run's own, so all attempts, and every repetition, are one run."""

    def __init__(self, config: RunConfig, folder: RunFolder, mode: Mode, first: int = 0, finish_s: float = 0.0) -> None:
        """Open the W&B run.

        Args:
            first: offline, where W&B cannot say what it has: the first line to send.
            finish_s: how long `close` may take; 0: as long as it takes.

        Raises whatever W&B raises, if it does not take the run within a minute.
        """
        self._folder = folder
        try:
            self._run = _open(config, folder, mode, finish_s)
        except BaseException:
            _end_service()
            raise
        # Online, W&B says how far its history goes. Its summary may be ahead of that.
        self.next: int = self._run.starting_step if mode == "online" else first
        """The number of the first line that was not sent."""
        self._metrics = GrowingMetrics(folder.metrics, self.next)
        _define_axes(self._run)

    @property
    def url(self) -> str:
        """Where the run is shown; empty offline."""
        return str(self._run.url or "")

    def send_new(self) -> int:
        """Hand on the lines that are new, with the kept completions of their steps. Returns how many; W&B sends them later."""
        count = 0
        for entry in self._metrics.new():
            record: dict[str, Any] = dict(record_of(entry))
            if entry.stage == MAIN_STAGE:
                record |= self._completions(entry.step)
            self._run.log(record, step=entry.number, commit=True)
            self.next, count = entry.number + 1, count + 1
        return count

    def close(self, exit_code: int) -> None:
        """Wait until W&B has everything. Raises TimeoutError if it has not in time."""
        self._run.summary["attempts"] = known_facts(self._folder).get("attempts", 1)
        try:
            self._run.finish(exit_code=exit_code)
        finally:
            _end_service()

    def _completions(self, step: int) -> dict[str, Any]:
        import wandb

        rows = table_rows(self._folder.completions, step)
        if not rows:
            return {}
        columns: list[str | int] = [*COLUMNS_SHOWN, *(name for name in rows[0] if name not in COLUMNS_SHOWN)]
        return {
            "completions": wandb.Table(columns=columns, data=[[row[str(name)] for name in columns] for row in rows])
        }


def _open(config: RunConfig, folder: RunFolder, mode: Mode, finish_s: float) -> Any:
    # Set before the import: W&B reads them once. Its own reports of errors would go to its makers' server.
    os.environ |= {"WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
    import wandb

    folder.wandb.mkdir(parents=True, exist_ok=True)
    return wandb.init(
        project=config.tracking.project,
        entity=config.tracking.entity or None,
        name=config.tracking.name or folder.run_id,
        tags=list(config.tracking.tags),
        id=folder.run_id,
        resume="allow",
        mode=mode,  # type: ignore[arg-type]
        config={**as_dict(config), "facts": known_facts(folder)},
        allow_val_change=True,
        dir=str(folder.path),
        settings=wandb.Settings(
            init_timeout=INIT_TIMEOUT_S,
            finish_timeout=finish_s,
            finish_timeout_raises=bool(finish_s),
            console="off",
            x_disable_stats=True,
            disable_git=True,
            disable_code=True,
        ),
    )


def _end_service() -> None:
    """End the process behind W&B's client. It keeps the id of a run that it could not open, and refuses to try it again."""
    import wandb

    with contextlib.suppress(Exception):
        wandb.teardown(exit_code=0)


def _define_axes(run: Any) -> None:
    run.define_metric("step")
    run.define_metric("*", step_metric="step")
    run.define_metric("sft/step")
    run.define_metric("sft/*", step_metric="sft/step")
    run.define_metric(f"{HELDOUT}/*", step_metric="step")


@contextlib.contextmanager
def only_one(folder: RunFolder) -> Iterator[bool]:
    """Whether this process is the only one that sends the run to W&B; two at a time would send everything twice."""
    import fcntl

    folder.wandb.mkdir(parents=True, exist_ok=True)
    with (folder.wandb / "sending.lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:  # a file system without locks
            pass
        yield True
