"""Tasks as a datasets.Dataset: written to a file in chunks, memory-mapped, kept under a key that cannot go stale."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import crrl
from crrl.cache import cache_root
from crrl.data.build import Plan, Report, build_tasks
from crrl.data.filters import load_tokenizer
from crrl.data.report_table import print_report, shown_progress
from crrl.errors import DataError
from crrl.schema import TaskRow

if TYPE_CHECKING:
    import datasets

CHUNK_ROWS = 256
CHUNK_CHARS = 4_000_000
_TABLE, _REPORT = "tasks.arrow", "report.json"


def load_dataset(plan: Plan) -> datasets.Dataset:
    """Build a plan's tasks, or take them from the cache, as a memory-mapped Dataset.

    Prints the summary to stderr if any row was dropped or skipped. Raises DataError if no task is left.
    """
    import datasets

    folder = _cache_root(plan.options.cache_dir) / cache_key(plan)
    title = f"{plan.source.name}, {plan.split}"
    if not folder.is_dir():
        _build_into(folder, plan, title)
    report = Report.from_dict(json.loads((folder / _REPORT).read_text()))
    if report.dropped or report.bad:
        print_report(report, title, sys.stderr)
    if not report.kept:
        raise DataError(f"no task of kind {plan.kind} in the split {plan.split} of {plan.source.name}: {report}")
    return datasets.Dataset.from_file(str(folder / _TABLE))


def cache_key(plan: Plan) -> str:
    """A name for exactly these tasks: changes with the options, the input's content, the tokenizer, and this code."""
    options = {name: value for name, value in vars(plan.options).items() if name not in ("tokenizer", "cache_dir")}
    source_options = {name: value for name, value in vars(plan.source_options).items() if name != "path"}
    parts = {
        "source": [plan.source.name, source_options, plan.source.identity(plan.source_options)],
        "asked": [plan.kind, plan.split, options],
        "tokenizer": _tokenizer_digest(plan.options.tokenizer) if plan.options.max_prompt_tokens else "",
        "code": _code_digest(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def arrow_schema() -> Any:
    """The columns of a task row as a pyarrow.Schema."""
    import pyarrow as pa  # type: ignore[import-untyped]

    files = pa.list_(pa.struct({"path": pa.string(), "text": pa.string()}))
    return pa.schema(
        {
            "task_id": pa.string(),
            "kind": pa.string(),
            "prompt": pa.list_(pa.struct({"role": pa.string(), "content": pa.string()})),
            "files": files,
            "reference": files,
            "tests": pa.struct({"files": files, "command": pa.list_(pa.string()), "timeout_s": pa.float64()}),
            "label": pa.string(),
            "source": pa.string(),
        }
    )


def write_arrow(tasks: Iterable[TaskRow], path: Path) -> None:
    """Write tasks to an Arrow stream file. Holds a chunk of them: 256 rows, or about 4 million characters."""
    import pyarrow as pa

    schema = arrow_schema()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        for chunk in _chunks(tasks):
            writer.write_batch(pa.RecordBatch.from_pylist(chunk, schema=schema))


def _build_into(folder: Path, plan: Plan, title: str) -> None:
    """Build beside the folder and rename, so that a folder is whole or not there, however many processes build it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    report = Report()
    try:
        with shown_progress(build_tasks(plan, report), report, title, sys.stderr) as tasks:
            write_arrow(tasks, aside / _TABLE)
        (aside / _REPORT).write_text(json.dumps(report.as_dict()))
        try:
            aside.rename(folder)
        except OSError:  # another process was faster; its folder holds the same
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _chunks(tasks: Iterable[TaskRow]) -> Iterator[list[TaskRow]]:
    chunk: list[TaskRow] = []
    size = 0
    for task in tasks:
        chunk.append(task)
        size += sum(len(file["text"]) for file in (*task["files"], *task["reference"], *task["tests"]["files"]))
        if len(chunk) == CHUNK_ROWS or size > CHUNK_CHARS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _cache_root(chosen: str) -> Path:
    return (Path(chosen) if chosen else cache_root()) / "data"


def _tokenizer_digest(tokenizer: Any) -> str:
    loaded = load_tokenizer(tokenizer)
    backend = getattr(loaded, "backend_tokenizer", None)
    vocabulary = backend.to_str() if backend is not None else json.dumps(loaded.get_vocab(), sort_keys=True)
    return hashlib.sha256(f"{vocabulary}\0{loaded.chat_template}".encode()).hexdigest()


@cache
def _code_digest() -> str:
    """Of all code that decides what a task looks like, so that a change of it is never answered from the cache."""
    root = Path(crrl.__file__).parent
    digest = hashlib.sha256()
    for path in sorted((*root.glob("data/**/*.py"), *root.glob("diffs/*.py"), root / "schema.py")):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
