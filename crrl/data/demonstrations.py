"""Answers to imitate, as files of JSON lines: a prompt, and the completion that shall follow it.

`crrl data sample` makes them of a run's own completions whose rewards passed a bar (rejection sampling, as in the first
stages of arXiv:2501.12948); anybody else may, in the same form.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

from crrl.data.read_jsonl import read_jsonl
from crrl.data.rows import BadRow
from crrl.errors import DataError
from crrl.report.run_folder import RunFolder
from crrl.schema import Prompt


class Demonstration(TypedDict):
    """One answer to imitate."""

    prompt: Prompt
    completion: Prompt
    """Chat messages, as the prompt: one of the assistant."""
    task_id: str
    source: str


def read_demonstrations(path: Path) -> Iterator[Demonstration]:
    """The rows of a file. Raises DataError, naming file and row, for one that is none."""
    for read in read_jsonl(path):
        if isinstance(read, BadRow):
            raise DataError(str(read))
        where, row = read
        for name in ("prompt", "completion"):
            if not _are_messages(row.get(name)):
                raise DataError(
                    f"{where}: {name} must be a list of chat messages, each with a role and a content that are text; "
                    "`crrl data sample` writes such files"
                )
        yield {
            "prompt": row["prompt"],
            "completion": row["completion"],
            "task_id": str(row.get("task_id", "")),
            "source": str(row.get("source", "")),
        }


def sample_run(run: RunFolder, bars: Mapping[str, float], per_task: int) -> Iterator[Demonstration]:
    """The kept completions of a run whose rewards are at least `bars`, the newest first, equal ones once.

    Args:
        run: the run; it kept the completions of every `grpo.keep_completions_every` steps.
        bars: reward → the least that a completion must have earned, in [0, 1].
        per_task: at most so many of one task.

    Raises:
        DataError: the run kept none, or was not trained by one of these rewards.

    Held-out tasks are not among them. Cost: one step's completions in memory at a time.
    """
    from crrl.rewards import REWARDS

    paths = sorted(run.completions.glob("step-*.parquet"), reverse=True)
    if not paths:
        raise DataError(f"{run.path}: kept no completions of its steps (grpo.keep_completions_every, docs/metrics.md)")
    taken: dict[str, set[str]] = {}
    for path in paths:
        columns, rows = _kept(path)
        known = [name for name in columns if name in REWARDS]
        if missing := [name for name in bars if name not in known]:
            raise DataError(
                f"{path}: has no reward {missing[0]!r}; it has {', '.join(known) or 'none'}; choose with --min"
            )
        for row in rows:
            answer = json.dumps(row["completion"])
            answers = taken.setdefault(str(row["task_id"]), set())
            if answer in answers or len(answers) >= per_task or not _passes(row, bars):
                continue
            answers.add(answer)
            yield {
                "prompt": row["prompt"],
                "completion": row["completion"],
                "task_id": str(row["task_id"]),
                "source": json.dumps({"run": run.run_id, "step": int(path.stem.partition("-")[2])}),
            }


def _kept(path: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Columns and rows of a step's completions."""
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        first = str(error).strip().partition("\n")[0]
        raise DataError(
            f"{path}: is no whole parquet file ({first}); remove it, and the other steps are used"
        ) from error
    return table.column_names, table.to_pylist()


def _passes(row: Mapping[str, Any], bars: Mapping[str, float]) -> bool:
    """What was not judged, NaN or null, is not at least anything."""
    return all(row[name] is not None and row[name] >= bar for name, bar in bars.items())


def _are_messages(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and _is_text(one.get("role")) and _is_text(one.get("content")) for one in value)
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
