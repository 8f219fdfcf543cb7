"""Evaluates a model that has to be loaded: answers, scores, numbers. Imports torch only when it is called."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from functools import partial

from crrl.evaluate.asked import Asked
from crrl.evaluate.classification import confusion_of, measure_classification
from crrl.evaluate.evaluation import Evaluation, evaluate
from crrl.evaluate.metrics import Measured, measure, measure_strata
from crrl.evaluate.progress import shown_progress
from crrl.evaluate.provenance import settings_of
from crrl.evaluate.result import Result, passing_rewards, task_results
from crrl.schema import TaskRow


def evaluate_model(asked: Asked, tasks: Sequence[TaskRow], baselines: dict[str, Measured]) -> tuple[Evaluation, Result]:
    """Load the model, let it answer, score the answers, measure.

    Raises ConfigError for a model that cannot be loaded, or is too large. Cost: the generation, mostly.
    """
    import torch

    from crrl.train.generate import Sampling

    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = asked.dtype if asked.dtype != "auto" else "bfloat16" if device == "cuda" else "float32"
    print(f"loading {asked.place.given} ({dtype}, {device}, {asked.engine})", file=sys.stderr, flush=True)
    answering = _by_server if asked.engine == "vllm" else _in_this_process
    sampling = Sampling(asked.max_new_tokens, asked.batch_size, asked.temperature, asked.seed)
    generate = answering(asked, dtype, device)
    with shown_progress(sys.stderr) as shown:
        total = len(tasks) * asked.n
        answers = partial(generate, sampling=sampling, told=shown("answering", total))
        evaluation = evaluate(tasks, answers, asked.rewards, n=asked.n, told=shown("judging", total))
    del generate, answers
    gc.collect()  # another model may be next: give the memory back
    if device == "cuda":
        torch.cuda.empty_cache()
    return evaluation, result_of(asked, evaluation, tasks, device, dtype, baselines)


def _in_this_process(asked: Asked, dtype: str, device: str) -> Callable[..., list[str]]:
    from crrl.train.generate import generate
    from crrl.train.model import load_trained

    return partial(generate, *load_trained(asked.place, dtype, device))


def _by_server(asked: Asked, dtype: str, device: str) -> Callable[..., list[str]]:
    import torch

    from crrl.train.model import load_tokenizer, model_folder
    from crrl.train.served_answers import generate_by_server

    place = asked.place
    tokenizer = load_tokenizer(model_folder(place.tokenizer_source, place.seed, place.task))
    gpus = torch.cuda.device_count() if device == "cuda" else 0
    return partial(generate_by_server, place, tokenizer, dtype=dtype, gpus=gpus)


def result_of(
    asked: Asked,
    evaluation: Evaluation,
    tasks: Sequence[TaskRow],
    device: str,
    dtype: str,
    baselines: dict[str, Measured],
) -> Result:
    """The numbers of scored answers."""
    answered = evaluation.tasks()
    numbers = partial(measure, ks=asked.ks, seed=asked.seed)
    return Result(
        settings=settings_of(asked, tasks, device, dtype),
        passing=passing_rewards(evaluation),
        metrics=numbers(answered) | measure_classification(answered, seed=asked.seed),
        strata=measure_strata(answered, asked.ks, seed=asked.seed),
        baselines=baselines,
        tasks=task_results(evaluation, tasks),
        confusion=confusion_of(answered),
    )
