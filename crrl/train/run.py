"""A whole run, from its folder: imitation, reinforcement, held-out evaluation before, during and after, the final model.

Every stage leaves something whole behind and finds it when the run is resumed, so the same call starts a run and goes on
with one.
"""

from __future__ import annotations

import gc
import os
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import torch
import transformers
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from crrl.chat import opens_thought
from crrl.config import RunConfig, read_config, validate
from crrl.cores import cores
from crrl.data import load_tasks
from crrl.evaluate import data_options
from crrl.evaluate.model_place import FINAL
from crrl.report.heartbeat import ATTEMPT, Heartbeat
from crrl.report.run_folder import RunFolder
from crrl.rewards.judging import Settings, configure, current_judge
from crrl.tracking.facts import keep_facts
from crrl.train.checkpoints import is_complete, write_folder
from crrl.train.distribution import meet, part, refuse_other_count
from crrl.train.examine import Examiner
from crrl.train.fit import refuse_missing_gpu, refuse_unfit_tasks
from crrl.train.grpo import build_trainer, reinforce
from crrl.train.interrupt import StopRequest
from crrl.train.model import context_of, load_tokenizer, model_folder
from crrl.train.ranks import Ranks
from crrl.train.save import save_whole
from crrl.train.sft import imitate
from crrl.train.storage import writing
from crrl.train.tracking import tracked


def train(folder: RunFolder, stop: StopRequest, ranks: Ranks, heartbeat: Heartbeat) -> None:
    """Start a run, or go on with it, until it is done; on all ranks.

    Raises CrrlError for what a user can mend, and Stopped after a signal, with everything written that going on needs.
    """
    config = read_config(folder.config)
    validate(config)
    refuse_other_count(config, ranks)
    refuse_missing_gpu(config)
    if is_complete(folder.checkpoints / FINAL):
        print("this run is done; nothing is left to do", flush=True)
        return
    _prepare_sandbox(config, ranks)
    with heartbeat.during("meet the other trainers"):
        meet(config, ranks)
    if ranks.is_first:
        keep_facts(folder, int(os.environ.get(ATTEMPT) or 1), os.environ)
    with tracked(config, folder, ranks):
        _train(config, folder, stop, ranks, heartbeat)
    part(ranks)


def _train(config: RunConfig, folder: RunFolder, stop: StopRequest, ranks: Ranks, heartbeat: Heartbeat) -> None:
    transformers.set_seed(config.seed)
    start: Path | str = model_folder(config.model, config.seed, config.task)
    if ranks.is_first and not Path(start).is_dir():
        print(f"{start}: looked up on the Hugging Face hub", flush=True)  # without a network that takes a minute
    tokenizer = load_tokenizer(start)
    tasks, heldout = _data(config, tokenizer, ranks, heartbeat)
    if ranks.is_first:
        print(f"{len(tasks)} tasks to train on, {len(heldout)} held out", flush=True)
    refuse_unfit_tasks(config, tasks, heldout, tokenizer, context_of(start))
    stop.check(ranks)
    examiner = Examiner(config, folder, tokenizer, list(heldout), ranks, heartbeat, stop)
    if config.imitates:
        start = imitate(config, folder, str(start), tokenizer, tasks, stop, ranks, heartbeat, examiner)
        _free_memory()
    if not config.reinforces:
        return
    stop.check(ranks)
    transformers.set_seed(config.seed)
    with heartbeat.during("load the model"):
        trainer = build_trainer(config, folder, start, tokenizer, tasks, ranks, heartbeat)
    reinforce(config, trainer, folder, stop, partial(examiner.examine, trainer))
    examiner.examine(trainer, config.grpo.steps)
    final = folder.checkpoints / FINAL
    with heartbeat.during("save the model"), writing(final):
        write_folder(final, lambda aside: save_whole(trainer, tokenizer, start, config.grpo.dtype, aside), ranks)


def _free_memory() -> None:
    """Let go of what a trainer that is done still holds: its parts refer to each other."""
    gc.collect()
    torch.cuda.empty_cache()


def _data(
    config: RunConfig, tokenizer: PreTrainedTokenizerBase, ranks: Ranks, heartbeat: Heartbeat
) -> tuple[Dataset, Dataset]:
    """The tasks of both splits: built by the first rank, then found in the cache by all others."""

    def load() -> tuple[Dataset, Dataset]:
        return (
            _tasks(config, "train", config.data.rows, tokenizer),
            _tasks(config, "heldout", config.eval.tasks, tokenizer),
        )

    with heartbeat.during("data" if ranks.is_first else "wait for the data"):
        built = load() if ranks.is_first else None
        ranks.wait()
        return built or load()


def _prepare_sandbox(config: RunConfig, ranks: Ranks) -> None:
    """Refuse to start where programs would run behind weaker walls than the run accepts. Raises SandboxError."""
    sandbox = config.sandbox
    if ranks.on_this_node > 1 and not sandbox.workers:  # else each would run as many programs as there are cores
        sandbox = replace(sandbox, workers=max(1, cores() // ranks.on_this_node))
    configure(Settings(**asdict(sandbox)))
    if "tests" in config.rewards and ranks.is_first:
        print(f"programs run in a sandbox of level {current_judge().level}", flush=True)


def _tasks(config: RunConfig, split: str, rows: int, tokenizer: PreTrainedTokenizerBase) -> Dataset:
    options = {**data_options(config, tokenizer), "rows": rows}
    tasks = load_tasks(config.data.source, kind=config.task, split=split, **options)
    # What rewards read as the answer must not begin within the thought.
    return tasks.add_column("thought_opened", [True] * len(tasks)) if opens_thought(tokenizer) else tasks
