"""Public data sets by name: fetched by one command, found in the Hugging Face cache by all others.

Builds never use the network.
"""

from __future__ import annotations

import re
from pathlib import Path

from crrl.data.paths import local_path
from crrl.data.read_table import table_files
from crrl.errors import DataError

_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_PATTERNS = ("*.parquet", "*.jsonl", "*.jsonl.gz")


def dataset_files(given: str, words: str = "") -> list[Path]:
    """The files of rows of a local file or folder, or of a data set of the hub that was downloaded before.

    Args:
        given: a path, or `owner/name`.
        words: what the wanted files' paths say below the folder, as in `train_paired` (see `says`); "": all.

    Raises:
        DataError: neither is there; the line says how to fetch it.
    """
    path = local_path(given)
    if not path.exists():
        path = _cached(given)
    folder = path if path.is_dir() else path.parent
    files = [file for file in table_files(path) if says(file.relative_to(folder).as_posix(), words)]
    if not files:
        raise DataError(
            f"{given}: no file of rows has {words!r}, as whole words, in its path; there are {_names(path)}"
        )
    return files


def says(path: str, words: str) -> bool:
    """Whether a path has these words, whole and in a row: `a/train_paired-0.parquet` says `paired`, `unpaired.jsonl` does not."""
    return _words(words) in _words(path)


def is_hub_name(given: str) -> bool:
    """Whether a text is spelled like a data set of the hub, and no path of this machine."""
    return _NAME.fullmatch(given) is not None and not local_path(given).exists()


def download(name: str, revision: str = "") -> Path:
    """Fetch a data set's files of rows into the Hugging Face cache; what is there already is not fetched again.

    Returns the folder. Raises DataError, in one line, if it cannot be reached or does not exist.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        folder = snapshot_download(name, repo_type="dataset", revision=revision or None, allow_patterns=list(_PATTERNS))
    except (HfHubHTTPError, OSError, ValueError) as error:
        first = str(error).strip().partition("\n")[0]
        raise DataError(
            f"{name}: cannot be fetched ({first}); look at the name, the network, and whether its licence must be accepted"
        ) from error
    return Path(folder)


def _cached(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise DataError(f"{name}: there is no such file or folder, and it is no name of a data set (owner/name)")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, repo_type="dataset", local_files_only=True))
    except (LocalEntryNotFoundError, OSError, ValueError) as error:
        raise DataError(
            f"{name}: is not in the Hugging Face cache of this machine; where there is a network: crrl data download {name} "
            "(HF_HOME says where it goes), or give the folder of its files with path="
        ) from error


def _words(text: str) -> str:
    return "/".join(["", *re.findall(r"[A-Za-z0-9]+", text), ""])


def _names(path: Path) -> str:
    names = [file.name for file in table_files(path)]
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
