"""A run's model as a folder of its own, which transformers and vLLM load: the adapter folded in, with its model card."""

from __future__ import annotations

import shutil
from pathlib import Path

from crrl.config import RunConfig
from crrl.errors import ConfigError
from crrl.evaluate.model_place import ModelPlace
from crrl.train.lora import merged
from crrl.train.manifest import MANIFEST
from crrl.train.model import load_trained

_STATE = ("*.pt", "*.pth", "*.bin", "trainer_state.json", "global_step*", "latest", "zero_to_fp32.py")
"""What a checkpoint holds beside its model: the state of training, and its arguments as a pickle, which name paths.

Models are written as safetensors.
"""


def export_model(place: ModelPlace, config: RunConfig, card: str, out: Path) -> int:
    """Write the model into the new folder `out`, aside and then renamed; the bytes of its files.

    Raises ConfigError if `out` is there already, or a part of the model cannot be loaded.
    Cost: an adapter's base is loaded into memory once; a whole model's files are copied.
    """
    if out.exists():
        raise ConfigError(f"--out {out}: is there already; name another folder, or remove it")
    aside = out.with_name(f".{out.name}.aside")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        if place.adapter is None:
            shutil.copytree(place.base, aside, ignore=shutil.ignore_patterns(MANIFEST, *_STATE))
        else:
            model, tokenizer = load_trained(place, config.grpo.dtype, "cpu")
            merged(model, tokenizer).save_pretrained(aside)
            tokenizer.save_pretrained(aside)
        (aside / "README.md").write_text(card, encoding="utf-8")
        aside.rename(out)
    except OSError as error:
        raise ConfigError(f"--out {out}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def push_model(folder: Path, name: str) -> str:
    """Upload an exported folder to the hub as a private repository, and return its address. Raises ConfigError, in one line."""
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        hub = HfApi()
        address = str(hub.create_repo(name, private=True, exist_ok=True))
        hub.upload_folder(repo_id=name, folder_path=folder)
    except (HfHubHTTPError, httpx.HTTPError, OSError, ValueError) as error:
        first = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"--push {name}: {first}; look at the name (OWNER/NAME), the network, and the key (hf auth login, or HF_TOKEN)"
        ) from error
    return address
