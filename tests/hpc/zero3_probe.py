"""Started by `accelerate launch` in the image: trains a small model for a step, and says how it was split among the ranks."""

from __future__ import annotations

import json
import os

import torch
from accelerate import Accelerator, PartialState


class Parts(torch.utils.data.Dataset[torch.Tensor]):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.full((16,), float(index))


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
    }
    os.write(1, f"FACTS {json.dumps(facts)}\n".encode())  # at once: the other rank writes to the same pipe


if __name__ == "__main__":
    main()
