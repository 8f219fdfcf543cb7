"""Whether the processes of a run share their work in the way that was planned. A silent fallback would train something else."""

from __future__ import annotations

from typing import Any

from crrl.config import RunConfig, trainer_processes
from crrl.errors import RunError
from crrl.report.run_folder import RunFolder
from crrl.train.ranks import Ranks

ZERO_STAGE = 3


def refuse_other_count(config: RunConfig, ranks: Ranks) -> None:
    """Raises RunError unless as many processes were started as the config wants."""
    wanted = trainer_processes(config)
    if ranks.count != wanted:
        raise RunError(
            f"this run wants {wanted} trainer processes and {ranks.count} started; start it with launch.py, which "
            "starts all of them"
        )


def meet(config: RunConfig, ranks: Ranks) -> None:
    """Form the process group, once every process has come. A run of one process has none."""
    if ranks.are_many:
        from accelerate import PartialState

        PartialState(cpu=config.cluster.gpus_per_node == 0)


def part(ranks: Ranks) -> None:
    """Take the process group down once all ranks are done: its threads, left to the end of the process, may abort it."""
    if ranks.are_many:
        from torch.distributed import destroy_process_group

        ranks.wait()
        destroy_process_group()


def note_distribution(accelerator: Any, folder: RunFolder, ranks: Ranks, stage: str) -> None:
    """Write down how a stage's trainer is distributed. Raises RunError if several processes do not train with ZeRO-3."""
    facts = distribution_of(accelerator)
    if ranks.is_first:
        folder.append_event("distribution", stage=stage, **facts)
    right = {"distributed_type": "DEEPSPEED", "world_size": ranks.count, "zero_stage": ZERO_STAGE}
    wrong = [f"{name} {facts[name]} instead of {value}" for name, value in right.items() if facts[name] != value]
    if ranks.are_many and wrong:
        raise RunError(
            f"the trainers of {stage} are not distributed as planned: {', '.join(wrong)}; start the run with launch.py"
        )


def distribution_of(accelerator: Any) -> dict[str, Any]:
    """How a trainer is distributed, in accelerate's words."""
    plugin = getattr(accelerator.state, "deepspeed_plugin", None)
    return {
        "distributed_type": str(accelerator.distributed_type.value),
        "world_size": int(accelerator.num_processes),
        "zero_stage": int(plugin.zero_stage) if plugin else 0,
        "device": str(accelerator.device.type),
        "mixed_precision": str(accelerator.mixed_precision),
    }
