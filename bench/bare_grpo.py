"""What bench/startup.py compares with: GRPO by TRL alone, in as few words as it takes. MODEL PROMPTS.json OUT"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer


class _Clock(TrainerCallback):  # type: ignore[misc]
    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 1 and state.is_world_process_zero:
            Path(sys.argv[3]).write_text(f"{time.time()}\n")


def same_length(completions: list[Any], **_: Any) -> list[float]:
    """A reward that differs within a group."""
    return [len(str(completion)) % 7 / 7 for completion in completions]


if __name__ == "__main__":
    prompts = json.loads(Path(sys.argv[2]).read_text())
    arguments = GRPOConfig(
        output_dir=f"{sys.argv[3]}.out",
        max_steps=2,
        num_generations=4,
        per_device_train_batch_size=8,
        max_completion_length=48,
        use_cpu=True,
        bf16=False,
        report_to=[],
        save_strategy="no",
    )
    GRPOTrainer(
        sys.argv[1],
        reward_funcs=same_length,
        args=arguments,
        train_dataset=Dataset.from_list([{"prompt": prompt} for prompt in prompts]),
        callbacks=[_Clock()],
    ).train()
