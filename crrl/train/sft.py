"""Imitation of demonstrations: all that a run does, or the warm start that gives reinforcement something to choose from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase
from trl.trainer.sft_config import SFTConfig

from crrl.chat import end_of_turn
from crrl.config import RunConfig, training_dtype
from crrl.data.demonstrations import read_demonstrations
from crrl.data.sources import toy
from crrl.errors import ConfigError, DataError
from crrl.evaluate.baselines import reference_answer
from crrl.evaluate.model_place import FINAL, WARM_START
from crrl.report.heartbeat import Heartbeat
from crrl.report.run_folder import RunFolder
from crrl.rewards.reply import END_THINK, THINK
from crrl.schema import Prompt, TaskRow
from crrl.train.callbacks import StepCallback
from crrl.train.checkpoints import is_complete, write_folder
from crrl.train.examine import Examiner
from crrl.train.generate import rendered, whole_completion
from crrl.train.interrupt import StopRequest
from crrl.train.lora import lora_config
from crrl.train.model import load_model
from crrl.train.ranks import Ranks
from crrl.train.run_trainer import ImitationTrainer
from crrl.train.save import save_whole
from crrl.train.stages import shared_arguments, train_stage
from crrl.train.storage import writing

STAGE = "sft"


def imitate(
    config: RunConfig,
    folder: RunFolder,
    model_folder: str,
    tokenizer: PreTrainedTokenizerBase,
    tasks: Dataset,
    stop: StopRequest,
    ranks: Ranks,
    heartbeat: Heartbeat,
    examiner: Examiner,
) -> Path:
    """Train on demonstrations and keep the model, whole; done before, it is taken as it is.

    As a warm start it is kept in `checkpoints/warm-start`; else it is the final model, and held-out tasks are evaluated
    before, during and after. To be called on all ranks. Returns the folder of model and tokenizer. Raises Stopped when the
    run was asked to stop.
    """
    is_all = not config.reinforces
    place = folder.checkpoints / (FINAL if is_all else WARM_START)
    if ranks.any(is_complete(place)):
        return place
    arguments = sft_arguments(config, folder.checkpoints / "sft")
    model = load_model(model_folder, training_dtype(config))
    trainer = ImitationTrainer(
        model=model,
        args=arguments,
        train_dataset=demonstrations(config, tasks, tokenizer),
        processing_class=tokenizer,
        peft_config=lora_config(config, model),
        ranks=ranks,
        heartbeat=heartbeat,
    )
    callback = StepCallback(
        folder,
        STAGE,
        stop,
        ranks,
        heartbeat,
        evaluate=partial(examiner.examine, trainer) if is_all else None,
        evaluate_every=config.eval.every_steps,
        forgotten=("num_tokens",),
    )
    train_stage(trainer, folder, callback, STAGE, stop)
    if is_all:
        examiner.examine(trainer, config.sft.steps)
    with heartbeat.during("save the model"), writing(place):
        write_folder(place, lambda aside: save_whole(trainer, tokenizer, model_folder, config.grpo.dtype, aside), ranks)
    return place


def sft_arguments(config: RunConfig, output_dir: Path) -> SFTConfig:
    """The run's settings as TRL wants them."""
    sft = config.sft
    return SFTConfig(
        **shared_arguments(config, output_dir),
        max_steps=sft.steps,
        per_device_train_batch_size=sft.batch_size,
        gradient_accumulation_steps=sft.gradient_accumulation,
        learning_rate=sft.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=sft.warmup_steps,
        weight_decay=sft.weight_decay,
        adam_beta2=0.95,
        max_grad_norm=config.grpo.max_grad_norm,
        gradient_checkpointing=config.grpo.gradient_checkpointing,
        logging_steps=10,
        save_steps=sft.save_steps,
        completion_only_loss=True,
        max_length=sft.max_length or None,
        packing=sft.packing,
        # Rows of several demonstrations have no padding between them, and each has positions of its own.
        padding_free=sft.packing,
    )


def demonstrations(config: RunConfig, tasks: Dataset, tokenizer: PreTrainedTokenizerBase) -> Dataset:
    """Tokens of prompts with the answers to imitate: of a file, a hurried programmer's for the toy source, else the oracle's.

    Those longer than sft.max_length are left out: cut off, they would teach to stop in the middle.

    The prompt is the very one that the model is asked with, then come the answer and the template's end of a turn. The
    template is not asked to render the answer: some remove its thought (DeepSeek-R1's), or put an empty one before it (Qwen3's).

    Returns:
        rows of input_ids and completion_mask, the latter 1 for what is learned.

    Raises:
        ConfigError: none is left. DataError: a bad row of the file.
    """
    rows = [{"prompt": row["prompt"], "answer": _words(row["completion"])} for row in _rows(config, tasks)]
    if not rows:
        raise ConfigError(
            "there is nothing to imitate: no task has a reference; use --stage grpo, or --sft.demonstrations"
        )
    tokens = Dataset.from_list(rows).map(
        partial(_tokenized, tokenizer, end_of_turn(tokenizer)), batched=True, remove_columns=["prompt", "answer"]
    )
    longest = config.sft.max_length
    fitting = tokens.filter(lambda row: not longest or len(row["input_ids"]) <= longest)
    if not len(fitting):
        raise ConfigError(
            f"sft.max_length {config.sft.max_length}: all {len(rows)} demonstrations are longer; make it larger"
        )
    return fitting


def _rows(config: RunConfig, tasks: Dataset) -> Iterable[Mapping[str, Any]]:
    if config.sft.demonstrations:
        return read_demonstrations(Path(config.sft.demonstrations))
    pairs = _toy_pairs(config) if config.data.source == "toy" else _oracle_answers(tasks)
    return ({"prompt": task["prompt"], "completion": [assistant(answer)]} for task, answer in pairs)


def assistant(answer: str) -> dict[str, str]:
    """An answer as a chat message."""
    return {"role": "assistant", "content": answer}


def _words(completion: Prompt) -> str:
    if len(completion) != 1 or completion[0]["role"] != "assistant":
        raise DataError(
            f"a demonstration's completion must be one message of the assistant, not {len(completion)} messages"
        )
    return completion[0]["content"]


def _tokenized(tokenizer: PreTrainedTokenizerBase, end: str, batch: dict[str, Any]) -> dict[str, Any]:
    texts, prompts = rendered(tokenizer, batch["prompt"])
    answers = [_continuation(*pair) + end for pair in zip(texts, batch["answer"], strict=True)]
    completions = tokenizer(answers, add_special_tokens=False)["input_ids"]
    pairs = list(zip(prompts, completions, strict=True))
    return {
        "input_ids": [[*prompt, *completion] for prompt, completion in pairs],
        "completion_mask": [[0] * len(prompt) + [1] * len(completion) for prompt, completion in pairs],
    }


def _continuation(prompt: str, answer: str) -> str:
    """The answer as the model continues the prompt: where that ends with `<think>`, a written answer begins with it again, and
    one without a thought ends it first.
    """
    opened = whole_completion(prompt, "")
    if opened and END_THINK not in answer:
        answer = f"{THINK}\n\n{END_THINK}\n\n{answer}"
    return answer.removeprefix(opened) if opened else answer


def _toy_pairs(config: RunConfig) -> Iterator[tuple[TaskRow, str]]:
    sft = config.sft
    return toy.demonstrations(rows=sft.rows, seed=config.seed, habit_share=sft.habit_share, kind=config.task)


def _oracle_answers(tasks: Any) -> Iterator[tuple[TaskRow, str]]:
    for task in tasks:
        answer = reference_answer(task)
        if answer is not None:
            yield task, answer
