"""A task for people: the prompt as the model reads it, the human fix as a coloured diff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crrl.diffs import render_unified
from crrl.schema import TaskRow, files_from_rows

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_SIGNS = {"+": "green", "-": "red", "@": "cyan"}
_CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"}
"""Control characters as their pictures: a CR can be seen, and no task can paint the terminal."""


def print_task(console: Console, task: TaskRow) -> None:
    """Print one task. Lines are never cut or broken, so that the code can be read, copied and searched."""
    from rich.text import Text

    def put(text: str | Text, style: str = "") -> None:
        console.print(Text(_visible(text), style=style) if isinstance(text, str) else text, soft_wrap=True)

    put(f"── {task['task_id']} ({task['kind']}) ──", "bold magenta")
    put(f"source: {task['source']}")
    for message in task["prompt"]:
        put(f"\n[{message['role']}]", "bold")
        put(message["content"])
    if task["reference"]:
        put("\n[the human fix]", "bold")
        put(_coloured(render_unified(files_from_rows(task["files"]), files_from_rows(task["reference"]))))
    if task["tests"]["command"]:
        put(f"tests: {' '.join(task['tests']['command'])}, {task['tests']['timeout_s']:g} s")
    if task["label"]:
        put(f"label: {task['label']}")


def _coloured(diff: str) -> Text:
    from rich.text import Text

    text = Text()
    for line in diff.split("\n"):
        text.append(f"{_visible(line)}\n", _SIGNS.get(line[:1], ""))
    text.right_crop(1)
    return text


def _visible(text: str) -> str:
    return text.translate(_CONTROLS)
