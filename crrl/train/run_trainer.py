"""What every trainer of a run does beyond its library's: checkpoints that are whole, and signs of life."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.sft_trainer import SFTTrainer

from crrl.report.heartbeat import Heartbeat
from crrl.train.checkpoints import aside_of, finish_checkpoint
from crrl.train.ranks import Ranks
from crrl.train.storage import writing


class _InRun:
    """Mixed into a trainer of TRL.

    It touches two private names of the pinned transformers, `_save_checkpoint` and `_get_output_dir`: nothing else comes
    between the writing of a checkpoint and the removal of older ones.
    """

    args: Any
    state: Any

    def __init__(self, *args: Any, ranks: Ranks, heartbeat: Heartbeat, **kwargs: Any) -> None:
        """`ranks`: the processes that train together; `heartbeat`: where the phases are told. The rest is the trainer's."""
        self.ranks = ranks
        self.heartbeat = heartbeat
        super().__init__(*args, **kwargs)

    def _get_output_dir(self, trial: Any) -> str:
        return str(aside_of(Path(self.args.output_dir)))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        aside = aside_of(Path(self.args.output_dir)) / f"checkpoint-{self.state.global_step}"
        with self.heartbeat.during("checkpoint"), writing(aside):
            super()._save_checkpoint(model, trial)  # type: ignore[misc]
            finish_checkpoint(aside, self.ranks)

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """One pass forward and back."""
        with self.heartbeat.during("train"):
            return super().training_step(*args, **kwargs)  # type: ignore[misc]


class ImitationTrainer(_InRun, SFTTrainer):
    """TRL's SFTTrainer in a run."""


class ReinforcementTrainer(_InRun, GRPOTrainer):
    """TRL's GRPOTrainer in a run."""

    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        with self.heartbeat.during("generate"):
            return super()._generate(*args, **kwargs)

    def _calculate_rewards(self, *args: Any, **kwargs: Any) -> Any:
        with self.heartbeat.during("gather rewards"):
            return super()._calculate_rewards(*args, **kwargs)
