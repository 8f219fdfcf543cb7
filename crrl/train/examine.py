"""Held-out evaluation of a model in training, its answers divided over the ranks."""

from __future__ import annotations

from functools import partial
from typing import Any

from transformers import PreTrainedTokenizerBase
from trl.models.utils import unwrap_model_for_generation

from crrl.config import RunConfig
from crrl.evaluate import evaluate, write_evaluation
from crrl.evaluate.classification import classification_means
from crrl.report.heartbeat import Heartbeat
from crrl.report.metrics_log import HELDOUT, read_metrics
from crrl.report.page import report_if_possible
from crrl.report.run_folder import RunFolder
from crrl.schema import Prompt, TaskRow
from crrl.train.generate import Sampling, generate, rendered, whole_completion
from crrl.train.interrupt import Stopped, StopRequest
from crrl.train.ranks import Ranks


class Examiner:
    """Evaluates a run's model on its held-out tasks, once a step, and keeps what it answered."""

    def __init__(
        self,
        config: RunConfig,
        folder: RunFolder,
        tokenizer: PreTrainedTokenizerBase,
        heldout: list[TaskRow],
        ranks: Ranks,
        heartbeat: Heartbeat,
        stop: StopRequest,
    ) -> None:
        self._config = config
        self._folder = folder
        self._tokenizer = tokenizer
        self._heldout = heldout
        self._ranks = ranks
        self._heartbeat = heartbeat
        self._stop = stop

    def examine(self, trainer: Any, step: int, may_stop: bool = True) -> None:
        """Evaluate the trainer's model as it stands, unless that was done already; on all ranks.

        Raises Stopped, with nothing kept, if the run is asked to stop meanwhile and it may.
        """
        if self._ranks.any(self._ranks.is_first and self._is_done(step)):
            return
        with self._heartbeat.during("evaluate"), trainer.clock.phase("evaluate"):
            answers = self._answers(trainer, may_stop)
            if may_stop:
                self._stop.check(self._ranks)
            with self._heartbeat.during("score" if self._ranks.is_first else "wait for scores"):
                if self._ranks.is_first:
                    self._keep(answers, step)
                self._ranks.wait()

    def _is_done(self, step: int) -> bool:
        entries = read_metrics(self._folder.metrics)
        return any(entry["stage"] == HELDOUT and entry["step"] == step for entry in entries)

    def _answers(self, trainer: Any, may_stop: bool) -> list[str]:
        """One greedy answer a task, by task: from the run's servers; else from the trainer's own weights, the tasks divided
        over the ranks, each of which gathers all weights where ZeRO-3 has divided them.
        """
        prompts = [task["prompt"] for task in self._heldout]
        if trainer.servers is not None:
            return self._served(trainer.servers, prompts)
        if not self._ranks.are_many:
            return self._generate(trainer.accelerator.unwrap_model(trainer.model), prompts, may_stop)
        # It turns gradient checkpointing off and on again, without these as transformers would, not as TRL trains.
        kept = trainer.args.gradient_checkpointing_kwargs
        with unwrap_model_for_generation(
            trainer.model_wrapped, trainer.accelerator, gradient_checkpointing_kwargs=kept
        ) as model:
            share = self._generate(model, list(self._ranks.share(prompts)), may_stop)
        return self._ranks.joined(self._ranks.gather(share))

    def _served(self, servers: Any, prompts: list[Prompt]) -> list[str]:
        texts, tokens = rendered(self._tokenizer, prompts)
        answers = self._tokenizer.batch_decode(
            servers.greedy_answers(tokens, self._max_new_tokens), skip_special_tokens=True
        )
        return [whole_completion(text, answer) for text, answer in zip(texts, answers, strict=True)]

    @property
    def _max_new_tokens(self) -> int:
        return self._config.eval.max_new_tokens or self._config.grpo.max_completion_length

    def _generate(self, model: Any, prompts: list[Prompt], may_stop: bool) -> list[str]:
        """One answer a prompt; fewer where the run is asked to stop and may."""

        def told(_: int) -> None:
            self._heartbeat.advance()
            if may_stop and self._stop:
                raise Stopped

        greedy = Sampling(
            max_new_tokens=self._max_new_tokens,
            batch_size=self._config.eval.batch_size,
        )
        try:
            return generate(model, self._tokenizer, prompts, greedy, told=told)
        except Stopped:  # the other ranks have to hear of it first
            return [""] * len(prompts)

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
