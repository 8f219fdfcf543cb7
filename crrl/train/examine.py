"""Held-out evaluation of a model in training, its answers divided over the ranks."""

from __future__ import annotations

from functools import partial
from typing import Any

from transformers import PreTrainedTokenizerBase
from trl.models.utils import unwrap_model_for_generation

from crrl.config import RunConfig
from crrl.evaluate import evaluate, evaluation_path, write_evaluation
from crrl.evaluate.classification import classification_means
from crrl.report.heartbeat import Heartbeat
from crrl.report.metrics_log import HELDOUT
from crrl.report.page import report_if_possible
from crrl.report.run_folder import RunFolder
from crrl.schema import Prompt, TaskRow
from crrl.train.generate import Sampling, generate
from crrl.train.ranks import Ranks


class Examiner:
    """Evaluates a run's model on its held-out tasks and keeps what it answered. The same weights give the same answers."""

    def __init__(
        self,
        config: RunConfig,
        folder: RunFolder,
        tokenizer: PreTrainedTokenizerBase,
        heldout: list[TaskRow],
        ranks: Ranks,
        heartbeat: Heartbeat,
    ) -> None:
        self._config = config
        self._folder = folder
        self._tokenizer = tokenizer
        self._heldout = heldout
        self._ranks = ranks
        self._heartbeat = heartbeat

    def examine(self, trainer: Any, step: int) -> None:
        """Evaluate the trainer's model as it stands, unless that was done already; on all ranks."""
        if step == 0 and self._ranks.any(evaluation_path(self._folder.completions, 0).is_file()):
            return
        with self._heartbeat.during("evaluate"), trainer.clock.phase("evaluate"):
            answers = self._answers(trainer)
            with self._heartbeat.during("score" if self._ranks.is_first else "wait for scores"):
                if self._ranks.is_first:
                    self._keep(answers, step)
                self._ranks.wait()

    def _answers(self, trainer: Any) -> list[str]:
        """One greedy answer a task, by task. With ZeRO-3 each rank gathers the weights and answers its share."""
        prompts = [task["prompt"] for task in self._heldout]
        if not self._ranks.are_many:
            return self._generate(trainer.accelerator.unwrap_model(trainer.model), prompts)
        with unwrap_model_for_generation(trainer.model_wrapped, trainer.accelerator) as model:
            share = self._generate(model, list(self._ranks.share(prompts)))
        return self._ranks.joined(self._ranks.gather(share))

    def _generate(self, model: Any, prompts: list[Prompt]) -> list[str]:
        greedy = Sampling(
            max_new_tokens=self._config.eval.max_new_tokens or self._config.grpo.max_completion_length,
            batch_size=self._config.eval.batch_size,
        )
        return generate(model, self._tokenizer, prompts, greedy, told=lambda _: self._heartbeat.advance())

    def _keep(self, answers: list[str], step: int) -> None:
        evaluation = evaluate(self._heldout, partial(_ready, answers), step=step)
        write_evaluation(evaluation, self._folder.completions)
        classes = classification_means(evaluation.tasks())
        means = evaluation.means() | {f"heldout/{name}": value for name, value in classes.items()}
        self._folder.append_metrics(step, {"stage": HELDOUT, **means})
        shown = "  ".join(f"{name.removeprefix('heldout/')} {value:.3f}" for name, value in means.items())
        print(f"held out   step {step}: {shown}", flush=True)
        report_if_possible(self._folder)


def _ready(answers: list[str], _: Any) -> list[str]:
    return answers
