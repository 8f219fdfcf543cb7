"""Tasks as a datasets.Dataset: kept under a key that cannot go stale, and read only if whole."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import crrl
from crrl.cache import cache_root
from crrl.data.build import Report, advice_on_none, build_tasks
from crrl.data.filters import load_tokenizer
from crrl.data.journal import Journal
from crrl.data.options import NOT_CONTENT
from crrl.data.paths import local_path
from crrl.data.plan import Plan
from crrl.data.read_jsonl import file_digest
from crrl.data.report_table import print_report, shown_progress
from crrl.data.table import write_arrow
from crrl.errors import DataError

if TYPE_CHECKING:
    import datasets

_DECIDING = ("data/**/*.py", "diffs/*.py", "testing/**/*.py", "sandbox/**/*.py")
_TABLE, _REPORT = "tasks.arrow", "report.json"


def load_dataset(plan: Plan) -> datasets.Dataset:
    """Build a plan's tasks, or take them from the cache, as a memory-mapped Dataset.

    Prints the summary to stderr if any row was dropped or skipped. Raises DataError if no task is left.
    """
    import datasets

    table, report = built_table(plan)
    if report.dropped or report.bad:
        print_report(report, title_of(plan), sys.stderr)
    if not report.kept:
        raise DataError(
            f"no task of kind {plan.kind} in the split {plan.split} of {plan.source.name}: {report}; "
            f"{advice_on_none(plan, report)}"
        )
    return datasets.Dataset.from_file(str(table))


def built_table(plan: Plan) -> tuple[Path, Report]:
    """Build a plan's tasks, or find them in the cache: an Arrow stream file, and what became of every row."""
    folder = _cache_folder(plan.options.cache_dir) / cache_key(plan)
    report = kept_report(folder) or _build_into(folder, plan)
    return folder / _TABLE, report


def title_of(plan: Plan) -> str:
    """What progress and summary of a build are called."""
    return f"{plan.source.name}, {plan.split}"


def cache_key(plan: Plan) -> str:
    """A name for exactly these tasks: changes with the options, the input's content, the tokenizer, and this code."""
    options = {name: value for name, value in vars(plan.options).items() if name not in ("tokenizer", "cache_dir")}
    source_options = {name: value for name, value in vars(plan.source_options).items() if name not in NOT_CONTENT}
    parts = {
        "source": [plan.source.name, source_options, plan.source.identity(plan.source_options)],
        "asked": [plan.kind, plan.split, options],
        "tokenizer": _tokenizer_digest(plan.options.tokenizer) if plan.options.max_prompt_tokens else "",
        "code": [_code_digest(), sys.version],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def kept_report(folder: Path) -> Report | None:
    """The report of a built dataset, or None if there is none or a byte of it is not as it was written.

    Cost: one read of the table (SHA-256, about 1 s a GB).
    """
    try:
        kept = json.loads((folder / _REPORT).read_text())
        return Report.from_dict(kept["report"]) if file_digest(folder / _TABLE) == kept["sha256"] else None
    except (OSError, DataError, ValueError, KeyError, TypeError):
        return None


def _build_into(folder: Path, plan: Plan) -> Report:
    """Build beside the folder and rename, so that a folder is whole or not there, however many processes build it.

    What one that was interrupted found out lies beside the folder too, until one comes to its end.
    """
    aside = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    report = Report()
    try:
        journal = Journal(folder.with_name(f".{folder.name}.jsonl"))
        aside.mkdir(parents=True)
        with shown_progress(build_tasks(plan, report, journal), report, title_of(plan), sys.stderr) as tasks:
            write_arrow(tasks, aside / _TABLE)
        kept = {"report": report.as_dict(), "sha256": file_digest(aside / _TABLE)}
        (aside / _REPORT).write_text(json.dumps(kept))
        _put(aside, folder)
        journal.remove()
    except DataError:
        journal.remove()  # the same input will fail again
        raise
    except OSError as error:
        where = f"cache folder {folder.parent}: cannot be written ({error.strerror or error})"
        raise DataError(f"{where}; free some space, or set cache_dir= or CRRL_CACHE_DIR to another folder") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return report


def _put(aside: Path, folder: Path) -> None:
    """Give a whole folder its name, unless another process was faster. A damaged one makes way."""
    try:
        aside.rename(folder)
    except OSError:
        if kept_report(folder) is not None:
            return
        damaged = aside.with_name(f"{aside.name}-damaged")
        with suppress(FileNotFoundError):
            folder.rename(damaged)
        aside.rename(folder)
        with suppress(NotADirectoryError, FileNotFoundError):
            shutil.rmtree(damaged)
            return
        damaged.unlink(missing_ok=True)  # a file in the folder's place


def _cache_folder(chosen: str) -> Path:
    return (local_path(chosen) if chosen else cache_root()) / "data"


def _tokenizer_digest(tokenizer: Any) -> str:
    loaded = load_tokenizer(tokenizer)
    backend = getattr(loaded, "backend_tokenizer", None)
    vocabulary = backend.to_str() if backend is not None else json.dumps(loaded.get_vocab(), sort_keys=True)
    return hashlib.sha256(f"{vocabulary}\0{loaded.chat_template}".encode()).hexdigest()


@cache
def _code_digest() -> str:
    """Of all code that decides what a task looks like and what its tests say: a change of it is never answered from the cache."""
    root = Path(crrl.__file__).parent
    digest = hashlib.sha256()
    alone = (root / name for name in ("cwe.py", "labels.py", "schema.py"))
    for path in sorted((*(path for part in _DECIDING for path in root.glob(part)), *alone)):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
