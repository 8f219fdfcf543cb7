"""Started by `accelerate launch` in the image: trains a small model for a step, and says how it was split among the ranks."""

from __future__ import annotations

import json
import os

import deepspeed
import torch
from accelerate import Accelerator, PartialState
from vllm.distributed.weight_transfer.nccl_engine import NCCLTrainerWeightTransferEngine

from crrl.train.nccl import WholeWeights


class Parts(torch.utils.data.Dataset[torch.Tensor]):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.full((16,), float(index))


def are_sent_whole(model: torch.nn.Module) -> bool:
    """Whether weights that are divided come as vLLM was told, by its own check of that, and as they are."""
    weights = WholeWeights(model, torch.float32)
    sent = dict(NCCLTrainerWeightTransferEngine._checked_iter(weights, weights.metadata()))
    with deepspeed.zero.GatheredParameters(list(model.parameters())):
        whole = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    return list(sent) == list(whole) and all(torch.equal(sent[name], whole[name]) for name in whole)


def main() -> None:
    # As transformers does for use_cpu: without it each rank is told that it is alone, and all train on the same samples.
    PartialState(cpu=True)
    accelerator = Accelerator()
    model = torch.nn.Sequential(torch.nn.Linear(16, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1))
    total = sum(parameter.numel() for parameter in model.parameters())
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    loader = torch.utils.data.DataLoader(Parts(), batch_size=2)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    losses = []
    for batch in loader:
        loss = model(batch).square().mean()
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    held = sum(parameter.ds_tensor.numel() for parameter in model.parameters())
    facts = {
        "type": str(accelerator.distributed_type),
        "stage": model.zero_optimization_stage(),
        "world": accelerator.num_processes,
        "rank": accelerator.process_index,
        "total": total,
        "held": held,
        "losses": losses,
        "are_sent_whole": are_sent_whole(accelerator.unwrap_model(model)),
    }
    os.write(1, f"FACTS {json.dumps(facts)}\n".encode())  # at once: the other rank writes to the same pipe
    accelerator.end_training()  # what is left of the process group at the end of a process may abort it


if __name__ == "__main__":
    main()
