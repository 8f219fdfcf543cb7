"""What every trainer of a run does beyond its library's: checkpoints that are whole, signs of life, and a clock."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from torch.utils.data import Sampler
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.sft_trainer import SFTTrainer
from trl.trainer.utils import RepeatSampler

from crrl.report.heartbeat import Heartbeat
from crrl.train.checkpoints import aside_of, finish_checkpoint
from crrl.train.clock import StepClock, metrics_of
from crrl.train.groups import group_metrics, without_half_judged
from crrl.train.ranks import Ranks
from crrl.train.samples import read_answers
from crrl.train.storage import writing


class _InRun:
    """Mixed into a trainer of TRL.

    It touches three private names of the pinned transformers. Nothing but `_save_checkpoint` and `_get_output_dir` comes between
    the writing of a checkpoint and the removal of older ones; nothing but `_run_epoch` between a checkpoint's weights and a step.
    """

    args: Any
    state: Any
    control: Any
    servers: Any = None
    """Where completions come from, if not from the trainer itself (crrl.train.rollout)."""
    resumed_at = 0
    """Optimizer steps that were done when this process began to train."""

    def __init__(
        self, *args: Any, ranks: Ranks, heartbeat: Heartbeat, clock: StepClock | None = None, **kwargs: Any
    ) -> None:
        """`ranks`: the processes that train together; `heartbeat`, `clock`: where the phases are told. The rest is TRL's."""
        self.ranks = ranks
        self.heartbeat = heartbeat
        self.clock = clock or StepClock()
        super().__init__(*args, **kwargs)
        self.add_callback(StepPhase(self.clock))  # type: ignore[attr-defined]

    def _get_output_dir(self, trial: Any) -> str:
        return str(aside_of(Path(self.args.output_dir)))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        aside = aside_of(Path(self.args.output_dir)) / f"checkpoint-{self.state.global_step}"
        with self.heartbeat.during("checkpoint"), self.clock.phase("checkpoint"), writing(aside):
            super()._save_checkpoint(model, trial)  # type: ignore[misc]
            finish_checkpoint(aside, self.ranks)

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        if (
            self.state.global_step >= self.state.max_steps
        ):  # or a run that is resumed after its last step would take another
            self.control.should_training_stop = True
            return
        super()._run_epoch(*args, **kwargs)  # type: ignore[misc]

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """One pass forward and back."""
        with self.heartbeat.during("train"):
            return super().training_step(*args, **kwargs)  # type: ignore[misc]

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """What the library measured, and what the clocks of all ranks did; on all ranks."""
        if "train_runtime" not in logs:  # else it is the summary of a stage
            logs |= metrics_of(self.ranks.gather(self.clock.take()))
        super().log(logs, start_time)  # type: ignore[misc]


class InOrderOfEpoch(Sampler[int]):
    """TRL's sampler, with the order of an epoch drawn from its number and the seed.

    TRL draws each epoch's order after the one before from one generator, so a run that is resumed in its second epoch would
    see the first one's order again.
    """

    def __init__(self, sampler: Any, seed: int, epoch: Callable[[], float]) -> None:
        """`epoch`: how many epochs are done, with fractions."""
        self._sampler = sampler
        self._seed = seed
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        self._sampler.generator.manual_seed(self._seed + int(self._epoch()))
        yield from self._sampler

    def __len__(self) -> int:
        return len(self._sampler)


class StepPhase(TrainerCallback):
    """What a step does that is nothing else is training: forward, back, the optimizer."""

    def __init__(self, clock: StepClock) -> None:
        self._clock = clock
        self._phase = contextlib.ExitStack()

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._phase.enter_context(self._clock.phase("train"))

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._phase.close()


class ImitationTrainer(_InRun, SFTTrainer):
    """TRL's SFTTrainer in a run."""


