"""The last answers of a run as coloured diffs, for report.html."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from crrl.report.run_folder import RunFolder

SHOWN = 24
CHARS_SHOWN = 6_000
"""Of one text; the parquet file has it whole."""


def answers_section(folder: RunFolder, rewards: Sequence[str]) -> str:
    """The first completions of the last kept step; empty if none were kept yet, or they cannot be read."""
    kept = sorted(folder.completions.glob("step-[0-9]*.parquet"))
    rows = _rows(kept[-1]) if kept else []
    if not rows:
        return ""
    step = int(kept[-1].stem.rpartition("-")[2])
    names = [name for name in rewards if name in rows[0]]
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(_row(row, names) for row in rows[:SHOWN])
    return (
        f"<h2>Completions of step {step}</h2><p>{min(SHOWN, len(rows))} of {len(rows)}; all are in "
        f"completions/{kept[-1].name}.</p><table class='answers'><tr><th>task</th>{head}<th>advantage</th>"
        f"<th>answer</th></tr>{body}</table>"
    )


def diff_lines(diff: str) -> str:
    """A unified diff with its lines in colours."""
    return "".join(_coloured(diff))


def _coloured(diff: str) -> Iterator[str]:
    for line in diff.splitlines():
        kind = (
            "head" if line.startswith(("diff --git", "--- ", "+++ ", "@@")) else {"+": "new", "-": "old"}.get(line[:1])
        )
        yield f'<span class="{kind}">{escape(line)}</span>\n' if kind else f"{escape(line)}\n"


def _rows(path: Path) -> list[dict[str, Any]]:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        return list(pq.read_table(path).to_pylist())
    except (OSError, pa.ArrowInvalid):
        return []


def _row(row: dict[str, Any], names: Sequence[str]) -> str:
    scores = "".join(f"<td>{_number(row[name])}</td>" for name in names)
    completion = _text(row.get("completion"))
    patch = row.get("patch") or ""
    answer = f"<pre>{diff_lines(_cut(patch))}</pre>" if patch else '<div class="none">no change that applies</div>'
    parts = (("thought", row.get("thought") or ""), ("completion", completion), ("prompt", _text(row.get("prompt"))))
    folded = "".join(_folded(name, text, is_open=name == "completion" and not patch) for name, text in parts if text)
    task = escape(str(row.get("task_id", "")))
    return f"<tr><td>{task}</td>{scores}<td>{_number(row.get('advantage'))}</td><td>{answer}{folded}</td></tr>"


def _folded(name: str, text: str, *, is_open: bool) -> str:
    opened = " open" if is_open else ""
    return f"<details{opened}><summary>{name}</summary><pre>{escape(_cut(text))}</pre></details>"


def _number(value: Any) -> str:
    return "–" if value is None or value != value else f"{value:.2f}"  # NaN: it could not be judged


def _text(value: Any) -> str:
    if isinstance(value, list):  # chat messages
        return "\n\n".join(str(message.get("content", "")) for message in value)
    return str(value or "")


def _cut(text: str) -> str:
    return (
        text if len(text) <= CHARS_SHOWN else f"{text[:CHARS_SHOWN]}\n[… {len(text) - CHARS_SHOWN} more characters …]"
    )
