"""Started in the image: publishes adapters to a real server and takes away their files. Says how far both are apart."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from peft import get_peft_model

from crrl.config import RunConfig, from_yaml
from crrl.serve.alone import serving
from crrl.serve.fleet import Fleet, Prompt
from crrl.train.fingerprint import drift_between, trainer_logprobs
from crrl.train.lora import lora_config
from crrl.train.model import load_model
from crrl.train.publishing import AdapterPublisher
from crrl.train.rollout import sampling_of

PROBE = list(range(5, 21))


def config_of(model: str) -> RunConfig:
    return from_yaml(
        f"model: {model}\nlora: {{rank: 8, alpha: 8}}\ngrpo: {{dtype: float32, max_completion_length: 24, use_vllm: true}}\n"
        "serve: {enforce_eager: true, max_model_len: 128}\n"
    )


def main() -> None:
    config, adapters = config_of(sys.argv[1]), Path(sys.argv[2])
    whole = load_model(config.model, "float32")
    policy: Any = get_peft_model(whole, lora_config(config, whole))
    accelerator = SimpleNamespace(unwrap_model=lambda found: found, is_main_process=True, device="cpu")
    trainer = SimpleNamespace(model=policy, accelerator=accelerator)
    publisher, drifts, drawn = AdapterPublisher(trainer, adapters, "float32"), [], []
    with serving(config, config.model) as endpoint:
        fleet = Fleet(lambda: [endpoint], completions_at_once=8, request_timeout_s=60, patience_s=60)
        for version in range(3):
            for name, weight in policy.named_parameters():
                if "lora_B" in name:
                    torch.nn.init.normal_(weight, std=0.05 * (version + 1))
            publisher.collect(version)(fleet)
            # Whoever reads them again, now fails.
            shutil.rmtree(adapters)
            ((_, group),) = fleet.generate([Prompt(PROBE)], 4, sampling_of(config))
            drawn.append(len(group))
            drifts.append(drift_between(trainer_logprobs(trainer, PROBE), fleet.score(PROBE)).largest)
        fleet.close()
    os.write(1, f"FACTS {json.dumps({'drifts': drifts, 'drawn': drawn})}\n".encode())


if __name__ == "__main__":
    main()
