"""Where the model to evaluate lies: a run, one of its checkpoints, any folder, or a name of the hub. Loads nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from crrl.config import TINY_MODEL, RunConfig, read_config
from crrl.errors import ConfigError
from crrl.report.find_run import all_runs, find_run
from crrl.report.run_folder import RunFolder
from crrl.schema import Kind

FINAL, WARM_START, SFT = "final", "warm-start", "sft"
"""Of a run's `checkpoints/`: the model at its end, the model after the warm start, the warm start's checkpoints."""


@dataclass(frozen=True)
class ModelPlace:
    """What to load, and the run that it belongs to."""

    given: str
    """As the user named it."""
    base: str
    """The folder or name of the whole model; of an adapter: of the model under it."""
    adapter: Path | None = None
    """The folder of a LoRA adapter."""
    run: RunFolder | None = None
    """The run that it was trained in."""
    config: RunConfig | None = None
    """The settings of that run."""
    seed: int = 1
    """Of the built-in model, where that is the base."""

    @property
    def task(self) -> Kind:
        """What its run taught it: the built-in model has a tokenizer for each kind of task."""
        return self.config.task if self.config else "repair"

    @property
    def folder(self) -> Path | None:
        """Where its own weights lie, if on this machine."""
        folder = self.adapter or Path(self.base)
        return folder if folder.is_dir() else None

    @property
    def tokenizer_source(self) -> str:
        """The folder or name of its tokenizer: a checkpoint's own where it has one, else that of the base."""
        own = self.adapter is not None and (self.adapter / "tokenizer_config.json").is_file()
        return str(self.adapter) if own else self.base


def find_model(given: str, runs: Path) -> ModelPlace:
    """The model that a user names: a run (id or folder), a checkpoint's folder, another folder, or a name of the hub.

    Args:
        runs: the folder where a run's id, or the beginning of one, is looked up.

    Raises:
        ConfigError: a run without a final model, a checkpoint that is half written, the built-in model as it was drawn;
            each with the checkpoints that could be named instead.
        RunError: no run of that name in `runs`, or several that begin so.
    """
    folder = next((path for path in (Path(given), runs / given) if path.is_dir()), None) if given else None
    if given == TINY_MODEL and folder is None:
        raise ConfigError(
            "the built-in model tiny answers nothing before a run's warm start: name a run (runs/ID), its warm start "
            "(runs/ID/checkpoints/warm-start) or one of its checkpoints"
        )
    if folder is None and (run := _run_around(Path(given))):
        raise _no_checkpoint(given, run, "there is no such checkpoint")
    if folder is None and _is_meant_as_run(given, runs):
        folder = find_run(Path(given).name, runs).path
    if folder is None:
        if not given or given.startswith(("/", ".", "~")) or given.count("/") > 1:
            raise ConfigError(f"--model {given!r}: there is no such folder, and no run of that name in {runs}")
        return ModelPlace(given, given)
    if RunFolder(folder).config.is_file() and not (folder / "config.json").is_file():
        return _checkpoint_of(given, RunFolder(folder), RunFolder(folder).checkpoints / FINAL)
    if run := _run_around(folder):
        return _checkpoint_of(given, run, folder)
    return _any_folder(given, folder)


def _is_meant_as_run(given: str, runs: Path) -> bool:
    """`runs/ID`, which could be a name of the hub as well, or the beginning of an id."""
    if Path(given).parent == runs:
        return True
    return bool(given) and "/" not in given and any(run.run_id.startswith(given) for run in all_runs(runs))


def untrained(place: ModelPlace) -> ModelPlace | None:
    """The model that a run started from: its own, but the warm start of the built-in one. None if there is no run."""
    if place.run is None or place.config is None:
        return None
    warm = place.run.checkpoints / WARM_START
    if place.config.model == TINY_MODEL and warm.is_dir():
        return ModelPlace(str(warm), str(warm), run=place.run, config=place.config)
    return ModelPlace(
        place.config.model, place.config.model, run=place.run, config=place.config, seed=place.config.seed
    )


def checkpoints_of(run: RunFolder) -> list[Path]:
    """Every whole checkpoint of a run, in the order that they are worth naming."""
    from crrl.train.checkpoints import is_complete, step_of

    whole = [run.checkpoints / name for name in (FINAL, WARM_START) if is_complete(run.checkpoints / name)]
    steps = [path for path in run.checkpoints.glob("*/checkpoint-*") if is_complete(path)]
    return whole + sorted(steps, key=lambda path: (path.parent.name, -step_of(path)))


def _checkpoint_of(given: str, run: RunFolder, folder: Path) -> ModelPlace:
    from crrl.train.checkpoints import is_complete

    config = read_config(run.config)
    if not is_complete(folder):
        what = "it has no final model yet" if folder.name == FINAL else f"{folder.name} is no whole checkpoint"
        raise _no_checkpoint(given, run, what)
    if not (folder / "adapter_config.json").is_file():
        return ModelPlace(given, str(folder), run=run, config=config, seed=config.seed)
    # From the run's settings and not from the adapter's file, which holds the path that it was trained at: a run's
    # folder may be moved, and copied off the cluster.
    warm = run.checkpoints / WARM_START
    is_on_warm_start = config.imitates and folder.parent.name != SFT
    base = str(warm) if is_on_warm_start else config.model
    return ModelPlace(given, base, adapter=folder, run=run, config=config, seed=config.seed)


def _no_checkpoint(given: str, run: RunFolder, what: str) -> ConfigError:
    known = ", ".join(str(path) for path in checkpoints_of(run)) or "none yet"
    return ConfigError(f"--model {given}: {what}; whole checkpoints of the run {run.run_id} are: {known}")


def _run_around(folder: Path) -> RunFolder | None:
    """The run whose `checkpoints/` a folder lies in."""
    for parent in folder.resolve().parents:
        if parent.name == "checkpoints" and RunFolder(parent.parent).config.is_file():
            return RunFolder(parent.parent)
    return None


def _any_folder(given: str, folder: Path) -> ModelPlace:
    adapter = folder / "adapter_config.json"
    if (folder / "config.json").is_file() and not adapter.is_file():
        return ModelPlace(given, str(folder))
    if not adapter.is_file():
        raise ConfigError(f"--model {given}: holds neither config.json nor adapter_config.json, and is no run's folder")
    try:
        base = json.loads(adapter.read_text())["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{adapter}: names no base model ({error})") from error
    return ModelPlace(given, str(base), adapter=folder)
