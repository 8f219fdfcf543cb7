"""What a result was made with: enough to make it again, and to see that it cannot be the same."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import crrl
from crrl.commit import code_commit
from crrl.evaluate.asked import Asked
from crrl.evaluate.model_place import ModelPlace
from crrl.evaluate.result import task_digest
from crrl.schema import TaskRow

_PACKAGES = ("torch", "transformers", "peft", "datasets", "numpy")
_WEIGHTS = ("*.safetensors", "*.bin", "config.json", "adapter_config.json")
_BYTES_AT_ONCE = 1 << 22


def settings_of(asked: Asked, tasks: Sequence[TaskRow], device: str, dtype: str) -> dict[str, Any]:
    """Everything but the numbers of a result, as JSON holds it. Cost: reads the model's weights once, about 1 s a GB."""
    options = {name: value for name, value in asked.options.items() if isinstance(value, (str, int, float))}
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv[1:],
        "model": _model(asked.place),
        "data": {
            "source": asked.source,
            "kind": asked.kind,
            "split": asked.split,
            "options": options,
            "tasks": len(tasks),
            "sha256": _digest(task_digest(task).encode() for task in tasks),
        },
        "sampling": {
            "n": asked.n,
            "temperature": asked.temperature,
            "seed": asked.seed,
            "max_new_tokens": asked.max_new_tokens,
            "batch_size": asked.batch_size,
            "dtype": dtype,
            "device": device,
            "engine": asked.engine,
        },
        "rewards": list(asked.rewards),
        "judging": asdict(asked.judging),
        "k": list(asked.ks),
        "versions": {
            "crrl": crrl.__version__,
            "commit": code_commit(),
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in _PACKAGES},
        },
    }


def weights_digest(folder: Path) -> str:
    """A digest of a model's folder: of its weights and its architecture."""
    return _digest(chunk for path in _model_files(folder) for chunk in _named_chunks(path))


def _model(place: ModelPlace) -> dict[str, Any]:
    return {
        "given": place.given,
        "base": place.base,
        "adapter": str(place.adapter or ""),
        "run": place.run.run_id if place.run else "",
        "sha256": weights_digest(place.folder) if place.folder else "",
    }


def _model_files(folder: Path) -> list[Path]:
    return sorted(path for pattern in _WEIGHTS for path in folder.glob(pattern))


def _named_chunks(path: Path) -> Any:
    yield f"{path.name}\0{path.stat().st_size}\0".encode()
    with path.open("rb") as stream:
        while chunk := stream.read(_BYTES_AT_ONCE):
            yield chunk


def _digest(chunks: Any) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
