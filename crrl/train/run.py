"""A whole run, from its folder: warm start, held-out evaluation, reinforcement, held-out evaluation, the final model.

Every stage leaves something whole behind and finds it when the run is resumed, so the same call starts a run and goes on
with one.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import transformers
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from crrl.config import RunConfig, read_config, validate
from crrl.data import load_tasks
from crrl.evaluate import data_options, evaluate, evaluation_path, write_evaluation
from crrl.report.run_folder import RunFolder
from crrl.rewards.judging import Settings, configure, current_judge
from crrl.train.checkpoints import is_complete, write_folder
from crrl.train.generate import Sampling, generate
from crrl.train.grpo import build_trainer, reinforce, save_model, trained_model
from crrl.train.interrupt import StopRequest
from crrl.train.metrics_log import HELDOUT
from crrl.train.model import load_model, load_tokenizer, model_folder
from crrl.train.sft import warm_start
from crrl.train.tracking import end_tracking, start_tracking

FINAL = "final"


def train(folder: RunFolder, stop: StopRequest) -> None:
    """Start a run, or go on with it, until it is done.

    Raises CrrlError for what a user can mend, and Stopped after a signal, with everything written that going on needs.
    """
    config = read_config(folder.config)
    validate(config)
    if is_complete(folder.checkpoints / FINAL):
        print("this run is done; nothing is left to do", flush=True)
        return
    _prepare_sandbox(config)
    is_tracked = start_tracking(config, folder)
    failed = True
    try:
        _train(config, folder, stop, is_tracked)
        failed = False
    finally:
        end_tracking(failed)


def _train(config: RunConfig, folder: RunFolder, stop: StopRequest, is_tracked: bool) -> None:
    transformers.set_seed(config.seed)
    start: Path | str = model_folder(config.model, config.seed)
    tokenizer = load_tokenizer(start)
    tasks = _tasks(config, "train", config.data.rows, tokenizer)
    heldout = _tasks(config, "heldout", config.eval.tasks, tokenizer)
    print(f"{len(tasks)} tasks to train on, {len(heldout)} held out", flush=True)
    stop.check()
    if config.sft.enabled:
        start = warm_start(config, folder, str(start), tokenizer, tasks, stop, is_tracked=is_tracked)
    examine = partial(_examine, config, folder, tokenizer, list(heldout))
    if not evaluation_path(folder.completions, 0).is_file():
        examine(load_model(start, config.grpo.dtype), 0)
    stop.check()
    transformers.set_seed(config.seed)
    trainer = build_trainer(config, folder, start, tokenizer, tasks, is_tracked=is_tracked)
    reinforce(trainer, folder, stop, lambda step: examine(trained_model(trainer), step), config.eval.every_steps)
    examine(trained_model(trainer), config.grpo.steps)
    write_folder(folder.checkpoints / FINAL, lambda aside: save_model(trainer, tokenizer, aside))


def _prepare_sandbox(config: RunConfig) -> None:
    """Refuse to start where programs would run behind weaker walls than the run accepts. Raises SandboxError."""
    configure(Settings(**asdict(config.sandbox)))
    if "tests" in config.rewards:
        print(f"programs run in a sandbox of level {current_judge().level}", flush=True)


def _tasks(config: RunConfig, split: str, rows: int, tokenizer: PreTrainedTokenizerBase) -> Dataset:
    options = {**data_options(config, tokenizer), "rows": rows}
    return load_tasks(config.data.source, kind=config.task, split=split, **options)


def _examine(
    config: RunConfig, folder: RunFolder, tokenizer: PreTrainedTokenizerBase, heldout: list[Any], model: Any, step: int
) -> None:
    """Evaluate the model as it stands and keep what it answered. The same weights give the same evaluation."""
    greedy = Sampling(
        max_new_tokens=config.eval.max_new_tokens or config.grpo.max_completion_length,
        batch_size=config.eval.batch_size,
    )
    evaluation = evaluate(heldout, partial(generate, model, tokenizer, sampling=greedy), step=step)
    write_evaluation(evaluation, folder.completions)
    means = evaluation.means()
    folder.append_metrics(step, {"stage": HELDOUT, **means})
    shown = "  ".join(f"{name.removeprefix('heldout/')} {value:.3f}" for name, value in means.items())
    print(f"held out   step {step}: {shown}", flush=True)
