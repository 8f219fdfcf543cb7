"""Tasks as an Arrow stream file, which a datasets.Dataset maps into memory. Written in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from crrl.schema import TaskRow

CHUNK_ROWS = 256
CHUNK_CHARS = 4_000_000


def arrow_schema() -> Any:
    """The columns of a task row as a pyarrow.Schema."""
    import pyarrow as pa  # type: ignore[import-untyped]

    files = pa.list_(pa.struct({"path": pa.string(), "text": pa.string()}))
    words = pa.list_(pa.string())
    tests = {"files": files, "command": words, "timeout_s": pa.float64(), "fail_to_pass": words, "pass_to_pass": words}
    return pa.schema(
        {
            "task_id": pa.string(),
            "kind": pa.string(),
            "prompt": pa.list_(pa.struct({"role": pa.string(), "content": pa.string()})),
            "files": files,
            "reference": files,
            "tests": pa.struct(tests),
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


def read_arrow(path: Path) -> Iterator[TaskRow]:
    """The tasks that `write_arrow` wrote, in their order. Holds a chunk of them."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as reader:
        for batch in reader:
            for row in batch.to_pylist():
                row["tests"] = {name: value for name, value in row["tests"].items() if value is not None}
                yield row


def _chunks(tasks: Iterable[TaskRow]) -> Iterator[list[TaskRow]]:
    chunk: list[TaskRow] = []
    size = 0
    for task in tasks:
        chunk.append(task)
        size += sum(len(file["text"]) for file in (*task["files"], *task["reference"], *task["tests"]["files"]))
        size += sum(len(message["content"]) for message in task["prompt"])
        if len(chunk) == CHUNK_ROWS or size > CHUNK_CHARS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
