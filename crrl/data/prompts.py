"""What a model is asked: one function per kind of task. The one place that decides how a prompt looks.

Files are shown so that their bytes can be told exactly, because SEARCH must repeat them exactly: a path line, then the
text between two fences longer than any run of back-quotes in it. A text whose last line has no newline is followed by a
line `\\ No newline at end of file`, as in a patch; a real line of that kind gets one more backslash.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from crrl.cwe import BENIGN
from crrl.data.placeholder import placeholder
from crrl.schema import Files, Message, Prompt

NO_NEWLINE = "\\ No newline at end of file"
_LIKE_NO_NEWLINE = re.compile(rf"^(\\+{re.escape(NO_NEWLINE[1:])})(\r?)$", re.MULTILINE)
_BACK_QUOTES = re.compile(r"`+")

_PATCH_RULES = """\
Answer with a patch only: for each change the path of the file on a line of its own, then a block like this one.

{example_path}
<<<<<<< SEARCH
    {example_search}
=======
    return "Hello, " + name
>>>>>>> REPLACE

- SEARCH repeats whole lines of the file exactly, blanks included, and fits at exactly one place: add lines until so.
- REPLACE is what stands there instead. Leave it empty to delete the lines.
- To create a file, leave SEARCH empty. Several blocks may follow each other; they must not overlap.
- Change what the task needs and nothing else."""

_REPAIR = "You repair programs. You are given a description of a bug and the files it is in."
_IMPLEMENT = """\
You write programs. You are given a description of what is missing and the files it belongs in. Where a line like
`...  # TODO: implement greeting` stands, replace that line by the code that belongs there."""
_CLASSIFY = """\
You judge programs. You are given a question and files. Say first what speaks for and against, as briefly as you can.
The last line of your answer must be one label and nothing else, without any mark-up: {labels}.
Decide for one: two labels count as none."""
_CWE_LABELS = f"the CWE id of the weakness, as in CWE-476, or {BENIGN}"
_EXAMPLE_PATH = "example/greeting.py"
_EXAMPLE_SEARCH = 'return "Hello" + name'


def repair_prompt(spec: str, files: Files) -> Prompt:
    """Ask for a patch that repairs `files`.

    Args:
        spec: what is wrong or what should be: an issue, a commit's subject, a specification. May be empty.
        files: the broken tree, all of it that the model may see.

    Returns:
        A system and a user message. The example in the first names a file that is not in `files`, and its SEARCH is not
        empty: an answer that echoes it does not apply.
    """
    return _patch_prompt(_REPAIR, spec, files, _EXAMPLE_SEARCH)


def implement_prompt(spec: str, files: Files) -> Prompt:
    """Ask for a patch that adds what `spec` describes; `files` may be empty, or hold a `placeholder`.

    Returns what `repair_prompt` does.
    """
    return _patch_prompt(_IMPLEMENT, spec, files, placeholder("greeting"))


def classify_prompt(question: str, files: Files, labels: Sequence[str] = ()) -> Prompt:
    """Ask for the label of `files`: reasons first, then the label on the last line, as the reward `label` wants it.

    Args:
        question: what is to be judged.
        files: what it is about.
        labels: the possible answers; none: any weakness by its CWE id, or `benign`.

    Returns:
        A system and a user message.
    """
    system = _CLASSIFY.format(labels="one of " + ", ".join(labels) if labels else _CWE_LABELS)
    parts = [question.strip(), render_files(files)]
    return [_message("system", system), _message("user", "\n\n".join(part for part in parts if part))]


def render_files(files: Files) -> str:
    """Every file as its path and its fenced text, in the tree's order, so that the exact bytes can be read back."""
    return "\n".join(_render_file(path, text) for path, text in files.items())


def _patch_prompt(task: str, spec: str, files: Files, example_search: str) -> Prompt:
    rules = _PATCH_RULES.format(example_path=_absent_path(files), example_search=example_search)
    parts = [spec.strip(), render_files(files)]
    return [_message("system", f"{task}\n\n{rules}"), _message("user", "\n\n".join(part for part in parts if part))]


def _message(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def _absent_path(files: Files) -> str:
    path = _EXAMPLE_PATH
    while path in files:
        path = f"another_{path}"
    return path


def _render_file(path: str, text: str) -> str:
    longest = max((len(run) for run in _BACK_QUOTES.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    body = _LIKE_NO_NEWLINE.sub(r"\\\1\2", text)
    if body and not body.endswith("\n"):
        body += f"\n{NO_NEWLINE}\n"
    return f"{path}\n{fence}\n{body}{fence}\n"