class ReinforcementTrainer(_InRun, GRPOTrainer):
    """TRL's GRPOTrainer in a run."""

    def _get_train_sampler(self, dataset: Any = None) -> Sampler[int]:
        return InOrderOfEpoch(
            super()._get_train_sampler(dataset), int(self.args.seed), lambda: round(self.state.epoch or 0, 6)
        )

    keep_completions_every = 0
    """Steps between those whose completions are kept; 0: none are."""
    head_starts: Sequence[Callable[..., None]] = ()
    """What begins the work of this run's rewards that take long."""
    _rows: Sequence[dict[str, Any]] = ()
    """This rank's rows of the batch that is being generated, one a completion."""

    _order: tuple[int, list[int]] = (-1, [])
    """The last epoch that was looked at, and the tasks in its order."""

    @property
    def _passes_done(self) -> int:
        """Passes forward and back since the first step of the run, on each rank."""
        return int(self.resumed_at * self.args.gradient_accumulation_steps + self._step)

    @property
    def _passes_of_batch(self) -> int:
        """Passes that one batch of completions is drawn for."""
        return int(self.args.steps_per_generation * self.num_iterations)

    @property
    def batch(self) -> int:
        """Which batch of completions is drawn, or trained on, now: 0, 1, … from the first step of the run."""
        return self._passes_done // self._passes_of_batch

    def prompts_of_next_batch(self) -> list[Any]:
        """The prompts of the batch of completions after the current one, one a group; none after the last.

        As this trainer's own sampler will draw them, where every epoch holds a whole number of optimizer steps.
        """
        number = self.batch + 1
        all_passes = self.state.max_steps * self.args.gradient_accumulation_steps
        groups = self.args.generation_batch_size // int(self.num_generations or 1)
        tasks: Any = self.train_dataset
        batches_of_epoch = len(tasks) // groups
        if number * self._passes_of_batch >= all_passes or not batches_of_epoch:
            return []
        epoch, place = divmod(number, batches_of_epoch)
        if self._order[0] != epoch:
            self._order = (epoch, list(RepeatSampler(range(len(tasks)), 1, groups, seed=int(self.args.seed) + epoch)))
        return [tasks[index]["prompt"] for index in self._order[1][place * groups : (place + 1) * groups]]

    def begin_rewards(self, first: int, token_ids: list[list[int]]) -> None:
        """Let rewards that take long begin with completions `first`, `first` + 1, … of this rank's batch."""
        if not self.head_starts or not token_ids:
            return
        tokenizer: Any = self.processing_class
        texts = tokenizer.batch_decode(token_ids, skip_special_tokens=True)
        rows = self._rows[first : first + len(texts)]
        columns = {name: [row[name] for row in rows] for name in rows[0] if name != "prompt"}
        completions = [[{"role": "assistant", "content": text}] for text in texts]
        for begin in self.head_starts:
            begin(completions=completions, **columns)

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        self._rows = inputs
        return super()._generate_and_score_completions(inputs)

    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        with self.heartbeat.during("generate"), self.clock.phase("generate"):
            self.clock.policy_version = self.state.global_step
            generated = super()._generate(*args, **kwargs)
            completion_ids = generated[1]
            self.clock.count_tokens("server" if self.use_vllm else "trainer", sum(map(len, completion_ids)))
            return generated

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> Any:
        # Within it each reward is a phase of its own (crrl.train.grpo); what is left is waiting for the other ranks.
        with self.heartbeat.during("gather rewards"), self.clock.phase("wait"):
            scores = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        if self._are_kept():
            for column, values in read_answers(inputs, completions).items():
                self._log_completion_extra(column, values)
        for name, value in group_metrics(scores, self.reward_func_names, int(self.num_generations or 1)).items():
            self._metrics["train"][name].append(value)
        return without_half_judged(scores, int(self.num_generations or 1))

    def _are_kept(self) -> bool:
        """Whether a step that trains on the completions that are being judged is one whose completions are kept."""
        every, step = self.keep_completions_every, self.state.global_step
        last = math.ceil((self._passes_done + self._passes_of_batch) / self.args.gradient_accumulation_steps)
        return bool(every) and last // every > step // every

    def _compute_loss(self, model: Any, inputs: Any) -> Any:
        self.clock.count_tokens("trainer", int(inputs["prompt_mask"].sum() + inputs["completion_mask"].sum()))
        self.clock.note("staleness", self.state.global_step - self.clock.policy_version)
        return super()._compute_loss(model, inputs)  # type: ignore[no-untyped-call]
