"""Public data sets by name: fetched by one command, found in the Hugging Face cache by all others.

Builds never use the network.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from crrl.data.paths import local_path
from crrl.data.read_table import PATTERNS, table_files
from crrl.errors import DataError

_NAME = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_SHARD = re.compile(r"(?P<stem>.*-)(?P<number>\d{5})(?P<total>-of-(?P<count>\d{5}))(?P<ending>\..*)")


def dataset_files(given: str, words: str = "") -> list[Path]:
    """The files of rows of a local file or folder, or of a data set of the hub that was downloaded before.

    Args:
        given: a path, or `owner/name`, with `@revision` one that was fetched as such.
        words: what the wanted files' paths say below the folder, as in `train_paired` (see `says`); "": all.

    Raises:
        DataError: neither is there, or not all of its numbered parts; the line says how to fetch it.
    """
    path = local_path(given)
    if not path.exists():
        path = _cached(given)
    folder, there = (path if path.is_dir() else path.parent), table_files(path)
    files = [file for file in there if says(file.relative_to(folder).as_posix(), words)]
    if not files:
        raise DataError(
            f"{given}: no file of rows has {words!r}, as whole words, in its path; there are {_names(path)}"
        )
    if path.is_dir() and (missing := _missing_parts(files, there)):
        raise DataError(
            f"{given}: {missing[0].name} is missing beside its other parts ({len(missing)} missing in all); fetch them, or "
            "name one file with path="
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
        folder = snapshot_download(name, repo_type="dataset", revision=revision or None, allow_patterns=list(PATTERNS))
    except (HfHubHTTPError, OSError, ValueError) as error:
        first = str(error).strip().partition("\n")[0]
        raise DataError(
            f"{name}: cannot be fetched ({first}); look at the name, the network, and whether its licence must be accepted"
        ) from error
    return Path(folder)


def _cached(name: str) -> Path:
    match = _NAME.fullmatch(name)
    if not match:
        raise DataError(f"{name}: there is no such file or folder, and it is no name of a data set (owner/name)")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(match["name"], repo_type="dataset", revision=match["revision"], local_files_only=True)
        )
    except (LocalEntryNotFoundError, OSError, ValueError) as error:
        fetch = match["name"] + (f" --revision {match['revision']}" if match["revision"] else "")
        raise DataError(
            f"{name}: is not in the Hugging Face cache of this machine; where there is a network: crrl data download {fetch} "
            "(HF_HOME says where it goes), or give the folder of its files with path=, or NAME@REVISION for one of --revision"
        ) from error


def _words(text: str) -> str:
    return "/".join(["", *re.findall(r"[A-Za-z0-9]+", text), ""])


def _missing_parts(files: Sequence[Path], there: Sequence[Path]) -> list[Path]:
    """Files that belong to the same set as one of these, by names like train-00001-of-00003.parquet, and are not there."""
    wanted = {
        file.with_name(f"{part['stem']}{number:05}{part['total']}{part['ending']}"): None
        for file in files
        if (part := _SHARD.fullmatch(file.name))
        for number in range(int(part["count"]))
    }
    return [file for file in wanted if file not in set(there)]


def _names(path: Path) -> str:
    names = [file.name for file in table_files(path)]
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
