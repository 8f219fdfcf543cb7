"""Evaluations as parquet: what a model answered, kept so that a person can read it."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crrl.errors import RunError
from crrl.evaluate.evaluation import Answered, Evaluation


def evaluation_path(folder: Path, step: int) -> Path:
    """Where the evaluation of a step is kept in a run's `completions/`."""
    return folder / f"heldout-{step:06d}.parquet"


def write_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Keep an evaluation in a run's `completions/`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_answers(evaluation, evaluation_path(folder, evaluation.step))


def write_answers(evaluation: Evaluation, path: Path) -> None:
    """Write one row an answer: aside, then renamed."""
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    files = pa.list_(pa.struct([("path", pa.string()), ("text", pa.string())]))
    schema = pa.schema(
        [
            ("task_id", pa.string()),
            ("sample", pa.int64()),
            ("stratum", pa.string()),
            ("label", pa.string()),
            ("pair", pa.string()),
            ("completion", pa.string()),
            # A map, not a struct: a reward that does not fit a task is absent, one that could not judge it is null.
            ("scores", pa.map_(pa.string(), pa.float64())),
            ("files", files),
            ("reference", files),
        ]
    )
    rows: list[dict[str, Any]] = [
        {**asdict(answer), "scores": list(answer.scores.items())} for answer in evaluation.answered
    ]
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(pa.Table.from_pylist(rows, schema), aside, compression="zstd")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def read_evaluations(folder: Path) -> list[Evaluation]:
    """Every evaluation that a run kept, by step. Raises RunError for one that cannot be read."""
    return [
        Evaluation(int(path.stem.rpartition("-")[2]), read_answers(path))
        for path in sorted(folder.glob("heldout-[0-9]*.parquet"))
    ]


def read_answers(path: Path) -> list[Answered]:
    """The answers that `write_answers` kept. Raises RunError if they cannot be read."""
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path).to_pylist()
        return [Answered(**{**row, "scores": dict(row["scores"])}) for row in rows]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path} holds no answers of an evaluation: {error}") from error
