"""What a folder of weights must hold: every file with its size and hash, in a file that is written last.

A folder with a manifest was written to its end; one whose files still have the manifest's hashes can be loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
_CHUNK_BYTES = 1 << 22
_THREADS = 4
"""hashlib lets go of the interpreter, so files are hashed side by side (bench/checkpoints.py)."""
_RANK_IN_NAME = re.compile(r"(?:_rank_|rng_state_)(\d+)")


def written_by(path: Path, rank: int) -> bool:
    """Whether a file of a checkpoint is one that this rank wrote; what no rank is named in belongs to rank 0."""
    match = _RANK_IN_NAME.search(path.name)
    return (int(match[1]) if match else 0) == rank


def hash_files(folder: Path, paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Name → size and hash of files, which are on the disk afterwards. Cost: see docs/benchmarks.md."""
    names = sorted(str(path.relative_to(folder)) for path in paths)
    with ThreadPoolExecutor(_THREADS) as pool:
        return dict(zip(names, pool.map(lambda name: _described(folder / name), names), strict=True))


def files_of(folder: Path) -> Iterator[Path]:
    """Every file that a manifest lists."""
    return (path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)


def write_manifest(folder: Path, files: Mapping[str, Mapping[str, Any]], *, processes: int) -> None:
    """Declare a folder whole. Its files, and then the manifest, are on the disk afterwards."""
    path = folder / MANIFEST
    text = json.dumps({"processes": processes, "hash": "blake2b-256", "files": files}, indent=1)
    with path.open("w", encoding="utf-8") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    for directory in {folder, *(parent for name in files for parent in (folder / name).parents if parent != folder)}:
        if directory.is_relative_to(folder):
            sync(directory)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder; None if it has none, or a damaged one."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return manifest if isinstance(manifest["files"], dict) and manifest["processes"] >= 1 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def damage(folder: Path, *, rank: int = 0, processes: int = 1) -> str:
    """What is wrong with a folder, in words; "" if nothing is.

    Each of several processes looks at its share of the files. Cost: reads every byte of them.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        return f"{MANIFEST} is missing or unreadable"
    names = sorted(manifest["files"])[rank::processes]
    with ThreadPoolExecutor(_THREADS) as pool:
        found = pool.map(lambda name: _difference(folder / name, manifest["files"][name]), names)
        return next((f"{name} {what}" for name, what in zip(names, found, strict=True) if what), "")


def sync(path: Path) -> None:
    """Have the disk hold what was written."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _described(path: Path) -> dict[str, Any]:
    sync(path)
    return {"bytes": path.stat().st_size, "blake2b": _hash(path)}


def _difference(path: Path, expected: Mapping[str, Any]) -> str:
    try:
        size = path.stat().st_size
        if size != expected["bytes"]:
            return f"has {size} bytes instead of {expected['bytes']}"
        return "" if _hash(path) == expected["blake2b"] else "does not have the hash that was written down"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _hash(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=32)
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
