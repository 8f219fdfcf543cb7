"""The kept completions of a step as the rows of a table: bounded in number and length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ROWS_OF_A_STEP = 16
CHARS_OF_A_CELL = 8_000
COLUMNS_SHOWN = ("task_id", "prompt", "thought", "patch", "completion")


def completions_path(folder: Path, step: int) -> Path:
    """Where the completions of a step are kept in a run's `completions/` (docs/metrics.md)."""
    return folder / f"step-{step:06d}.parquet"


def table_rows(folder: Path, step: int) -> list[dict[str, Any]]:
    """The first completions of a step, whole groups first as they were generated; none if they were not kept, or are damaged.

    Long texts are cut in the middle. The file has them whole.
    """
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    path = completions_path(folder, step)
    try:
        rows = pq.read_table(path).slice(0, ROWS_OF_A_STEP).to_pylist()
    except (OSError, pa.ArrowInvalid):
        return []
    return [{name: _cell(value) for name, value in row.items()} for row in rows]


def _cell(value: Any) -> Any:
    if isinstance(value, list):  # chat messages
        value = "\n\n".join(str(message.get("content", "")) for message in value)
    if not isinstance(value, str) or len(value) <= CHARS_OF_A_CELL:
        return value
    half = CHARS_OF_A_CELL // 2
    return f"{value[:half]}\n[… {len(value) - 2 * half} characters …]\n{value[-half:]}"
